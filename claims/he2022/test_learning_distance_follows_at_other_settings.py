"""At other rates of label noise, and trained from scratch, the learning distance falls as test accuracy rises, too."""

from collections.abc import Mapping

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Correlated, Phases, Rule

from .settings import FAST, LENET, Setting

CLAIM = registered("he2022/learning_distance_follows_at_other_settings")


def trial(setting: Setting) -> Trial:
    levels = setting.to_sweet
    clean = setting.curve(setting.clean, "learning_distance", levels=levels)
    ways = {
        **{f"at {rate:.0%} noise": setting.noisy(rate) for rate in setting.rates if rate != setting.rate},
        "from scratch": setting.by_retraining(setting.noisy())["scratch"],
    }

    scratch = ways["from scratch"]

    def rule(at: Mapping[str, Phases]) -> Rule:
        # Trained from scratch, accuracy rises at other densities than by rewinding.
        rises = {way: at["scratch" if spec is scratch else "noisy"].rise for way, spec in ways.items()}
        return AllOf(
            {
                way: Correlated(f"distance {way}", "clean distance", f"accuracy {way}", rise, direction=-1)
                for way, rise in rises.items()
            }
        )

    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={
            "clean distance": clean,
            **{
                f"distance {way}": setting.curve(spec, "learning_distance", levels=levels) for way, spec in ways.items()
            },
            **{f"accuracy {way}": setting.curve(spec, levels=levels) for way, spec in ways.items()},
        },
        rule=setting.rule_at({"noisy": setting.noisy(), "scratch": scratch}, rule),
        control=Control(
            "the distance of a second noise-free chain in place of every own one",
            dict.fromkeys(
                (f"distance {way}" for way in ways),
                setting.curve(setting.clean, "learning_distance", levels=levels, offset=100),
            ),
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            setting.of_distance,
            "the null is weak: any measure that falls with density beats the noise-free distance, as density itself "
            "does on pilots; support says that the distance declines where accuracy rises, not that it tells more than "
            "density",
            *setting.in_fast("the paper shows 40 and 80 % noise; 60 % in place of 80 is ours"),
            *setting.in_full(
                "judged at 40 and 80 % noise, and trained from scratch at 20 %",
                "windows are set by twelve pilots, of training from scratch too, before the first judged seed",
            ),
            "the range of density at both rates is ours, where accuracy rises at 20 % noise; that of training from "
            "scratch is its own",
            "learning rate rewinding, which the paper shows too, is finetuning at this constant rate, and left out",
            *setting.in_fast("its rise has too few levels to be correlated over"),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET)
def test_full(verdict):
    verdict.check()
