"""Re-dense training from the sweet and from the collapsed phase ends in sharper minima than training the dense network.

Section 3.1 compares with the dense network, and so does this claim. The captions of Figures 8 and 43 say more: the
sparser the network was, the sharper the minimum might be. These networks do not show that all along the curve: on
twelve pilots log sharpness falls by .9 from the dense network to density .17, and rises from there on. So an order of
all four phases, asked for on blocks before 9000, was never established. On the same pilots sharpness is higher than the
dense network's by .94 nats from the sweet phase (standard deviation .27) and by 4.35 from the collapsed (1.66), from
the critical phase by .18 (.23).
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater, Phases, Rule, Term, Window

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/redense_minima_sharper_when_sparser")


def rule(at: Phases) -> Rule:
    dense = Term(-1, "sharpness", Window(1.0, 1.0))
    windows = {"from the sweet phase": at.sweet, "from the collapsed phase": at.last_fall()}
    return AllOf(
        {
            f"sharper {name} than from the dense network": Greater(
                Contrast((Term(1, "sharpness", window), dense)), unit="nats"
            )
            for name, window in windows.items()
        }
    )


def trial(setting: Setting) -> Trial:
    levels = setting.to_collapsed
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"sharpness": setting.curve(setting.derived("redense"), "sharpness", levels=levels)},
        rule=setting.rule(rule),
        control=Control(
            "dense networks throughout, trained independently on the same data",
            {"sharpness": setting.curve(setting.derived("independent"), "sharpness", levels=levels)},
        ),
        block=setting.block,
        looks=setting.looks_by_tier(fast=(12, 24, 48)),
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            "sharpness: the curvature of a parabola fitted to the training loss within a tenth of a filter norm of the "
            "minimum, along filter-normalised random directions, the mean of three; the paper shows curves of loss",
            *setting.in_fast(
                "that minima are sharper the sparser the network was, as captions say, is not asked for: on pilots "
                "they are flatter than the dense network's in the light phase, and in the critical one sharper by "
                "0.18 nats with a standard deviation of 0.23"
            ),
            "the dense network that is compared is re-trained, too, for as many epochs again: a network trained once "
            "may be sharper",
            *setting.shown_on("ResNet-18 on CIFAR"),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR100, RESNET_CIFAR10, LENET)
def test_full(verdict):
    verdict.check()
