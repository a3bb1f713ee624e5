from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.judging.verdict import decide, judge, stays_open
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.stats import Contrast, Effect, Greater, Outcome, Term, Window
from sdd_claims.tests.tiny import NO, OPEN, SPEC, YES, trial_named

THRESHOLD = 0.001
SEEDS = (1000, 1001)


def curve(seeds=SEEDS):
    return {"accuracy": SparsityCurve(seeds, np.array([1.0, 0.5]), np.full((len(seeds), 2), 0.5))}


def judged(rule, **settings):
    trial = trial_named("obedience", rule, **settings)
    control = curve(trial.control_curves["accuracy"].seeds(SEEDS))
    return judge(trial, curve(), control, SEEDS, (2,), THRESHOLD)


@pytest.mark.parametrize(
    ("p", "p_contrary", "open_reason", "decision"),
    [
        (0.0009, 1.0, None, "supported"),
        (1.0, 0.0009, None, "refuted"),
        (1.0, 1.0, None, "inconclusive"),
        (0.5, 0.5, None, "inconclusive"),
        (0.001, 1.0, None, "inconclusive"),  # the threshold itself is not below the threshold
        (1.0, 0.001, None, "inconclusive"),
        (0.0009, 0.0009, None, "inconclusive"),  # both established: the data contradict the rule, nothing is
        (0.0, 1.0, "seed 1003 shows no peak", "inconclusive"),
        (1.0, 0.0, "seed 1003 shows no peak", "inconclusive"),
        (float("nan"), float("nan"), None, "inconclusive"),
    ],
)
def test_the_three_verdicts(p, p_contrary, open_reason, decision):
    outcome = Outcome(p, p_contrary, Effect(0, 0, 0, "accuracy"), "", open_reason)
    assert decide(outcome, THRESHOLD) == decision


@given(st.floats(0, 1), st.floats(0, 1))
def test_not_significant_is_never_refuted(p, p_contrary):
    outcome = Outcome(p, p_contrary, Effect(0, 0, 0, "accuracy"), "")
    if p_contrary >= THRESHOLD:
        assert decide(outcome, THRESHOLD) != "refuted"
    if p >= THRESHOLD:
        assert decide(outcome, THRESHOLD) != "supported"


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        (1, "the looks at 4 and 8 seeds have not been taken"),
        (2, "the look at 8 seeds has not been taken"),
        (3, None),
    ],
)
def test_what_is_open_before_its_last_look_is_open_so_far(taken, left):
    looks = (2, 4, 8)
    trial, control = trial_named("open", OPEN), curve(tuple(seed + 500 for seed in SEEDS))
    found = judge(trial, curve(), control, SEEDS, looks[:taken], THRESHOLD, looks)
    stands = found.as_it_stands
    assert stands.as_it_stands is stands
    assert stands.is_open_so_far is (left is not None)
    assert (stands is found) is (left is None)
    assert (stands.reason or "").endswith(left or "")
    assert left is None or stands.stability is None


@pytest.mark.parametrize(("rule", "decision"), [(YES, "supported"), (NO, "refuted")])
def test_what_an_early_look_has_settled_stands(rule, decision):
    trial, control = trial_named("settled", rule), curve(tuple(seed + 500 for seed in SEEDS))
    found = judge(trial, curve(), control, SEEDS, (2,), THRESHOLD, (2, 4))
    assert found.as_it_stands is found
    assert found.decision == decision


@pytest.mark.parametrize(("rule", "decision"), [(YES, "supported"), (NO, "refuted"), (OPEN, "inconclusive")])
def test_a_verdict_comes_with_that_of_its_control(rule, decision):
    verdict = judged(rule)
    assert (verdict.decision, verdict.control_decision, verdict.reason) == (decision, "inconclusive", None)
    assert verdict.openness == ("undecided" if decision == "inconclusive" else None)
    assert verdict.stability is None  # a rule that is not of the package is not spelled out


def test_a_supported_control_turns_supported_into_inconclusive_with_the_reason():
    verdict = judged(replace(YES, credulous=True))
    assert (verdict.decision, verdict.control_decision) == ("inconclusive", "supported")
    assert verdict.openness == "control supported"
    assert verdict.reason == "the control (other seeds) came out supported too, so the rule proves nothing here"


def test_a_control_that_cannot_be_measured_leaves_nothing_supported_and_the_rest_as_it_is():
    verdict = judged(replace(YES, lacking="1 of 2 seeds has no dip"))
    assert (verdict.decision, verdict.openness) == ("inconclusive", "control not measured")
    assert verdict.reason is not None
    assert verdict.reason.endswith("so the rule proves nothing here: 1 of 2 seeds has no dip")
    assert not stays_open(verdict)
    assert judged(replace(NO, lacking="1 of 2 seeds has no dip")).decision == "refuted"
    assert judged(replace(OPEN, lacking="1 of 2 seeds has no dip")).openness == "undecided"


def test_a_refuted_control_changes_nothing():
    assert judged(replace(NO, credulous=True)).decision == "refuted"


def test_a_proxy_is_never_refuted_and_says_why():
    verdict = judged(NO, proxy=True)
    assert (verdict.decision, verdict.openness) == ("inconclusive", "contrary on a proxy")
    assert verdict.reason is not None
    assert "a proxy cannot refute" in verdict.reason
    assert judged(YES, proxy=True).decision == "supported"


@pytest.mark.parametrize("rule", [YES, NO])
def test_an_open_reason_keeps_the_verdict_open_and_is_passed_on(rule):
    verdict = judged(replace(rule, open_reason="seed 1003 shows no peak"))
    assert (verdict.decision, verdict.reason) == ("inconclusive", "seed 1003 shows no peak")
    assert verdict.openness == "cannot be measured"


def test_a_trial_whose_windows_wait_for_pilots_cannot_be_judged():
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    trial = trial_named("obedience", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}))
    with pytest.raises(InputError, match="wait for its pilots"):
        judge(trial, curve(), curve(), SEEDS, (2,), THRESHOLD)


def test_a_verdict_says_how_often_a_fresh_block_would_repeat_it():
    rise = Greater(Contrast((Term(1, "accuracy", Window(0.4, 0.6)), Term(-1, "accuracy", Window(0.9, 1)))), margin=0.01)
    trial = trial_named("rises", rise, looks=(12, 24))
    seeds, rng = tuple(range(1000, 1012)), np.random.default_rng(3)

    def rising(by):
        low = rng.normal(0.5, 0.01, 12)
        return {
            "accuracy": SparsityCurve(seeds, np.array([1.0, 0.5]), np.stack([low, low + rng.normal(by, 0.01, 12)], 1))
        }

    clear, near = (judge(trial, rising(by), rising(0.0), seeds, (12,), 0.0006, (12, 24)) for by in (0.1, 0.018))
    assert (clear.decision, clear.stability) == ("supported", 1.0)
    assert near.stability is not None
    assert 0.1 < near.stability < 0.95
