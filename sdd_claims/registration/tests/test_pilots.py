from dataclasses import replace

import pytest

from sdd_claims.errors import InputError
from sdd_claims.registration import pilots as pilots_module
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trial import Control
from sdd_claims.stats import DipThenRise, Phases, Window
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
        return curve

    monkeypatch.setattr(pilots_module, "find_phases", lambda test, train: found)
    resolved, phases = trial.resolved(read)
    assert resolved.judged_by.windows()["light"] == found.light
    assert (resolved.windows_from, phases) == (waiting, {"noisy": found})
    assert asked == [(accuracy, (3, 4))] * 2
    assert resolved.resolved(read) == (resolved, {})

    def no_dip(test, train):
        raise InputError("no dip")

    monkeypatch.setattr(pilots_module, "find_phases", no_dip)
    with pytest.raises(InputError, match=r"nobody2026/waiting \[fast\], noisy: no dip"):
        trial.resolved(read)
