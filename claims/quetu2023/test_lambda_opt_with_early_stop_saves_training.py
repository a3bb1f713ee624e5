"""Early stopping at lambda_opt costs far less than the whole vanilla path, and beats vanilla with early stopping."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater

from .settings import FAST, FULL, Setting, paid, picked

CLAIM = registered("quetu2023/lambda_opt_with_early_stop_saves_training")

RULE = AllOf(
    {
        # Far less: three quarters of it at most; the paper's table says 43 %.
        "less training": Greater(
            Contrast((paid(0.75e-9, "vanilla", "last"), paid(-1e-9, "lambda_opt", "early_stop"))), unit="GFLOP"
        ),
        "more accurate": Greater(
            Contrast(
                (picked(1, "lambda_opt", "accuracy", "early_stop"), picked(-1, "vanilla", "accuracy", "early_stop"))
            ),
            margin=0.01,
        ),
    }
)


def trial(setting: Setting) -> Trial:
    return Trial(
        CLAIM,
        setting.tier,
        curves=setting.measured("vanilla", setting.vanilla()) | setting.measured("lambda_opt", setting.optimal()),
        rule=RULE,
        control=Control("vanilla again, on other seeds", setting.measured("lambda_opt", setting.vanilla(), offset=100)),
        block=setting.block,
        proxy=setting.tier == "fast",
        deviations=(*setting.deviations, *setting.of_decay, *setting.of_stopping, *setting.of_saving),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
