"""Does a refit of the last layer on the learned kernel show a second descent along its path?

The paper names ridge and lasso refits as a direction and shows none. A question outside the register: no verdict on
the paper follows from the answer. On twelve pilots neither does: accuracy stays within 0.1 points and then falls.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, DipFree

from .settings import FAST, FULL, Setting, named

CLAIM = registered("zhang2024/learned_kernel_refit")


def trial(setting: Setting) -> Trial:
    kinds = ("ridge", "lasso")
    refits = {named(kind, width): setting.refit(kind, width) for kind in kinds for width in setting.widths}
    return Trial(
        CLAIM,
        setting.tier,
        curves=refits,
        rule=AllOf({name: DipFree(name) for name in refits}),
        control=Control(
            f"{setting.widths[-1]} neurons and few images, whose test loss falls and rises again",
            {named(kind, width): setting.overfitted(kind) for kind in kinds for width in setting.widths},
        ),
        block=setting.block_by_tier(fast=23000),
        deviations=(*setting.deviations, setting.of_refits),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
