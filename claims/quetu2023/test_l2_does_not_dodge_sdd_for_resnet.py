"""For ResNet-18 no weight decay takes the dip away; in the full tier only."""

import pytest

from fixtures.quetu2023 import FULL, LENET, TITLE, Setting, noisy
from sdd_claims.claim import Claim, Control, Trial

CLAIM = Claim(
    name="l2_does_not_dodge_sdd_for_resnet",
    paper="quetu2023",
    title=TITLE,
    statement="ResNet-18 on CIFAR-10 dips at every weight decay of an ablation, until it no longer learns its labels.",
    source="section 4",
)


def trial(setting: Setting) -> Trial:
    resnet = noisy(setting.networks["ResNet-18"], 0.2)
    decays = {
        f"weight decay {strength:g}": resnet.but(training={"optimizer": {"weight_decay": strength}})
        for strength in setting.decay.ablation
    }
    return Trial(
        CLAIM,
        setting.tier,
        curves=setting.accuracies(decays),
        rule=setting.dip_under_each(decays),
        control=Control("LeNet-300-100 on MNIST at its lambda_opt", setting.accuracies(dict.fromkeys(decays, LENET))),
        block=setting.block,
        deviations=(
            *setting.deviations,
            "the paper does not list its strengths: 1e-4, 1e-3, 1e-2 and 1e-1, at 20 % noise",
        ),
    )


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
