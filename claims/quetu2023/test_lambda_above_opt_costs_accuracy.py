"""Beyond lambda_opt there is still no dip, but accuracy is worse."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, DipFree, Greater, Phases, Rule, Term

from .settings import FAST, FULL, Setting, at

CLAIM = registered("quetu2023/lambda_above_opt_costs_accuracy")


def rule(windows: Phases) -> Rule:
    terms = Term(1, "lambda_opt", windows.light), Term(-1, "above lambda_opt", windows.light)
    return AllOf(
        {
            "no dip above lambda_opt": DipFree("above lambda_opt"),
            "worse above lambda_opt": Greater(Contrast(terms), margin=0.01),
        }
    )


def trial(setting: Setting) -> Trial:
    vanilla = at(setting.decay.network, setting.decay.rate)
    return Trial(
        CLAIM,
        setting.tier,
        curves={
            "lambda_opt": setting.curve(setting.optimal()),
            "above lambda_opt": setting.curve(setting.decayed(setting.decay.above)),
        },
        rule=setting.rule_at({vanilla: setting.vanilla()}, lambda windows: rule(windows[vanilla])),
        control=Control(
            "lambda_opt again, on other seeds", {"above lambda_opt": setting.curve(setting.optimal(), offset=100)}
        ),
        block=setting.block,
        proxy=setting.tier == "fast",
        deviations=(*setting.deviations, *setting.of_decay, "accuracy is compared in the light phase"),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
