"""Networks with the mask of a lottery ticket and a fresh random initialization show sparse double descent, too."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial

from .settings import FAST, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/reinitialized_networks_show_sdd")


def trial(setting: Setting) -> Trial:
    reinitialized = {"reinitialized": setting.derived("reinitialized")}
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=setting.accuracies(reinitialized),
        rule=setting.dip_under_each(reinitialized),
        control=Control("lottery tickets without label noise", setting.accuracies({"reinitialized": setting.clean})),
        block=setting.block,
        deviations=(*setting.deviations, *setting.of_rate, *setting.shown_on("ResNet-18 on CIFAR")),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, RESNET_CIFAR10, RESNET_CIFAR100)
def test_full(verdict):
    verdict.check()
