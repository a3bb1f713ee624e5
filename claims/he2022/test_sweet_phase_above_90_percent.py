"""Under label noise the sweet phase lies above 90 % sparsity.

Less of a test than it looks. The peak is looked for from the start of the critical phase on, where pilots have put
it: below density .05 under magnitude pruning at 20 % noise, .08 at 40 % and under gradient pruning at 20 %, .12 under
the latter at 40 %, .29 and .45 under random pruning. So a peak above a tenth could be seen under random pruning, hardly
under gradient pruning at 40 %, and nowhere else: there a part is supported or cannot be measured. A fresh block should
look along the whole curve after the dip of each seed. The control has no peak, and cannot be measured.
"""

from math import log

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater, Located, Location, Phases

from .settings import FAST, LENET, Setting

CLAIM = registered("he2022/sweet_phase_above_90_percent")


def above_90_percent(name: str, at: Phases) -> Greater:
    peak = Located(-1, name, Location(at.from_critical, "peak"))
    return Greater(Contrast((peak,)), margin=-log(0.1), unit="log density")


def trial(setting: Setting) -> Trial:
    noisy = setting.by_criterion(setting.noisy()) | setting.by_criterion_at(0.4)
    clean = dict.fromkeys(setting.by_criterion_at(0.4), setting.clean) | setting.by_criterion(setting.clean)
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves={name: setting.curve(spec) for name, spec in noisy.items()},
        rule=setting.rule_at(noisy, lambda at: AllOf({name: above_90_percent(name, at[name]) for name in noisy})),
        control=Control("no label noise", {name: setting.curve(spec) for name, spec in clean.items()}),
        block=setting.block,
        proxy=setting.tier == "fast",
        deviations=(
            *setting.deviations,
            "generally is read as: on average over seeds, at 20 and 40 % noise, under each of three pruning criteria",
            "the sweet phase lies where test accuracy peaks after its dip (centre of the region above half prominence)",
            "where a peak is looked for, pilots have said: but for random pruning, and gradient pruning at 40 % noise, "
            "all of that lies above 90 % sparsity, so that these parts cannot be refuted",
            *setting.in_fast(
                "a proxy: at which density the sweet phase lies depends on how many weights a network has for how many "
                "images"
            ),
        ),
    )


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET)
def test_full(verdict):
    verdict.check()
