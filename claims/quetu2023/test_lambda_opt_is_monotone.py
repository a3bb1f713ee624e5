"""With weight decay tuned to lambda_opt, test accuracy does not dip, and the network is more accurate.

By the paper's lambda_opt, the strength at which the test loss becomes monotone, the first half could not be false. The
trials on the fast tier's MLP and on LeNet-300-100 take the strength that is most accurate on validation images, whether
it dips or not.

On LeNet-300-100 and all of MNIST, the simple setup that the paper names, three pilots without weight decay have 82 % of
the test images right when dense, 74 % at density .107 and 93 % at .0115; one with 0.01 has 97 % from the dense network
to density .04, without a dip. The trial runs on a CPU, in portable arithmetic.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, DipFree, Greater, Phases, Rule, Term

from .settings import FAST, FULL, LENET, Setting, at

CLAIM = registered("quetu2023/lambda_opt_is_monotone")

OF_LENET = (
    "that it is more accurate the paper says of ViT, of LeNet-300-100 only that the dip goes",
    "the sentence on LeNet-300-100 tells of an earlier study of its authors (arXiv 2302.13259, not consulted) and "
    "speaks of weight decay, not of one that is tuned: with 0.003 in place of 0.01 a pilot still dips by 1.2 points",
    "the paper's chains go on beyond 99.8 % sparsity, these to 99.5 %, where a pilot with 0.01 has 95 % of the test "
    "images right: a dip at higher sparsity would not be seen",
    "the control is far from the claim: without weight decay both parts are false by several points",
)


def rule(windows: Phases) -> Rule:
    enhanced = Term(1, "lambda_opt", windows.light), Term(-1, "vanilla", windows.light)
    return AllOf(
        {
            "no dip": DipFree("lambda_opt", light=windows.light, critical=windows.critical, sweet=windows.sweet),
            "more accurate": Greater(Contrast(enhanced), margin=0.01),
        }
    )


def trial(setting: Setting) -> Trial:
    vanilla = at(setting.decay.network, setting.decay.rate)
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"lambda_opt": setting.curve(setting.optimal()), "vanilla": setting.curve(setting.vanilla())},
        rule=setting.rule_at({vanilla: setting.vanilla()}, lambda windows: rule(windows[vanilla])),
        control=Control(
            "the vanilla weight decay, on other seeds",
            {"lambda_opt": setting.curve(setting.vanilla(), offset=100)},
        ),
        block=setting.block,
        # At the first of two looks twelve seeds could not decide: 2 x 2^-12 lies above .00046. LeNet's pilots differ so
        # little that twelve are enough.
        looks=setting.looks_by_tier(full=(12,) if setting is LENET else (12, 24)),
        deviations=(
            *setting.deviations,
            *setting.of_decay,
            "more accurate: in the light phase, where the paper says that performance is enhanced without a number; by "
            "its Table 1 the best network of the whole vanilla path is the more accurate one",
            *(OF_LENET if setting is LENET else ()),
            *setting.in_full(
                f"only {setting.decay.network} at {setting.decay.rate * 100:.0f} % noise is judged here; the other "
                "rates are not"
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()


@full_on(trial, LENET)
def test_full_on(verdict):
    verdict.check()
