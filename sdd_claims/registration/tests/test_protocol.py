from dataclasses import replace

import pytest

from sdd_claims.errors import InputError
from sdd_claims.registration import protocol as protocol_module
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.stats import Window
from sdd_claims.tests.tiny import SPEC, YES, Answer, trial_named


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


def test_windows_that_wait_for_pilots_have_no_protocol():
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    trial = trial_named("obedience", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}))
    with pytest.raises(InputError, match="wait for its pilots"):
        trial.protocol  # noqa: B018


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
