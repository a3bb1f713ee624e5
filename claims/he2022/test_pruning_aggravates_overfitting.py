"""At the critical phase pruning costs test accuracy because of label noise, while train accuracy is still kept."""

import pytest

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on, plainly
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import RunSpec
from sdd_claims.stats import AllOf, Contrast, Equivalent, Greater, Phases, Rule, Term, Window

from .settings import FAST, LENET, RESNET_CIFAR10, Setting

CLAIM = registered("he2022/pruning_aggravates_overfitting")

DENSE = Window(1.0, 1.0)


def rule(at: Phases) -> Rule:
    # Without noise the same density costs a few points too, so the loss is taken against that of clean labels, paired.
    lost_to_noise = Contrast(
        (
            Term(1, "accuracy", DENSE),
            Term(-1, "accuracy", at.memorizing),
            Term(-1, "clean accuracy", DENSE),
            Term(1, "clean accuracy", at.memorizing),
        )
    )
    forgotten = Contrast((Term(1, "train accuracy", DENSE), Term(-1, "train accuracy", at.memorizing)))
    return AllOf(
        {
            # Margin 0: any excess over the loss on clean labels is what the sentence says. Train accuracy counts as
            # kept within one point, the margin of a dip.
            "pruning costs more test accuracy under noise": Greater(lost_to_noise),
            "train accuracy is still that of the dense network": Equivalent(forgotten, margin=0.01),
        }
    )


def curves(setting: Setting, noisy: RunSpec, clean: RunSpec) -> dict[str, CurveOf]:
    levels = setting.to_critical
    return {
        "accuracy": setting.curve(noisy, levels=levels),
        "clean accuracy": setting.curve(clean, levels=levels),
        "train accuracy": setting.curve(noisy, "train_accuracy", levels=levels),
    }


def trial(setting: Setting) -> Trial:
    kept = {"pruning": {"criterion": "none"}}
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=curves(setting, setting.noisy(), setting.clean),
        rule=setting.rule(rule),
        control=Control(
            "identity masks: every level trains again and nothing is pruned",
            curves(setting, plainly(setting.noisy()).but(**kept), setting.clean.but(**kept)),
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_rate,
            "looked at where train accuracy is still within half a point of the dense network's (on pilots), which is "
            "denser than where test accuracy is lowest",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET, RESNET_CIFAR10)
def test_full(verdict):
    verdict.check()
