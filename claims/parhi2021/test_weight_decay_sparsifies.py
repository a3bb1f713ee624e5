"""Weight decay leaves far fewer weights that are not nothing."""

import pytest

from sdd_claims.claim import Claim, Control, Trial
from sdd_claims.stats import AllOf

from .settings import FAST, FULL, NONE, TITLE, Setting, below, curve, weight_decay

CLAIM = Claim(
    name="weight_decay_sparsifies",
    paper="parhi2021",
    title=TITLE,
    statement="The nonzero fraction of the weights is far lower after training with weight decay than without it, in "
    "the factored network of theorem 1 and in the standard one.",
    source="Figures 2 and 3",
)

FAR = 0.2


def trial(setting: Setting) -> Trial:
    networks = {"factored": setting.factored, "standard": setting.standard}
    decayed = {f"{name}, weight decay": curve(network(weight_decay())) for name, network in networks.items()}
    return Trial(
        CLAIM,
        setting.tier,
        curves=decayed | {f"{name}, none": curve(network(NONE)) for name, network in networks.items()},
        rule=AllOf({name: below(f"{name}, weight decay", f"{name}, none", FAR, "of the weights") for name in networks}),
        control=Control(
            "no regularizer in place of weight decay, on other seeds",
            {f"{name}, weight decay": curve(network(NONE), offset=100) for name, network in networks.items()},
        ),
        deviations=(*setting.deviations, "far lower is a fifth of all weights"),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
