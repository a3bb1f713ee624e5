"""Every way of retraining a pruned network shows sparse double descent.

The fast tier keeps its constant learning rate, at which finetuning and learning rate rewinding are one. With a step to
a tenth after 40 of the 60 epochs they differ, but on twelve pilots finetuning then rises by 1.1 points (standard
deviation 0.8) and scratch retraining falls by 1.4 (0.8): too near the margin of a point for any number of seeds.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/sdd_under_every_retraining")


ONE_RUN = (
    "with LeNet's constant learning rate and rewinding to iteration 0, finetuning and learning rate rewinding are one "
    "and the same, and judged on one run",
)


def trial(setting: Setting) -> Trial:
    noisy, clean = setting.by_retraining(setting.noisy()), setting.by_retraining(setting.clean)
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=setting.accuracies(noisy),
        rule=setting.dip_under_each(noisy),
        control=Control("no label noise", setting.accuracies(clean)),
        block=setting.block,
        deviations=(*setting.deviations, *setting.of_rate, *(ONE_RUN if setting.finetunes_by_rewinding else ())),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR100, RESNET_CIFAR10, LENET)
def test_full(verdict):
    verdict.check()
