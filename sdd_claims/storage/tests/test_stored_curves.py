"""What stands in a store may be of another version, or of another hand: it is a curve, or refused in a sentence."""

from dataclasses import replace

import pytest

from sdd_claims.errors import InputError, StoreError
from sdd_claims.record import Replica
from sdd_claims.storage.stored_curves import curve_of
from sdd_claims.tests.tiny import SPEC, instant_level

RECORD, _ = instant_level(Replica(SPEC, 1000), 0, None)
SETTINGS = SPEC.as_dict()


@pytest.mark.parametrize("value", ["much", [1.0], {"a": 1}, 10**400])
def test_a_measure_that_is_no_number_is_refused(value):
    with pytest.raises(StoreError, match=r"a stored test_accuracy is no number .*; use the version that wrote it"):
        curve_of((1000,), [[replace(RECORD, test_accuracy=value)]], SETTINGS, "test_accuracy")


@pytest.mark.parametrize("series", [(), 3, "much", (None, 0.5), ({}, 0.5)])
@pytest.mark.parametrize("measure", ["best_epoch_test_accuracy", "last_drift"])
def test_a_series_that_cannot_be_summed_up_is_refused(series, measure):
    with pytest.raises(StoreError, match=f"a stored {measure} is no number"):
        curve_of((1000,), [[replace(RECORD, epoch_test_accuracy=series)]], SETTINGS, measure)


def test_a_measure_that_was_not_recorded_is_said_to_be_so():
    with pytest.raises(InputError, match="sharpness was not recorded"):
        curve_of((1000,), [[RECORD]], SETTINGS, "sharpness")


def test_what_is_derived_from_a_level_on_lies_where_the_levels_of_the_chain_do():
    late = SPEC.but(record={"weights": "every_level"}, derivation={"kind": "redense", "from_level": 2})
    found = curve_of((1000,), [[RECORD, RECORD]], late.as_dict(), "test_accuracy")
    assert found.position.tolist() == [SPEC.position(2), SPEC.position(3)]


@pytest.mark.parametrize("settings", [{}, {"pruning": 7}, {"path": []}, {"path": 7}, {"pruning": {}}])
def test_settings_of_another_version_have_no_positions(settings):
    with pytest.raises(InputError, match=r"the stored settings of the run cannot be read .*; use the version that"):
        curve_of((1000,), [[RECORD]], settings, "test_accuracy")
