"""The stronger the weight decay, up to lambda_opt, the smaller the bump of the test loss.

Twelve pilots of the fast trial: test loss falls from the critical to the sweet phase by 0.43 nats without weight decay,
by 0.05 at 0.005, and rises by 0.07 at 0.01, where no bump is left; beyond, this is the loss of the sparsest networks.
"""

from itertools import pairwise

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater, Phases, Rule, Term

from .settings import FAST, FULL, Setting, at

CLAIM = registered("quetu2023/l2_smoothens_the_bump")


def trial(setting: Setting) -> Trial:
    vanilla = at(setting.decay.network, setting.decay.rate)
    decayed = {f"weight decay {strength:g}": setting.decayed(strength) for strength in setting.decay.smoothing}
    names = ["vanilla", *decayed]

    def rule(windows: Phases) -> Rule:
        def bump(weight: int, name: str) -> tuple[Term, Term]:
            return Term(weight, name, windows.critical), Term(-weight, name, windows.sweet)

        return AllOf(
            {
                f"smaller at {stronger}": Greater(
                    Contrast((*bump(1, weaker), *bump(-1, stronger))), margin=0.01, unit="nats"
                )
                for weaker, stronger in pairwise(names)
            }
        )

    return Trial(
        CLAIM,
        setting.tier,
        curves={
            name: setting.curve(spec, "test_loss") for name, spec in {"vanilla": setting.vanilla(), **decayed}.items()
        },
        rule=setting.rule_at({vanilla: setting.vanilla()}, lambda windows: rule(windows[vanilla])),
        control=Control(
            "vanilla again, on other seeds",
            {name: setting.curve(setting.vanilla(), "test_loss", offset=100) for name in decayed},
        ),
        block=setting.block,
        proxy=setting.tier == "fast",
        deviations=(
            *setting.deviations,
            *setting.of_decay,
            "the bump is the fall of the test loss from the critical to the sweet phase of the vanilla network, and "
            "below zero where the loss rises between them; the paper shows curves",
            f"strengths {', '.join(f'{strength:g}' for strength in setting.decay.smoothing)}; the paper lists none",
            *setting.in_fast("they end where pilots have no bump left, before lambda_opt"),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
