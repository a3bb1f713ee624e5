"""Under label noise the sweet phase lies above 90 % sparsity.

Each seed's peak is looked for along its whole curve, at the levels after its deepest dip, and measured from density .1:
so it can lie at any density, and every part can be refuted. A curve ends where it has collapsed, at its first level
below half of its highest: beyond that it ripples by chance, and such a ripple, which is sparse, would else be taken for
the peak of a curve without a dip. On pilots the peak lies at density .005 under magnitude pruning at 20 % noise, .004
at 40 %, .007 and .005 under gradient pruning, .044 and .041 under random pruning, with a standard deviation over seeds
of 6 to 21 %; in log density the nearest part is .81 below a tenth, with a standard deviation of .12.

Until block 19000 the mean over seeds was tested, and a seed without a peak left the claim open: fresh seeds would have
repeated its verdict with a chance of .88. "Generally" is as well said of most networks, and then such a seed is one
that does not show it. More than half is the least that "generally" can mean; on blocks 19000 and 20000 all twelve seeds
showed it in each of the six parts. Twelve of twelve do not prove that nearly all do: with looks at 12 and 24 seeds,
those of block 20000, the verdict would be repeated with a chance of .92, with one at 48 of .99.

In the control the statement is false, and nearly true: a network with far fewer weights, of which as many are a larger
share, pruned at random at 20 % noise. The fast tier's has an eighth of the weights; on 24 pilots its peak lies at
density .121, .19 above a tenth in log density with a standard deviation of .14. It is trained for 480 epochs, for its
dip to be deep: after 60, in a network with a fifth of the weights, which was the control until block 18000, one pilot
of 48 has no dip and peak, nor had one seed of block 17000, and where one lacked them nothing of the control was tested.
"""

import pytest

from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on, plainly
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.stats import AllOf, Contrast, Located, Location, MostSeedsWithin

from .settings import FAST, LENET, Setting

CLAIM = registered("he2022/sweet_phase_above_90_percent")


def above_90_percent(name: str, curve: CurveOf) -> MostSeedsWithin:
    peak = Located(-1, name, Location(curve.whole, "peak after the dip"), origin=0.1)
    return MostSeedsWithin(Contrast((peak,)), low=0.0, high=None, unit="log density")


def trial(setting: Setting) -> Trial:
    specs = setting.by_criterion(setting.of_many_seeds()) | setting.by_criterion_at(0.4)
    curves = {name: setting.curve(spec) for name, spec in specs.items()}
    narrow = plainly(setting.by_criterion(setting.noisy())["random"]).but(**setting.narrow)
    return Trial(
        CLAIM,
        setting.tier,
        network=setting.network,
        curves=curves,
        rule=AllOf({name: above_90_percent(name, curve) for name, curve in curves.items()}),
        control=Control(
            f"a network of {' and '.join(map(str, narrow.model.hidden))} units, trained for {narrow.training.epochs} "
            "epochs and pruned at random",
            dict.fromkeys(curves, setting.curve(narrow)),
        ),
        block=setting.block_by_tier(fast=21000),
        looks=setting.looks_by_tier(fast=(12, 24, 48)),
        proxy=setting.tier == "fast",
        deviations=(
            *setting.deviations,
            "generally is read as: in more than half of all seeds, at 20 and 40 % noise, under each of three pruning "
            "criteria; a seed without a peak counts as one that does not show it",
            setting.of_whole_curves,
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
