import re
from dataclasses import dataclass, replace

import pytest

from sdd_claims.errors import InputError
from sdd_claims.registration.claim import Registration
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import PathSpec, PenaltySpec, PruningSpec, RunSpec, TrainingSpec
from sdd_claims.stats import AllOf, Contrast, DipThenRise, Greater, Picked, Term, Window
from sdd_claims.tests.tiny import SPEC, YES, Answer, trial_named


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"tier": "medium"}, "there is no tier 'medium'; use fast or full"),
        ({"block": 0}, r"block 0 cannot judge; give 1000, 2000, ... \(pilots are below\)"),
        ({"block": -1000}, "block -1000 cannot judge"),
        ({"block": 1500}, "block 1500 cannot judge"),
        ({"looks": ()}, r"the looks \(\) must be numbers of seeds that rise by two or more"),
        ({"looks": (12, 12)}, "must be numbers of seeds that rise"),
        ({"looks": (12, 13)}, "must be numbers of seeds that rise by two or more"),
        ({"looks": (24, 12)}, "must be numbers of seeds that rise"),
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


def test_a_repetition_on_seeds_that_judge_themselves_is_refused():
    def repeated(offset: int) -> Trial:
        again = Control("the same again", {"accuracy": CurveOf(SPEC, "test_accuracy", 2, offset)})
        return trial_named("obedience", control=again, looks=(12, 24))

    assert repeated(24).looks == repeated(0).looks
    with pytest.raises(InputError, match="a setting and its repetition, at offsets 0 and 23, share 1 of 24 seeds"):
        repeated(23)


def test_numbers_of_the_paper_are_of_parts_and_judge_nothing():
    rule = AllOf({"it rises": Greater(Contrast((Term(1.0, "accuracy", Window(0.9, 1.0)),)))})
    plain = trial_named("rises", rule, looks=(12,))
    told = replace(plain, paper_numbers={"it rises": 0.1})
    assert (told.protocol, told.family) == (plain.protocol, plain.family)
    for other in (plain.rule, YES):
        with pytest.raises(InputError, match=r"the paper's numbers are of \['it falls'\], which are no parts"):
            replace(plain, rule=other, paper_numbers={"it falls": 0.1}, looks=(12,))


def test_a_rule_of_ones_own_without_hypotheses_is_told_what_it_lacks():
    @dataclass(frozen=True)
    class Mute:
        name: str = "mute"

    with pytest.raises(InputError, match="the rule mute has no method `hypotheses`; give it one that says"):
        trial_named("obedience", Mute())


def test_a_curve_that_the_rule_reads_and_the_trial_lacks_is_named():
    trial = trial_named("obedience")
    with pytest.raises(InputError, match=r"the rule needs the curves \['accuracy'\]; add them to the trial"):
        replace(trial, curves={"loss": trial.curves["accuracy"]}, control=Control("none", {}))


def test_the_control_falls_back_on_the_trials_own_curves():
    trial: Trial = trial_named("obedience", control=Control("nothing changed", {}))
    assert trial.control_curves == trial.curves


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


def registered_claim(*rows):
    return replace(trial_named("obedience").claim, registrations={"fast": tuple(Registration(*row) for row in rows)})


def test_the_expected_outcome_is_that_of_the_register_for_the_block_that_judges():
    claim = registered_claim((1000, "supported", "2026-01-01", "aaa"), (3000, "refuted", "2026-02-02", "bbb", "why"))
    expected = {
        block: replace(trial_named("obedience", block=block, expected=None), claim=claim, expected=None).expected
        for block in (1000, 2000, 3000, 9000)
    }
    assert expected == {1000: "supported", 2000: "supported", 3000: "refuted", 9000: "refuted"}
    first = replace(trial_named("obedience", block=1000, expected=None), claim=claim, expected=None)
    assert {block: first.on_block(block).expected for block in expected} == expected
    assert replace(trial_named("obedience"), expected="refuted").on_block(2000).expected == "refuted"


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
