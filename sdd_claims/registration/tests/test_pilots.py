from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.registration import pilots as pilots_module
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trial import Control
from sdd_claims.stats import DipThenRise, Phases, Window, find_phases
from sdd_claims.tests.tiny import SPEC, YES, trial_named


@pytest.mark.parametrize("seeds", [(), (0,), (0, 1000), (-1, 0)])
def test_windows_are_set_by_pilots_only(seeds):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    with pytest.raises(InputError, match="windows are set by two or more seeds from 0 to 999, the pilots"):
        FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}, seeds)


def test_windows_along_a_path_wait_for_pilots_too():
    path = SPEC.but(
        pruning={"criterion": "none", "fraction": 0.2},
        training={"penalty": {"name": "l1"}},
        path={"over": "penalty_strength", "values": (0, 0.1, 1)},
    )
    accuracy = CurveOf(path, "test_accuracy", 3)
    waiting = FromPilots(
        lambda at: DipThenRise("accuracy", at["path"].light, at["path"].critical, at["path"].sweet),
        {"path": (accuracy, accuracy)},
    )
    trial = trial_named("obedience", waiting, spec=path, levels=3, looks=(12,), control=Control("itself", {}))
    assert {window.axis for _, window in waiting.with_placeholder_windows().placed()} == {"penalty strength"}
    assert trial.rule is waiting


def test_a_trial_is_resolved_by_the_phases_that_its_pilots_show_and_says_where_they_show_none(monkeypatch):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    waiting = FromPilots(
        lambda at: replace(YES, windows_=(at["noisy"].light, at["noisy"].critical)),
        {"noisy": (accuracy, accuracy)},
        (3, 4),
    )
    trial = trial_named("waiting", waiting)
    found = replace(Phases(*(Window(0.4, 0.6) for _ in Phases.__slots__)), light=Window(0.9, 1))
    asked = []

    def read(curve, seeds):
        asked.append((curve, seeds))
        return SimpleNamespace(values=np.array([[0.9, 0.8], [0.9, np.nan]]))

    monkeypatch.setattr(pilots_module, "find_phases", lambda test, train: found)
    resolved, phases = trial.resolved(read)
    assert resolved.judged_by.windows()["light"] == found.light
    assert (resolved.windows_from, phases) == (waiting, {"noisy": found})
    assert {*asked} == {(accuracy, (3, 4))}
    (diverged,) = waiting.diverged(read)
    assert diverged.startswith(f"1 of 2 pilots diverged ({SPEC})")
    assert resolved.deviations == (*trial.deviations, diverged)
    assert resolved.resolved(read) == (resolved, {})

    def no_dip(test, train):
        raise InputError("no dip")

    monkeypatch.setattr(pilots_module, "find_phases", no_dip)
    with pytest.raises(InputError, match=r"nobody2026/waiting \[fast\], noisy: no dip"):
        trial.resolved(read)


def chain(setting: int, measure: str = "test_accuracy") -> CurveOf:
    """A curve of a setting of its own, by its seed offset."""
    return CurveOf(SPEC, measure, 7, setting)


TWO = FromPilots(
    lambda at: YES,
    {name: (chain(place), chain(place, "train_accuracy")) for place, name in enumerate(("early", "late"))},
    (3, 4),
)


def read_two(curve, seeds):
    """Test accuracy dips at level 2 of the first setting and at level 3 of the second; train accuracy falls later."""
    position = np.array([0.5**level for level in range(7)])
    dips = ([0.7, 0.8, 0.5, 0.6, 0.7, 0.6, 0.4], [0.6, 0.7, 0.8, 0.5, 0.6, 0.7, 0.4])
    mean = np.array(dips[curve.offset] if curve.measure == "test_accuracy" else [0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.7])
    return SparsityCurve(seeds, position, mean + np.array([[0.001], [-0.001]]))


def test_every_setting_has_the_windows_of_its_own_curves_test_before_train():
    found = TWO.phases(read_two)
    for name, (test, train) in TWO.settings.items():
        assert found[name] == find_phases(read_two(test, TWO.seeds), read_two(train, TWO.seeds))
    assert found["early"].critical != found["late"].critical
    assert found["early"].memorizing != found["early"].light


def test_a_setting_whose_pilots_show_no_dip_takes_no_windows_of_another():
    def read(curve, seeds):
        found = read_two(curve, seeds)
        return found if curve.offset == 0 else replace(found, values=np.sort(found.values)[:, ::-1])

    with pytest.raises(InputError, match="late: the pilots' mean test accuracy shows no dip"):
        TWO.phases(read)
