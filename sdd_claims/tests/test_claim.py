import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims import claim as claim_module
from sdd_claims.claim import Control, CurveOf, FromPilots, Registration, Trial, decide, judge
from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.spec import PathSpec, PenaltySpec, PruningSpec, RunSpec, TrainingSpec
from sdd_claims.stats import AllOf, Contrast, DipThenRise, Effect, Greater, Outcome, Picked, Window
from sdd_claims.tests.tiny import NO, OPEN, SPEC, YES, Answer, trial_named

THRESHOLD = 0.001
SEEDS = (1000, 1001)


def curve(seeds=SEEDS):
    return {"accuracy": SparsityCurve(seeds, np.array([1.0, 0.5]), np.full((len(seeds), 2), 0.5))}


def judged(rule, judging=True, **settings):
    trial = trial_named("obedience", rule, **settings)
    control = curve(trial.control_curves["accuracy"].seeds(SEEDS))
    return judge(trial, curve(), control, SEEDS, (2,), THRESHOLD, judging)


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


@pytest.mark.parametrize(("rule", "decision"), [(YES, "supported"), (NO, "refuted"), (OPEN, "inconclusive")])
def test_a_verdict_comes_with_that_of_its_control(rule, decision):
    verdict = judged(rule)
    assert (verdict.decision, verdict.control_decision, verdict.reason) == (decision, "inconclusive", None)
    assert verdict.as_expected == (decision == "supported")


def test_a_supported_control_turns_supported_into_inconclusive_with_the_reason():
    verdict = judged(replace(YES, credulous=True))
    assert (verdict.decision, verdict.control_decision) == ("inconclusive", "supported")
    assert verdict.reason == "the control (other seeds) came out supported too, so the rule proves nothing here"


def test_a_refuted_control_changes_nothing():
    assert judged(replace(NO, credulous=True)).decision == "refuted"


def test_a_proxy_is_never_refuted_and_says_why():
    verdict = judged(NO, proxy=True)
    assert verdict.decision == "inconclusive"
    assert verdict.reason is not None
    assert "a proxy cannot refute" in verdict.reason
    assert judged(YES, proxy=True).decision == "supported"


@pytest.mark.parametrize("rule", [YES, NO])
def test_an_open_reason_keeps_the_verdict_open_and_is_passed_on(rule):
    verdict = judged(replace(rule, open_reason="seed 1003 shows no peak"))
    assert (verdict.decision, verdict.reason) == ("inconclusive", "seed 1003 shows no peak")


@pytest.mark.parametrize("rule", [YES, NO, OPEN, replace(YES, credulous=True)])
def test_pilots_never_judge(rule):
    verdict = judged(rule, judging=False)
    assert verdict.decision is None
    assert verdict.reason is not None
    assert "never judge" in verdict.reason
    assert verdict.outcome is not None


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"tier": "medium"}, "there is no tier 'medium'; use fast or full"),
        ({"block": 0}, r"block 0 cannot judge; give 1000, 2000, ... \(pilots are below\)"),
        ({"block": -1000}, "block -1000 cannot judge"),
        ({"block": 1500}, "block 1500 cannot judge"),
        ({"looks": ()}, r"the looks \(\) must be rising numbers of seeds"),
        ({"looks": (12, 12)}, "must be rising numbers of seeds"),
        ({"looks": (24, 12)}, "must be rising numbers of seeds"),
        ({"looks": (1, 12)}, "a look at 1 seeds; the rule needs 2 or more"),
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        trial_named("obedience", **settings)


def test_windows_that_overlap_are_refused_and_the_trial_is_named():
    overlapping = replace(YES, windows_=(Window(0.5, 1), Window(0.5, 0.6)))
    with pytest.raises(InputError, match=r"the fast trial of nobody2026/obedience: .* not overlap it; move one"):
        trial_named("obedience", overlapping)


def test_windows_off_the_curve_are_refused_and_the_trial_is_named():
    rule = DipThenRise("accuracy", Window(0.9, 1), Window(0.5, 0.6), Window(0.01, 0.02))
    with pytest.raises(InputError, match=r"the fast trial of nobody2026/obedience: the window .* lies off the curve"):
        trial_named("obedience", rule, levels=4, looks=(12, 24))


def test_windows_off_the_curve_of_the_control_are_refused_too():
    shorter = Control("a shorter curve", {"accuracy": CurveOf(SPEC, "test_accuracy", 1, 500)})
    with pytest.raises(InputError, match="lies off the curve"):
        trial_named("obedience", control=shorter)


def test_fewer_seeds_at_the_first_look_than_the_rule_needs_are_refused():
    rule = DipThenRise("accuracy", Window(0.9, 1), Window(0.5, 0.6), Window(0.2, 0.3))
    with pytest.raises(InputError, match="a look at 2 seeds; the rule needs 12 or more"):
        trial_named("obedience", rule, levels=4)


