"""p follows from the hypotheses as the definitions of the tests say, of every rule; so do the same decisions."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from sdd_claims.stats import RULES, AllOf
from sdd_claims.stats.e_values import e_value
from sdd_claims.stats.hypotheses import (
    All,
    Hypotheses,
    Hypothesis,
    Mean,
    Some,
    deciding,
    means,
    p_value,
    smallest_p,
    strength,
    weigh,
    within,
)
from sdd_claims.stats.one_sample import EQUAL, is_above, mean_above, more_than_half, t_statistic
from sdd_claims.stats.population import CRITICAL, LIGHT, SWEET, Noise, usual_covariance
from sdd_claims.stats.tests.by_definition import p_above, p_below
from sdd_claims.stats.tests.rule_examples import EXAMPLES, PRUNING
from sdd_claims.stats.tests.studies import drawn
from sdd_claims.tests.tiny import YES

every_rule = pytest.mark.parametrize("name", RULES)


def both_sides(numbers: np.ndarray, margin: float) -> tuple[float, float]:
    return (
        max(p_above(numbers, -margin), p_below(numbers, margin)),
        min(1.0, 2 * min(p_above(numbers, margin), p_below(numbers, -margin))),
    )


def dip(accuracy: np.ndarray) -> float:
    light, critical, sweet = (window.mean(PRUNING.position, accuracy) for window in (LIGHT, CRITICAL, SWEET))
    return max(p_above(light - critical, 0.01), p_above(sweet - critical, 0.01))


def no_dip(accuracy: np.ndarray) -> float:
    levels = range(accuracy.shape[-1])
    p = {(i, j): p_above(accuracy[:, j] - accuracy[:, i], -0.01) for i in levels for j in levels if i != j}
    return max(min(1.0, 2 * min(p[i, j], p[k, j])) for i, j, k in combinations(levels, 3))


def rise(accuracy: np.ndarray) -> tuple[float, float]:
    rises = SWEET.mean(PRUNING.position, accuracy) - CRITICAL.mean(PRUNING.position, accuracy)
    return p_above(rises, 0.01), p_below(rises)


def most_rise(accuracy: np.ndarray) -> tuple[float, float]:
    rises = SWEET.mean(PRUNING.position, accuracy) - CRITICAL.mean(PRUNING.position, accuracy)
    more, less = (
        float(binomtest(int(count), len(rises), alternative="greater").pvalue)
        for count in ((rises > 0.01).sum(), (rises < 0.01).sum())
    )
    return more, less


def most_within(numbers: np.ndarray, margin: float) -> tuple[float, float]:
    inside, outside = (
        float(binomtest(int(count), len(numbers), alternative="greater").pvalue)
        for count in ((abs(numbers) < margin).sum(), (abs(numbers) > margin).sum())
    )
    return inside, outside


def both_rise(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    (one, not_one), (other, not_other) = rise(first), rise(second)
    return max(one, other), min(1.0, 2 * min(not_one, not_other))


def mirrored(own: np.ndarray, null: np.ndarray) -> tuple[float, float]:
    z, beyond = np.arctanh(own), np.arctanh(own) - np.arctanh(null)
    return max(p_below(z), p_below(beyond)), min(1.0, 2 * min(p_above(z), p_above(beyond)))


def by_definition(rule, position, values) -> tuple[float, float]:
    """P of the claim and of its contrary in one study. It takes from the rule no more than its per-seed numbers."""
    match rule.name:
        case "greater":
            return rise(values["accuracy"])
        case "equivalent":
            return both_sides(SWEET.mean(PRUNING.position, values["noisy"] - values["clean"]), 0.02)
        case "most_seeds":
            return most_rise(values["accuracy"])
        case "most_seeds_within":
            return most_within(rule.contrast.numbers(position, values), 0.67)
        case "dip_then_rise":
            return dip(values["accuracy"]), no_dip(values["accuracy"])
        case "dip_free":
            return no_dip(values["accuracy"]), dip(values["accuracy"])
        case "same_place":
            return both_sides(rule.numbers(position, values), 0.67)
        case "threshold_within":
            return both_sides(rule.numbers(position, values), np.log(CRITICAL.high / CRITICAL.low) / 2)
        case "shifts":
            slopes = rule.numbers(position, values)
            return p_above(slopes), p_below(slopes)
        case "fewer_turns":
            return p_below(rule.numbers(position, values, 0.06)), p_above(rule.numbers(position, values, 0.01))
        case "correlated" | "partially_correlated":
            return mirrored(*rule.correlations(position, values))
        case "all_of":
            return both_rise(values["first"], values["second"])
    pytest.fail(f"what the rule {rule.name} tests is not written down a second time; add a case")


@every_rule
@settings(max_examples=12, deadline=None)
@given(share=st.floats(-0.2, 1.2), scatter=st.sampled_from([0.3, 1.0, 3.0]), seed=st.integers(0, 10**6))
def test_both_p_of_a_rule_are_those_of_the_definitions(name, share, scatter, seed):
    claimed, contrary = EXAMPLES[name].claimed, EXAMPLES[name].contrary
    between = {curve: share * claimed[curve] + (1 - share) * contrary[curve] for curve in claimed}
    tables = drawn(between, 1, seed=seed, noise=Noise(scatter**2 * usual_covariance()))
    values, position = {curve: table[0] for curve, table in tables.items()}, dict.fromkeys(tables, PRUNING.position)
    rule = EXAMPLES[name].rule(PRUNING, 1.0)
    tested = rule.hypotheses(position, values)
    assert tested is not None
    found = weigh(tested)
    assert (found.support, found.contrary) == pytest.approx(by_definition(rule, position, values), rel=1e-6)


def some_hypothesis(rng: np.random.Generator, studies: int, depth: int) -> Hypothesis:
    """Hypotheses of many means, or of few, in any order, of which nearly all are near to being established."""
    if depth == 0:
        excess = rng.normal(rng.choice([0.3, 0.6, 0.9, 2.0]), 1, (studies, 8))
        excess[rng.random(studies) < 0.05, 0] = np.nan
        return Mean(excess, rng.choice(["mean"] * 6 + ["signs"]))
    parts = tuple(some_hypothesis(rng, studies, int(rng.integers(depth))) for _ in range(rng.integers(1, 4)))
    return (All if rng.random() < 0.5 else Some)(parts)


def in_full(hypothesis: Hypothesis) -> np.ndarray:
    """P where every test of every mean is run."""
    if isinstance(hypothesis, Mean):
        return (mean_above if hypothesis.by == "mean" else more_than_half)(hypothesis.excess)
    found = np.stack([in_full(part) for part in hypothesis.parts])
    if isinstance(hypothesis, All):
        return found.max(axis=0)
    return np.array([multipletests(study, method="bonferroni")[1].min() for study in found.T])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), depth=st.integers(1, 4))
def test_leaving_sign_flips_out_changes_no_p(seed, depth):
    hypothesis = some_hypothesis(np.random.default_rng(seed), 30, depth)
    np.testing.assert_allclose(p_value(hypothesis), in_full(hypothesis), rtol=1e-9)


def test_within_a_margin_and_beyond_it_exclude_each_other():
    values = np.random.default_rng(0).normal(0, 0.005, (50, 12))
    near, far = weigh(within(values, 0.02)), weigh(within(values + 0.1, 0.02))
    assert (near.support < 0.05).all()
    assert (near.contrary > 0.5).all()
    assert (far.contrary < 0.05).all()
    assert (far.support > 0.5).all()


def test_what_tests_nothing_has_a_p_of_one_in_every_study():
    found = weigh(Hypotheses(Mean(np.ones((2, 3, 12))), Some()))
    assert (found.support == 0.5**12).all()
    assert found.contrary.shape == (2, 3)
    assert (found.contrary == 1).all()
    mixed = Some((Some(), Mean(np.ones((2, 12)))))  # two parts, one of which is never established
    np.testing.assert_array_equal(p_value(mixed), [2 * 0.5**12] * 2)


@every_rule
@settings(max_examples=12)
@given(share=st.floats(-0.2, 1.2), seed=st.integers(0, 10**6))
def test_a_seed_has_a_number_where_all_its_clearances_are_above_zero(name, share, seed):
    """Noise of five times the usual size leaves many seeds without a dip, and one seed has diverged."""
    claimed, contrary = EXAMPLES[name].claimed, EXAMPLES[name].contrary
    between = {curve: share * claimed[curve] + (1 - share) * contrary[curve] for curve in claimed}
    values = {
        curve: table[0] for curve, table in drawn(between, 1, seed=seed, noise=Noise(25 * usual_covariance())).items()
    }
    for table in values.values():
        table[3] = np.nan
    found = EXAMPLES[name].rule(PRUNING, 1.0).hypotheses(dict.fromkeys(values, PRUNING.position), values)
    assert found is not None
    lacks = np.isnan([mean.excess for mean in means(found.claim)]).any(axis=0)
    clear = np.array([clearance > 0 for clearance in found.clearances] or [~np.isnan(values[next(iter(values))][:, 0])])
    assert (lacks == ~clear.all(axis=0)).all()


def test_a_claim_with_a_part_that_does_not_say_what_it_tests_does_not_say_either():
    rule = EXAMPLES["greater"].rule(PRUNING, 1.0)
    values = {"accuracy": drawn(EXAMPLES["greater"].claimed, 1)["accuracy"][0]}
    assert AllOf({"one": rule, "other": YES}).hypotheses({"accuracy": PRUNING.position}, values) is None


@settings(max_examples=60)
@given(
    seeds=st.sampled_from([3, 8, 12, 14, 24]),
    shift=st.floats(-0.5, 2.5),
    tail=st.sampled_from([2.5, 8.0, 100.0]),
    level=st.sampled_from([0.05, 0.00109, 0.00057, 0.00029, 0.00024]),
    seed=st.integers(0, 10**6),
)
def test_is_above_says_whether_p_is_below_the_level(seeds, shift, tail, level, seed):
    excess = np.random.default_rng(seed).standard_t(tail, (40, seeds)) + shift
    assert (is_above(excess, level) == (mean_above(excess) < level)).all()


@pytest.mark.parametrize("level", [1.53e-5, 1.33e-5, 2e-5])
@pytest.mark.parametrize("seeds", [24, 25, 48, 192])
def test_is_above_knows_how_small_a_p_can_be(seeds, level):
    excess = np.random.default_rng(0).standard_normal((5, seeds)) + 6
    assert (is_above(excess, level) == (mean_above(excess) < level)).all()


def test_is_above_is_true_of_no_study_without_a_number_and_of_no_equal_numbers_at_the_margin():
    assert not is_above(np.array([[np.nan, *[1.0] * 11], [0.0] * 12, [EQUAL / 2] * 12]) * [[1], [1], [0]], 0.01).any()
    assert is_above(np.full((1, 12), 0.5), 0.01).all()


def test_of_all_parts_the_weakest_decides_and_of_some_the_strongest():
    rng = np.random.default_rng(0)
    weak, strong = Mean(rng.normal(1, 1, 12)), Mean(rng.normal(9, 1, 12))
    assert deciding(All((strong, weak))) is weak
    assert deciding(Some((Some(), weak, strong))) is strong
    assert deciding(Some()) is None
    few, most = Mean(np.array([-1.0] * 6 + [2.0] * 6), "signs"), Mean(np.array([-1.0, *[2.0] * 11]), "signs")
    assert deciding(All((most, few))) is few
    assert deciding(Some((few, most))) is most
    assert strength(All((strong, weak))) == pytest.approx(t_statistic(weak.excess))
    assert strength(Some()) == -np.inf


def test_a_part_of_two_sides_weighs_as_much_as_its_p_doubled():
    """The p of its better side alone would be the smaller one."""
    one, side, other = (Mean(np.linspace(-1, 1, 12) + at) for at in (0.52, 0.54, -0.5))
    two_sides = Some((side, other))
    assert p_value(side) < p_value(one) < p_value(two_sides)
    assert deciding(All((one, two_sides))) is side
    assert deciding(Some((one, two_sides))) is one


def test_what_establishes_nothing_is_weaker_than_any_evidence_against():
    """Of numbers that all lie at the margin, or one of which is missing, there is no t."""
    against = Mean(np.random.default_rng(0).normal(-9, 1, 12))
    for nothing in (Mean(np.zeros(12)), Mean(np.array([np.nan, *[1.0] * 11]))):
        assert strength(nothing) < strength(against)
        assert strength(All((against, nothing))) == -np.inf
    assert e_value(All((Mean(np.full(12, 9.0)), Mean(np.zeros(12))))) == 1.0


def test_the_smallest_p_grows_with_the_parts_of_which_one_suffices():
    one = Mean(np.zeros(5))
    assert smallest_p(one, 12) == 0.5**12
    assert smallest_p(All((one, one, one)), 12) == 0.5**12
    assert smallest_p(Some((one, one, one)), 12) == 3 * 0.5**12
    assert smallest_p(Some(()), 12) == 1.0
