"""With weight decay tuned to lambda_opt, test accuracy does not dip."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import DipFree

from .settings import FAST, FULL, Setting, at

CLAIM = registered("quetu2023/lambda_opt_is_monotone")


def trial(setting: Setting) -> Trial:
    vanilla = at(setting.decay.network, setting.decay.rate)
    return Trial(
        CLAIM,
        setting.tier,
        curves={"lambda_opt": setting.curve(setting.optimal())},
        rule=setting.rule_at(
            {vanilla: setting.vanilla()},
            lambda windows: DipFree(
                "lambda_opt",
                light=windows[vanilla].light,
                critical=windows[vanilla].critical,
                sweet=windows[vanilla].sweet,
            ),
        ),
        control=Control("the vanilla weight decay", {"lambda_opt": setting.curve(setting.vanilla())}),
        block=setting.block,
        deviations=(
            *setting.deviations,
            *setting.of_decay,
            *setting.in_full(
                f"only {setting.decay.network} at {setting.decay.rate * 100:.0f} % noise is judged, with the paper's "
                "lambda; its other rates are not, nor LeNet-300-100 on MNIST, of which the paper gives no strength"
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
