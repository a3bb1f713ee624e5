"""The sparser the network was, the sharper the minimum that re-dense training finds from it.

Its fast trial is registered as inconclusive. On twelve pilots sharpness is .97 nats from the dense network, falls to
.41 from density .17, and is 1.01 from the critical phase, 1.8 from the sweet and 4.5 and more from the collapsed:
from the light phase on it rises as the paper says, but the step from the dense network to the critical phase is .05
with a standard deviation of .17, which some 200 seeds would tell from zero, and within half a filter norm it goes the
other way (12.8 to 10.4, six pilots).
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Phases, Rule, Term, Window, ordered

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/redense_minima_sharper_when_sparser")


def rule(at: Phases) -> Rule:
    windows = {
        "from the dense network": Window(1.0, 1.0),
        "from the critical phase": at.critical,
        "from the sweet phase": at.sweet,
        "from the collapsed phase": at.last_fall(),
    }
    return ordered({name: Term(1, "sharpness", window) for name, window in windows.items()}, unit="nats")


def trial(setting: Setting) -> Trial:
    levels = setting.to_collapsed
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"sharpness": setting.curve(setting.derived("redense"), "sharpness", levels=levels)},
        rule=setting.rule(rule),
        control=Control(
            "four dense networks, trained independently on the same data",
            {"sharpness": setting.curve(setting.derived("independent"), "sharpness", levels=levels)},
        ),
        looks=setting.looks_where_open,
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            "sharpness: the curvature of a parabola fitted to the training loss within a tenth of a filter norm of the "
            "minimum, along filter-normalised random directions, the mean of three; the paper shows curves of loss",
            *setting.in_fast(
                "registered as inconclusive: on pilots sharpness falls at first, and the step from the dense network "
                "to the critical phase is 0.05 nats with a standard deviation of 0.17"
            ),
            *setting.shown_on("ResNet-18 on CIFAR"),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR100, RESNET_CIFAR10, LENET)
def test_full(verdict):
    verdict.check()
