"""Is pruning worth its training? A dense network trained for as long as a whole chain, beside its sweet phase.

A network of the sweet phase costs the training of all networks before it, which long training of the dense one could
use as well (Jin et al. 2022 look into both). It is not trained for longer itself: its weights go back to their
initialization at every level, so that the mask alone has seen the earlier trainings. A question outside the register,
asked at 40 % noise, where the sweet phase lies above the dense network.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import RunSpec
from sdd_claims.stats import Contrast, Greater, Term, Window

from .settings import FAST, Setting

CLAIM = registered("he2022/dense_for_as_long")


def trial(setting: Setting) -> Trial:
    epochs = setting.clean.training.epochs * setting.to_sweet

    def for_as_long(spec: RunSpec) -> RunSpec:
        return spec.but(training={"epochs": epochs})

    (name, chain), *_ = setting.by_criterion_at(0.4).items()
    return Trial(
        CLAIM,
        setting.tier,
        curves={"accuracy": setting.curve(chain), "dense, for as long": setting.curve(for_as_long(chain), levels=1)},
        rule=setting.rule_at(
            {name: chain},
            lambda at: Greater(
                Contrast((Term(1, "accuracy", at[name].sweet), Term(-1, "dense, for as long", Window(1, 1)))),
                margin=0.01,
            ),
        ),
        control=Control(
            "no label noise",
            {
                "accuracy": setting.curve(setting.clean),
                "dense, for as long": setting.curve(for_as_long(setting.clean), levels=1),
            },
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            f"the dense network is trained for {epochs} epochs, as many as all networks of the chain to the sweet one",
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()
