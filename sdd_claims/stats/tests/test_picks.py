import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as tables

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import Contrast, Equivalent, Greater, Picked, Term, Window, ordered
from sdd_claims.stats.early_stopping import trained
from sdd_claims.stats.picks import How
from sdd_claims.stats.tests.studies import THRESHOLD

SEEDS = tuple(range(12))
DENSITY = 0.8 ** np.arange(8)
DIP = np.array([0.80, 0.797, 0.75, 0.74, 0.78, 0.83, 0.82, 0.60])
FALL = 0.80 - 0.03 * np.arange(8)
DENSE = Window(1.0, 1.0)

HOWS: tuple[How, ...] = ("early_stop", "best", "last")
EARLY, BEST, LAST = (Picked(1.0, "accuracy", "validation", how) for how in HOWS)
PAID, WHOLE = (Picked(1e-9, "training FLOP", "validation", how, "paid") for how in ("early_stop", "best"))
MISLED = Contrast((BEST, Picked(-1.0, "accuracy", "validation", "early_stop")))
COSTLIER = Contrast((WHOLE, Picked(-1e-9, "training FLOP", "validation", "early_stop", "paid")))
EVERY_PICK = [
    Picked(1.0, "accuracy", "validation", how, over)
    for how in ("early_stop", "best", "last")
    for over in ("at", "paid", "up_to")
]
every_pick = pytest.mark.parametrize("pick", EVERY_PICK, ids=str)


def curve(mean: np.ndarray, seed: int = 0, scatter: float = 0.002) -> SparsityCurve:
    noise = scatter * np.random.default_rng(seed).standard_normal((len(SEEDS), len(mean)))
    return SparsityCurve(SEEDS, DENSITY, mean + noise)


def study(mean: np.ndarray) -> dict[str, SparsityCurve]:
    return {
        "accuracy": curve(mean, 0),
        "validation": curve(mean, 1),
        "training FLOP": SparsityCurve(SEEDS, DENSITY, np.full((len(SEEDS), 8), 6.1e12)),
    }


def test_each_pick_reads_its_level():
    numbers = [float(pick.numbers({}, {"accuracy": FALL, "validation": DIP})) for pick in EVERY_PICK]
    early, best, last = (0, 4, 1), (5, 8, 6), (7, 8, 8)  # the level, the levels paid for, and those up to it
    expected = [(FALL[at], FALL[:paid].sum(), FALL[:up_to].sum()) for at, paid, up_to in (early, best, last)]
    assert numbers == pytest.approx(np.ravel(expected))


@every_pick
@settings(max_examples=30)
@given(
    validation=tables(float, (3, 5, 8), elements=st.integers(380, 420).map(lambda right: right / 500)),
    judged=tables(float, (3, 5, 8), elements=st.floats(0, 1)),
)
def test_a_batch_gives_what_each_seed_gives_alone(pick, validation, judged):
    found = pick.numbers({}, {"accuracy": judged, "validation": validation})
    alone = [
        [pick.numbers({}, {"accuracy": judged[i, j, None], "validation": validation[i, j, None]})[0] for j in range(5)]
        for i in range(3)
    ]
    np.testing.assert_allclose(found, alone)


@settings(max_examples=30)
@given(
    validation=tables(float, (4, 8), elements=st.integers(380, 420).map(lambda right: right / 500)),
    cost=tables(float, (4, 8), elements=st.floats(0, 10)),
)
def test_early_stopping_never_costs_more_than_the_whole_grid(validation, cost):
    both = {"training FLOP": cost, "validation": validation}
    paid, whole = PAID.numbers({}, both), WHOLE.numbers({}, both)
    assert (paid <= whole).all()
    np.testing.assert_allclose(whole, 1e-9 * cost.sum(axis=-1))
    stopped = [row[:levels].sum() for row, levels in zip(cost, trained(validation), strict=True)]
    np.testing.assert_allclose(paid, 1e-9 * np.array(stopped))


@pytest.mark.parametrize("how", HOWS)
@settings(max_examples=20)
@given(validation=tables(float, (4, 8), elements=st.floats(0, 1)))
def test_a_pick_never_sees_the_judged_curve(how, validation):
    """Reading the levels' own numbers shows which was picked, whatever the accuracies are."""
    level = np.tile(np.arange(8.0), (4, 1))
    pick = Picked(1.0, "level", "validation", how)
    picked = pick.numbers({}, {"level": level, "validation": validation})
    again = pick.numbers({}, {"level": level**2, "validation": validation})
    np.testing.assert_array_equal(again, picked**2)


