"""Under label noise the sweet phase lies above 90 % sparsity.

Each seed's peak is looked for along its whole curve, at the levels after its deepest dip, and measured from density .1:
so it can lie at any density, and every part can be refuted. On pilots it lies at density .005 under magnitude pruning
at 20 % noise, .004 at 40 %, .007 and .005 under gradient pruning, .045 and .041 under random pruning, with a standard
deviation over seeds of 6 to 20 %. The control is a network with a third of the weights, of which as many are a larger
share: under random pruning at 20 % noise its peak lies near density .09, and one pilot of twelve shows none.

What it does not exclude: after a curve has collapsed it ripples by chance, and where such a ripple is deeper than the
dip, or a curve has no dip, the place found is that of the ripple, which is sparse. On block 13000 that happened to two
of 24 seeds under random pruning at 20 % noise and to one at 40 %; without them the peaks lie .74 and .94 below a tenth
in log density, so that the verdict does not rest on them. The control mostly cannot be measured, so it is no proof
against ripples. That there is a dip at all is asked by sdd_under_every_pruning_criterion. A fresh block should end the
curve where accuracy has fallen below the dense network's by more than any dip.
"""

import pytest

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on, plainly
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Greater, Located, Location, Window

from .settings import FAST, LENET, Setting

CLAIM = registered("he2022/sweet_phase_above_90_percent")


def above_90_percent(name: str, curve: CurveOf) -> Greater:
    position = curve.position()
    whole = Window(float(position[-1]) / 1.01, float(position[0]))
    peak = Located(-1, name, Location(whole, "peak after the dip"), origin=0.1)
    return Greater(Contrast((peak,)), unit="log density")


def trial(setting: Setting) -> Trial:
    specs = setting.by_criterion(setting.noisy()) | setting.by_criterion_at(0.4)
    curves = {name: setting.curve(spec) for name, spec in specs.items()}
    narrow = {name: setting.curve(plainly(spec).but(model={"hidden": setting.narrow})) for name, spec in specs.items()}
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=curves,
        rule=AllOf({name: above_90_percent(name, curve) for name, curve in curves.items()}),
        control=Control(f"a network of {' and '.join(map(str, setting.narrow))} units, a third of the weights", narrow),
        block=setting.block_of(CLAIM),
        proxy=setting.tier == "fast",
        deviations=(
            *setting.deviations,
            "generally is read as: on average over seeds, at 20 and 40 % noise, under each of three pruning criteria",
            "the sweet phase lies where test accuracy peaks after its deepest dip (centre of the region above half "
            "prominence)",
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
