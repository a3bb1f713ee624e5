"""Stronger weight decay leaves weights of less variance, before and after pruning."""

import pytest

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import RunSpec
from sdd_claims.stats import AllOf, Contrast, Greater, Rule, Term, Window

from .settings import FAST, FULL, Setting

CLAIM = registered("quetu2023/strong_l2_narrows_weights")

WHERE = {"before pruning": Window(1, 1), "after pruning": Window(0.4, 0.65)}


def narrower(where: Window) -> Rule:
    return Greater(Contrast((Term(1, "vanilla", where), Term(-1, "lambda_opt", where))), unit="variance of weights")


def trial(setting: Setting) -> Trial:
    def variance(spec: RunSpec, offset: int = 0) -> CurveOf:
        return setting.curve(spec, "weight_variance", levels=4, offset=offset)

    return Trial(
        CLAIM,
        setting.tier,
        curves={"vanilla": variance(setting.vanilla()), "lambda_opt": variance(setting.optimal())},
        rule=AllOf({name: narrower(where) for name, where in WHERE.items()}),
        control=Control("vanilla again, on other seeds", {"lambda_opt": variance(setting.vanilla(), 100)}),
        block=setting.block,
        proxy=setting.tier == "fast",
        deviations=(
            *setting.deviations,
            *setting.of_decay,
            "after pruning: mean over densities from 0.65 to 0.4; the paper shows 0.512",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