@pytest.mark.parametrize("how", HOWS)
@settings(max_examples=20)
@given(validation=tables(float, (4, 8), elements=st.sampled_from([0.7, 0.8, np.nan])))
def test_no_pick_is_a_level_that_diverged_and_the_last_level_is_picked_wherever_it_did_not(how, validation):
    level = np.tile(np.arange(8.0), (4, 1))
    picked = Picked(1.0, "level", "validation", how).numbers({}, {"level": level, "validation": validation})
    for pick, accuracy in zip(picked, validation, strict=True):
        assert np.isnan(pick) or np.isfinite(accuracy[int(pick)])
        if how == "last":
            assert np.isnan(pick) == np.isnan(accuracy[-1])


def test_a_dip_misleads_early_stopping_and_saves_its_cost_and_without_a_dip_nothing_is_misled():
    dip, fall = study(DIP), study(FALL)
    assert Greater(MISLED, 0.01).evaluate(dip, THRESHOLD).p < THRESHOLD
    assert Greater(MISLED, 0.01).evaluate(fall, THRESHOLD).p == 1
    assert Equivalent(MISLED, 0.01).evaluate(fall, THRESHOLD).p < THRESHOLD
    assert Greater(COSTLIER, unit="GFLOP").evaluate(dip, THRESHOLD).p < THRESHOLD


def test_the_verdict_on_picks_reads_well():
    found = Greater(MISLED, 0.01).evaluate(study(DIP), THRESHOLD).words
    assert found.startswith(
        "The mean of [accuracy at the level that is best on validation − accuracy at the level that early stopping on "
        "validation picks] over 12 seeds is 3."
    )
    assert "That it exceeds 1.0 point has p = 0.0002" in found
    found = Greater(COSTLIER, 1000, unit="GFLOP").evaluate(study(DIP), THRESHOLD).words
    assert found.startswith(
        "The mean of [10⁻⁹ × training FLOP summed over all levels − 10⁻⁹ × training FLOP summed over the levels "
        "trained until early stopping on validation] over 12 seeds is 24,400 GFLOP (99.89 % interval 24,400 to "
        "24,400). That it exceeds 1,000 GFLOP has p ="
    )
    assert str(LAST) == "accuracy at the last level"


def test_picks_are_ordered_like_any_terms_and_mix_with_windows():
    curves = study(DIP)
    found = ordered({"early": EARLY, "best": BEST}, margin=0.01).evaluate(curves, THRESHOLD)
    assert list(found.parts) == ["best above early"]
    assert found.p < THRESHOLD
    mixed = Greater(Contrast((BEST, Term(-1.0, "accuracy", DENSE))))
    assert mixed.curves() == ("accuracy", "validation")
    assert list(mixed.windows().values()) == [DENSE]
    assert mixed.evaluate(curves, THRESHOLD).effect.value == pytest.approx(0.03, abs=0.005)


def test_a_seed_that_only_diverged_is_named_and_one_that_diverged_late_is_judged():
    curves = study(DIP)
    for each in (curves["accuracy"], curves["validation"]):
        each.values[3] = np.nan
        each.values[4, 6:] = np.nan
    found = Greater(MISLED).evaluate(curves, THRESHOLD)
    assert (found.p, found.p_contrary) == (1, 1)
    assert found.open_reason == "seed 3 of 'accuracy' diverged"
    assert LAST.diverged(curves) == ["seeds 3 and 4 of 'accuracy' diverged"]
    assert PAID.diverged(curves) == ["seed 3 of 'training FLOP' diverged"]


def test_what_cannot_pick_is_an_error():
    with pytest.raises(InputError, match="cannot pick the level at which it is judged itself"):
        Picked(1.0, "accuracy", "accuracy", "best")
    with pytest.raises(InputError, match="no how='first'; use one of early_stop, best, last"):
        Picked(1.0, "accuracy", "validation", "first")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no over='after'"):
        Picked(1.0, "accuracy", "validation", "best", "after")  # type: ignore[arg-type]


def test_curves_of_other_runs_are_an_error():
    curves = study(DIP)
    short = SparsityCurve(SEEDS, DENSITY[:7], curves["validation"].values[:, :7])
    with pytest.raises(InputError, match="not the same levels"):
        Greater(MISLED).evaluate({**curves, "validation": short}, THRESHOLD)
    others = SparsityCurve(tuple(range(500, 512)), DENSITY, curves["validation"].values)
    with pytest.raises(InputError, match="their seeds differ"):
        Greater(MISLED).evaluate({**curves, "validation": others}, THRESHOLD)
    with pytest.raises(InputError, match="reads a curve 'validation'"):
        Greater(MISLED).check({"accuracy": DENSITY})


@every_pick
def test_the_protocol_tells_picks_apart(pick):
    described = json.dumps(asdict(Greater(Contrast((pick,)))))
    assert all(described != json.dumps(asdict(Greater(Contrast((other,))))) for other in EVERY_PICK if other != pick)
