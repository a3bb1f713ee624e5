"""Of a network of which hardly a weight is left, nothing that it learned is left.

Near a necessity: one weight cannot tell ten classes apart. On twelve pilots test accuracy is 45 % where 17 weights of
the pruned layers are left, 26 where 7 are, 17 where 2 or 3 are (standard deviation 3) and 10 where one is. The first
margin, 15 % at 2 and 3 weights, was given up on these pilots for twice a guess at 1 and 2.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import Contrast, Greater, Term, Window

from .settings import FAST, LENET, Setting

CLAIM = registered("he2022/extreme_sparsity_forgets")

TWICE_A_GUESS = 0.2
"""What a single yes-or-no feature could still give: two of ten classes told apart."""

STEPS = 4


def trial(setting: Setting) -> Trial:
    accuracy = setting.curve(setting.noisy(), levels=setting.to_extreme)
    sparsest, densest = accuracy.position()[[-1, -2]].tolist()
    extreme = Window(sparsest / 1.01, densest * 1.01)
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={"accuracy": accuracy},
        rule=Greater(Contrast((Term(-1, "accuracy", extreme),)), margin=-TWICE_A_GUESS),
        control=Control(
            f"a network of {' and '.join(map(str, setting.wide))} units, of which more weights are left at the same "
            f"density, pruned to it in {STEPS} steps",
            {"accuracy": setting.curve(setting.widely(densest, STEPS), levels=STEPS + 1)},
        ),
        block=setting.block,
        deviations=(*setting.deviations, *setting.of_rate, setting.of_extreme),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET)
def test_full(verdict):
    verdict.check()
