"""The second rise is no artefact of training that was stopped too early."""

from collections.abc import Sequence

import pytest

from sdd_claims.registration.claim import Claim
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import RunSpec
from sdd_claims.stats import AllOf, Contrast, DipThenRise, Equivalent, Rule, Term, Window

from .settings import FAST, LENET, RESNET_CIFAR10, RESNET_CIFAR100, Setting

CLAIM = registered("he2022/converged_at_every_sparsity")

NO_OTHER_RATE = "figures at other rates are not judged"


def steady(window: Window) -> Rule:
    # Within a point, the margin of a dip: a drift that small cannot make a rise.
    return Equivalent(Contrast((Term(1, "late drift", window),)), margin=0.01)


def in_threes(density: Sequence[float]) -> list[Window]:
    """Every level in one window, with its neighbours."""
    return [Window(density[first + 2], density[first]) for first in range(0, len(density) - 2, 3)]


def curves(setting: Setting, settled: RunSpec, longer: RunSpec) -> dict[str, CurveOf]:
    return {
        "late drift": setting.curve(settled, setting.convergence.drift, levels=setting.to_collapsed),
        "accuracy": setting.curve(longer),
        "train accuracy": setting.curve(longer, "train_accuracy"),
    }


def trial(setting: Setting, claim: Claim = CLAIM, rate: float | None = None) -> Trial:
    ways = setting.convergence
    name = "longer" if rate is None else f"longer at {rate:.0%} noise"
    settled, longer, short = (setting.trained(how, rate) for how in (ways.settled, ways.longer, ways.cut_short))
    trained = curves(setting, settled, longer)
    windows = in_threes(trained["late drift"].position().tolist())
    everywhere = {f"steady at density {window}": steady(window) for window in windows}
    at_rate = setting.of_rate if rate is None else setting.in_full(f"judged at {100 * rate:g} % noise; {NO_OTHER_RATE}")
    return Trial(
        claim,
        setting.tier,
        network=setting.network,
        curves=trained,
        rule=setting.rule_at(
            {name: longer},
            lambda at: AllOf(
                {
                    **everywhere,
                    f"{longer.training.epochs} epochs keep the rise": DipThenRise(
                        "accuracy",
                        at[name].light,
                        at[name].critical,
                        at[name].sweet,
                        train_curve="train accuracy",
                    ),
                }
            ),
        ),
        control=Control(f"only {short.training.epochs} epochs", curves(setting, short, short)),
        block=setting.block,
        looks=setting.looks_by_tier(fast=(12, 24) if rate is None else (12, 24, 48)),
        deviations=(
            *setting.deviations,
            *at_rate,
            *setting.of_convergence,
            *setting.in_fast(
                f"every sparsity: the first {setting.to_collapsed} of {setting.levels} levels; in the last ones "
                "networks have collapsed"
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET, RESNET_CIFAR10, RESNET_CIFAR100)
def test_full(verdict):
    verdict.check()
