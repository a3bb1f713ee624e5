import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from sdd_claims.errors import InputError
from sdd_claims.registration import protocol as protocol_module
from sdd_claims.registration import trial as trial_module
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.register import the_register
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Collapse, Contrast, DipThenRise, Greater, Term, ThresholdWithin, Window
from sdd_claims.tests.tiny import NOISY, SPEC, YES, Answer, trial_named


def test_the_protocol_of_windows_from_pilots_is_how_they_follow_and_not_what_they_are(monkeypatch):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)

    def resolved(margin=0.01, pilots=(0, 1), critical=(0.4, 0.6)):
        def built(at):
            return replace(YES, margin=margin, windows_=(at["noisy"].light, at["noisy"].critical))

        waiting = FromPilots(built, {"noisy": (accuracy, accuracy)}, pilots)
        rule = replace(YES, margin=margin, windows_=(Window(0.9, 1.0), Window(*critical)))
        return replace(trial_named("obedience", waiting), rule=rule, windows_from=waiting)

    protocol = resolved().protocol
    assert resolved(critical=(0.4, 0.7)).protocol == protocol
    assert resolved(margin=0.02).protocol != protocol
    assert resolved(pilots=(0, 1, 2)).protocol != protocol
    monkeypatch.setattr(protocol_module, "FORMULA", 1000)
    assert resolved().protocol != protocol


@pytest.mark.parametrize(
    "changes",
    [
        {"curves": {"accuracy": CurveOf(SPEC, "test_accuracy", 3)}},
        {"curves": {"accuracy": CurveOf(SPEC, "train_accuracy", 2)}},
        {"curves": {"accuracy": CurveOf(NOISY, "test_accuracy", 2)}},
        {"control": Control("noise", {"accuracy": CurveOf(NOISY, "test_accuracy", 2)})},
        {"control": Control("other seeds", {"accuracy": CurveOf(SPEC, "test_accuracy", 2, 100)})},
        {"rule": replace(YES, margin=0.02)},
        {"block": 2000},
        {"looks": (2, 6)},
        {"own_seeds": (1000, 1001)},
        {"proxy": True},
    ],
)
def test_whatever_is_fixed_before_a_block_judges_is_part_of_its_protocol(changes):
    trial = trial_named("obedience")
    assert replace(trial, **changes).protocol != trial.protocol


def test_windows_that_wait_for_pilots_have_the_protocol_that_they_will_have_once_set():
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    rule = FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)})
    waiting = trial_named("obedience", rule)
    with_windows = replace(waiting, rule=YES, windows_from=rule)
    assert (waiting.protocol, waiting.family) == (with_windows.protocol, with_windows.family)


def test_a_field_younger_than_what_has_judged_is_part_of_a_protocol_unless_it_has_its_default():
    def of(**settings):
        curves = {name: CurveOf(SPEC, "test_accuracy", 2) for name in ("accuracy", "train")}
        rule = DipThenRise("accuracy", Window(0.5, 1), Window(0.2, 0.4), Window(0.05, 0.1), **settings)
        return protocol_module.protocol_digest(curves, curves, rule, (), False)

    assert of() == of(collapse=None) == "cb6b1e0c18db90478cc88f4a78d6f1f0b3287673bbb7a54043059ccb0250e622"
    assert of(collapse=Collapse(2, 0.2)) != of()


def test_a_network_tells_trials_apart_and_is_no_part_of_their_protocol():
    plain = trial_named("obedience")
    named = replace(plain, network="ResNet-18 on CIFAR-10")
    assert (plain.name, named.name) == ("nobody2026/obedience", "nobody2026/obedience with ResNet-18 on CIFAR-10")
    assert plain.key != named.key
    assert plain.protocol == named.protocol
    with pytest.raises(InputError, match="the fast trial of nobody2026/obedience with ResNet-18 on CIFAR-10: block 7"):
        replace(named, block=7)


ACCURACY = CurveOf(SPEC, "test_accuracy", 2)