def test_a_curve_that_the_rule_reads_and_the_trial_lacks_is_named():
    trial = trial_named("obedience")
    with pytest.raises(InputError, match=r"the rule needs the curves \['accuracy'\]; add them to the trial"):
        replace(trial, curves={"loss": trial.curves["accuracy"]}, control=Control("none", {}))


@pytest.mark.parametrize("seeds", [(), (0,), (0, 1000), (-1, 0)])
def test_windows_are_set_by_pilots_only(seeds):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    with pytest.raises(InputError, match="windows are set by two or more seeds from 0 to 999, the pilots"):
        trial_named("obedience", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}, seeds))


def test_windows_that_wait_for_pilots_cannot_judge_and_have_no_protocol():
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    trial = trial_named("obedience", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}))
    with pytest.raises(InputError, match="wait for its pilots"):
        judge(trial, curve(), curve(), SEEDS, (2,), THRESHOLD)
    with pytest.raises(InputError, match="wait for its pilots"):
        trial.protocol  # noqa: B018


def test_the_protocol_of_windows_from_pilots_is_how_they_follow_and_not_what_they_are(monkeypatch):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)

    def resolved(margin=0.01, pilots=(0, 1), critical=(0.4, 0.6)):
        def built(at):
            return replace(YES, margin=margin, windows_=(at["noisy"].light, at["noisy"].critical))

        trial = trial_named("obedience", FromPilots(built, {"noisy": (accuracy, accuracy)}, pilots))
        return trial.resolved(replace(YES, margin=margin, windows_=(Window(0.9, 1.0), Window(*critical))))

    protocol = resolved().protocol
    assert resolved(critical=(0.4, 0.7)).protocol == protocol
    assert resolved(margin=0.02).protocol != protocol
    assert resolved(pilots=(0, 1, 2)).protocol != protocol
    monkeypatch.setattr(claim_module, "FORMULA", 1000)
    assert resolved().protocol != protocol


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
    assert {window.axis for _, window in waiting.somewhere().placed()} == {"penalty strength"}
    assert trial.rule is waiting


def test_a_network_tells_trials_apart_and_is_no_part_of_their_protocol():
    plain = trial_named("obedience")
    named = replace(plain, network="ResNet-18 on CIFAR-10")
    assert (plain.name, named.name) == ("nobody2026/obedience", "nobody2026/obedience with ResNet-18 on CIFAR-10")
    assert plain.key != named.key
    assert plain.protocol == named.protocol
    with pytest.raises(InputError, match="the fast trial of nobody2026/obedience with ResNet-18 on CIFAR-10: block 7"):
        replace(named, block=7)


def test_rules_of_different_kinds_with_the_same_numbers_have_different_protocols():
    class Other(Answer):
        pass

    assert trial_named("obedience", Other(p=1e-9)).protocol != trial_named("obedience", YES).protocol


def test_the_control_falls_back_on_the_trials_own_curves():
    trial: Trial = trial_named("obedience", control=Control("nothing changed", {}))
    assert trial.control_curves == trial.curves


def test_an_offset_moves_the_seeds_that_are_trained():
    assert CurveOf(SPEC, "test_accuracy", 2, 500).seeds((1000, 1011)) == (1500, 1511)


PATH = RunSpec(
    training=TrainingSpec(penalty=PenaltySpec(name="l1")),
    pruning=PruningSpec(criterion="none"),
    path=PathSpec(over="penalty_strength", values=(0, 1, 10)),
)
ALONG = Answer(windows_=(Window(0, 0, "penalty strength"), Window(10, 10, "penalty strength")))


def test_a_curve_of_a_path_lies_along_its_values():
    curve = CurveOf(PATH, "test_accuracy", 2)
    assert (curve.axis, curve.position().tolist()) == ("penalty strength", [0, 1])
    assert trial_named("path", ALONG, spec=PATH, levels=3).judged_by == ALONG


def test_more_levels_than_a_path_has_points_are_refused():
    with pytest.raises(InputError, match="a path of 3 points over penalty strength has no point 3"):
        trial_named("path", ALONG, spec=PATH, levels=4)


def test_windows_along_another_axis_than_their_curve_are_refused_and_the_trial_is_named():
    with pytest.raises(InputError, match=r"nobody2026/path: the window at density .* lies along penalty strength"):
        trial_named("path", spec=PATH, levels=3)
    with pytest.raises(InputError, match=r"window at penalty strength 0 .* lies along density"):
        trial_named(
            "path", ALONG, spec=PATH, levels=3, control=Control("pruned", {"accuracy": CurveOf(SPEC, "test_loss", 3)})
        )


