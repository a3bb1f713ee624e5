"""A path of penalty strengths from its spec to claims.json, trained for real."""

import json

import pytest

from sdd_claims.judging.modes import Judging, Pilots, Smoke
from sdd_claims.judging.plan_report import in_words
from sdd_claims.judging.run import ClaimRun
from sdd_claims.judging.settings import Settings
from sdd_claims.machine.devices import CPU
from sdd_claims.registration.claim import Claim
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import PathSpec, PenaltySpec, PruningSpec
from sdd_claims.stats import Contrast, Greater, Term, Window
from sdd_claims.tests.tiny import SPEC

PENALTY = "penalty strength"
PATH = SPEC.but(
    pruning=PruningSpec(criterion="none"),
    training={"epochs": 4, "penalty": PenaltySpec(name="l1")},
    path=PathSpec(over="penalty_strength", values=(0, 0.01, 0.1)),
)
WEAK, STRONG = Window(0, 0, PENALTY), Window(0.1, 0.1, PENALTY)
SHRINKS = Greater(Contrast((Term(1, "spread", WEAK), Term(-1, "spread", STRONG))), unit="squared weight")


@pytest.fixture
def trial():
    return Trial(
        Claim(
            "penalty_shrinks_weights",
            "nobody2026",
            "Nobody 2026, A paper",
            "A strong penalty makes the weights smaller.",
            "Figure 0",
        ),
        "fast",
        curves={"spread": CurveOf(PATH, "weight_variance", 3)},
        rule=SHRINKS,
        control=Control("what no penalty changes", {"spread": CurveOf(PATH, "density", 3)}),
        looks=(12,),
    )


@pytest.mark.parametrize("mode", [Judging(), Pilots(), Smoke(None)])
def test_a_path_is_trained_judged_and_reported(trial, tmp_path, mode):
    run = ClaimRun(
        Settings(
            tmp_path / "store",
            {"fast": CPU, "full": None},
            None,
            "serial",
            None,
            mode,
            0.05,
            46,
            report=tmp_path / "report",
        )
    )
    run.trials.append(trial)
    assert "TFLOP" in " ".join(in_words(run.planned()))
    entry = run.entry(trial, "test_path.py")
    page = run.write_report([entry], "pytest")
    stored = json.loads((tmp_path / "report" / "claims.json").read_text(encoding="utf-8"))["claims"][0]
    assert stored["runs"]["spread"]["axis"] == PENALTY
    assert stored["windows"] == {"0": [0, 0], "0.1": [0.1, 0.1]}
    assert set(stored["window_axes"].values()) == {PENALTY}
    assert "could not be read" not in page.read_text(encoding="utf-8")
    assert stored["verdict"] == ("supported" if mode.judges else None)
    assert ("spread at penalty strength 0 − spread at penalty strength 0.1" in stored["words"]) == (mode != Smoke(None))
    assert "stored, 0 to train" in " ".join(in_words(run.planned()))