def of(margin: Any, edge: Any, weight: Any, drop: Any, levels: Any = 2, **settings: Any) -> Trial:
    """A trial with a number of every kind."""
    parts: dict[str, Any] = {
        "margin": Greater(Contrast((Term(weight, "accuracy", Window(0.5, edge)),)), margin),
        "drop": ThresholdWithin("accuracy", Window(0.5, edge), drop),
        "answer": Answer(late=settings.pop("late", 4)),
    }
    curves = {"accuracy": CurveOf(SPEC, "test_accuracy", levels, settings.pop("offset", 0))}
    settings.setdefault("looks", (12, 24))
    return replace(trial_named("obedience"), curves=curves, rule=AllOf(parts), **settings)


def waiting(margin: Any, edge: Any, seeds: Any) -> str:
    built = Answer(margin=margin, windows_=(Window(0.9, edge), Window(0.4, 0.6)))
    rule = FromPilots(lambda at: built, {"noisy": (ACCURACY, ACCURACY)}, seeds)
    return replace(trial_named("obedience"), rule=built, windows_from=rule).protocol


def test_equal_numbers_have_one_protocol():
    plain = of(1.0, 1.0, 1.0, 0.125)
    assert of(1, 1, 1, 0.125, late=4.0, proxy=0).protocol == plain.protocol
    assert of(2, 1, 1, 0.125).protocol != plain.protocol
    assert of(-0.0, 1, 1, 0.125).protocol == of(0, 1, 1, 0.125).protocol
    assert waiting(1, 1, (0, 1)) == waiting(1.0, 1.0, [0, 1])


def test_numbers_of_numpy_are_taken_as_those_of_python():
    plain = of(1.0, 1.0, 1.0, 0.125)
    one, eighth = np.float32(1), np.float16(0.125)
    looks, ends = np.array([12, 24]), {"block": np.int64(1000), "offset": np.int64(0), "late": np.int64(4)}
    trial = of(one, np.float64(1), np.int64(1), eighth, np.int64(2), looks=looks, proxy=np.False_, **ends)
    assert trial.protocol == plain.protocol
    assert trial == plain
    assert {type(number) for number in (trial.block, *trial.looks, trial.curves["accuracy"].levels)} == {int}
    assert '"margin": 1.0' in json.dumps(asdict(trial.judged_by))
    assert waiting(one, one, np.arange(2)) == waiting(1.0, 1.0, (0, 1))
    seeds: Any = np.arange(1000, 1012)
    own = replace(plain, own_seeds=seeds)
    assert own.judged_seeds() == (tuple(range(1000, 1012)),)
    assert own.protocol == replace(plain, own_seeds=tuple(range(1000, 1012))).protocol


A_SET: Any = replace(YES, margin={1})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"block": 1000.0}, "blocks must be whole numbers, got 1000.0; give such"),
        ({"looks": 12}, "looks must be whole numbers, got 12; give a tuple of them"),
        ({"looks": (12.0, 24)}, "looks must be whole numbers, got 12.0; give such"),
        ({"own_seeds": (1000.5, 1001)}, "seeds must be whole numbers, got 1000.5; give such"),
        ({"rule": replace(YES, margin=float("inf"))}, "Answer.margin is inf; give a finite number"),
        ({"rule": A_SET}, "Answer.margin holds {1}; a protocol takes numbers, texts"),
        ({"rule": FromPilots(lambda at: A_SET, {})}, "Answer.margin holds {1}; a protocol takes"),
    ],
)
def test_what_no_protocol_can_hold_is_said_when_the_trial_is_written_down(settings, sentence):
    with pytest.raises(InputError) as raised:
        replace(trial_named("obedience"), **settings)
    assert str(raised.value).startswith(f"the fast trial of nobody2026/obedience: {sentence}")


def test_the_level_is_part_of_the_protocol_and_not_of_its_family(monkeypatch):
    trial = trial_named("obedience")
    protocol, family, register = trial.protocol, trial.family, the_register()
    fewer = {name: claim for name, claim in register.claims.items() if claim.paper != "zhang2024"}
    for other in (replace(register, alpha=0.01), replace(register, claims=fewer)):
        monkeypatch.setattr(trial_module, "the_register", lambda other=other: other)
        assert trial.protocol != protocol
        assert trial.family == family


def test_rules_of_different_kinds_with_the_same_numbers_have_different_protocols():
    class Other(Answer):
        pass

    assert trial_named("obedience", Other(p=1e-9)).protocol != trial_named("obedience", YES).protocol