@pytest.mark.parametrize(
    "other",
    [
        {"spec": SPEC.but(data={"validation_size": 51}), "measure": "validation_accuracy"},
        {"offset": 100, "measure": "validation_accuracy"},
        {"measure": "train_accuracy"},
    ],
    ids=["of another run", "of other seeds", "not of validation images"],
)
def test_levels_are_picked_by_the_validation_accuracy_of_the_same_runs_and_by_nothing_else(other):
    read = CurveOf(SPEC.but(data={"validation_size": 50}), "test_accuracy", 3)
    by = replace(read, measure="validation_accuracy")
    rule = AllOf({"worse": Greater(Contrast((Picked(1, "accuracy", "validation", "best"),)))})
    trial = replace(
        trial_named("picks"),
        curves={"accuracy": read, "validation": by},
        control=Control("none", {}),
        rule=rule,
        looks=(12,),
    )
    with pytest.raises(InputError, match="which is not the validation accuracy of the same runs"):
        replace(trial, control=Control("another", {"validation": replace(read, **other)}))


ON_A_PATH = SPEC.but(pruning={"criterion": "none", "fraction": 0.2})
REFIT = ON_A_PATH.but(path={"over": "ridge_refit", "values": (1.0, 2.0, 3.0)})
EPOCHS = ON_A_PATH.but(
    data={"name": "grid", "side": None, "train_size": None},
    model={"name": "relu_network", "hidden": (9,)},
    training={"epochs": 3},
    path={"over": "epochs", "values": (1.0, 2.0, 3.0)},
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CurveOf(SPEC, "tset_accuracy", 3),
            "no measure 'tset_accuracy' (did you mean 'test_accuracy'?)",
        ),
        (lambda: CurveOf(SPEC, "sharpness", 3), "sharpness is not recorded: set RecordSpec.directions"),
        (lambda: CurveOf(SPEC, "late_drift", 3), "late_drift is not recorded: set RecordSpec.epoch_images"),
        (lambda: CurveOf(SPEC, "validation_accuracy", 3), "validation_accuracy is not recorded: set DataSpec"),
        (lambda: CurveOf(SPEC, "line_fall", 3), "line_fall is not recorded: there is a line only from a chain"),
        (lambda: CurveOf(SPEC, "rank", 3), "rank is not recorded: MLP-8 on mnist_small"),
        (lambda: CurveOf(REFIT, "learning_distance", 3), "learning_distance is not recorded"),
        (lambda: CurveOf(EPOCHS, "test_accuracy", 3), "test_accuracy is not recorded: ReLU network 9 with one hidden"),
        (lambda: CurveOf(EPOCHS, "rank", 3), "rank is not recorded: ReLU network 9 with one hidden layer"),
        (lambda: CurveOf(SPEC, "test_accuracy", 0), "CurveOf.levels must be a whole number of at least 1, got 0"),
        (lambda: CurveOf(SPEC, "test_accuracy", 3, -1), "CurveOf.offset must be a whole number of at least 0, got -1"),
    ],
)
def test_a_curve_that_training_would_not_bring_is_refused_when_it_is_registered(make, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make()


def registered_claim(*rows):
    return replace(trial_named("obedience").claim, registrations={"fast": tuple(Registration(*row) for row in rows)})


def test_the_expected_outcome_is_that_of_the_register_for_the_block_that_judges():
    claim = registered_claim((1000, "supported", "2026-01-01", "aaa"), (3000, "refuted", "2026-02-02", "bbb", "why"))
    expected = {
        block: replace(trial_named("obedience", block=block, expected=None), claim=claim, expected=None).expected
        for block in (1000, 2000, 3000, 9000)
    }
    assert expected == {1000: "supported", 2000: "supported", 3000: "refuted", 9000: "refuted"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"expected": "refuted"}, "expected='refuted', but the register says 'supported'; leave it out here"),
        ({"block": 1000}, "the register says nothing of block 1000; give it a row for that block"),
        ({"tier": "full"}, "the claim is registered for fast only; register this tier"),
    ],
)
def test_a_trial_that_contradicts_the_register_is_refused(settings, message):
    claim = replace(registered_claim((2000, "supported", "2026-01-01", "aaa")), tiers=("fast",))
    trial = trial_named("obedience", block=2000)
    with pytest.raises(InputError, match=re.escape(message)):
        replace(trial, **{"claim": claim, "expected": None, **settings})


@pytest.mark.parametrize(
    ("first", "expected"), [(1000, "supported"), (2500, "supported"), (3000, "refuted"), (9000, "refuted")]
)
def test_seeds_that_a_user_gave_are_judged_by_what_is_expected_of_their_own_block(first, expected):
    claim = registered_claim((2000, "supported", "2026-01-01", "aaa"), (3000, "refuted", "2026-02-02", "bbb"))
    trial = replace(trial_named("obedience", block=2000), claim=claim, expected=None)
    assert replace(trial, own_seeds=(first, first + 1)).expected == expected
