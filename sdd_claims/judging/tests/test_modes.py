from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.judging.modes import Judging, Pilots, Smoke
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import PILOTS, FromPilots
from sdd_claims.tests.tiny import NO, OPEN, SPEC, YES, trial_named

TRIAL = trial_named("obedience")
MODES = (Judging(), Pilots(), Smoke(Path("/nowhere")))
ACCURACY = CurveOf(SPEC, "test_accuracy", 2)
FROM_PILOTS = FromPilots(lambda at: YES, {"noisy": (ACCURACY, ACCURACY)}, (3, 4))


def read(curve, seeds):
    return SparsityCurve(curve.seeds(seeds), np.array([1.0, 0.5]), np.full((len(seeds), 2), 0.5))


def test_only_judging_touches_seeds_that_judge():
    seeds = [mode.looks(TRIAL) for mode in MODES]
    assert seeds == [((1000, 1001), (1000, 1001, 1002, 1003)), (PILOTS,), ((0, 1),)]
    assert [mode.judges for mode in MODES] == [True, False, False]


def test_every_mode_has_a_report_of_its_own_and_the_option_that_chooses_it():
    assert [(mode.option, mode.report_folder) for mode in MODES] == [
        (None, "reports/latest"),
        ("--pilots", "reports/pilots"),
        ("--smoke", "reports/smoke"),
    ]


def test_only_a_smoke_run_shrinks_its_curves_and_rehearses_its_checkpoints():
    trial = trial_named("long", levels=3)
    assert [mode.curves(trial) == (trial.curves, trial.control_curves) for mode in MODES] == [True, True, False]
    assert [mode.checkpoints_every_epoch for mode in MODES] == [False, False, True]


def test_a_smoke_run_waits_for_no_pilots():
    waiting = trial_named("waiting", FROM_PILOTS)
    assert [mode.awaited_pilots(waiting) for mode in MODES] == [FROM_PILOTS, FROM_PILOTS, None]
    assert [mode.awaited_pilots(TRIAL) for mode in MODES] == [None, None, None]


@pytest.mark.parametrize("rule", [YES, NO, OPEN, replace(YES, credulous=True)])
def test_pilots_never_judge(rule):
    trial = trial_named("obedience", rule)
    judged, tried = (mode.verdict(trial, 0, read, 0.05) for mode in (Judging(), Pilots()))
    assert tried.decision is None
    assert tried.reason == "these are pilot seeds, which never judge"
    assert (tried.outcome is None, tried.control_decision) == (False, judged.control_decision)
    assert judged.decision is not None


def test_a_smoke_run_reads_every_curve_and_finds_nothing():
    seen = []

    def seeing(curve, seeds):
        seen.append((curve.measure, seeds))
        return read(curve, seeds)

    verdict = Smoke(None).verdict(TRIAL, 0, seeing, 0.05)
    assert seen == [("test_accuracy", (0, 1))] * 2
    assert (verdict.decision, verdict.outcome, verdict.seeds, verdict.looks) == (None, None, (0, 1), (2,))


def test_a_trial_without_windows_is_open_and_on_pilots_undecided():
    waiting, why = trial_named("waiting", FROM_PILOTS), InputError("no dip")
    verdicts = [mode.verdict_without_windows(waiting, FROM_PILOTS, why) for mode in (Judging(), Pilots())]
    assert [verdict.decision for verdict in verdicts] == ["inconclusive", None]
    assert {verdict.reason for verdict in verdicts} == {"no windows can be set, so that no seed has judged: no dip"}
