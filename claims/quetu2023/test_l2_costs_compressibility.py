"""At high sparsity a network with lambda_opt is far worse than a vanilla one.

The fast trial is registered as inconclusive: on twelve pilots the MLP does the opposite, with 13.5 points more at
lambda_opt above 90 % sparsity; a proxy does not refute.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Contrast, Greater, Term, Window

from .settings import FAST, FULL, Setting

CLAIM = registered("quetu2023/l2_costs_compressibility")

ABOVE_90 = Window(0.002, 0.1)


def trial(setting: Setting) -> Trial:
    return Trial(
        CLAIM,
        setting.tier,
        curves={"vanilla": setting.curve(setting.vanilla()), "lambda_opt": setting.curve(setting.optimal())},
        # Far: ten points. The paper's figure shows chance level.
        rule=Greater(Contrast((Term(1, "vanilla", ABOVE_90), Term(-1, "lambda_opt", ABOVE_90))), margin=0.1),
        control=Control("vanilla again, on other seeds", {"lambda_opt": setting.curve(setting.vanilla(), offset=100)}),
        block=setting.block,
        looks=setting.looks_where_open,
        proxy=setting.tier == "fast",
        deviations=(*setting.deviations, *setting.of_decay),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
