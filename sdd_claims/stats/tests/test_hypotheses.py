"""Every rule's hypotheses, spelled out, come to the p of the rule itself, and to the same decisions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims.stats import RULES
from sdd_claims.stats.e_values import e_value
from sdd_claims.stats.hypotheses import All, Mean, Some, deciding, hypotheses, means, p_value, smallest_p, strength
from sdd_claims.stats.one_sample import EQUAL, is_above, mean_above, t_statistic
from sdd_claims.stats.population import Noise, usual_covariance
from sdd_claims.stats.tests.rule_examples import EXAMPLES, PRUNING
from sdd_claims.stats.tests.studies import drawn

every_rule = pytest.mark.parametrize("name", RULES)


@every_rule
@settings(max_examples=12)
@given(share=st.floats(-0.2, 1.2), scatter=st.sampled_from([0.3, 1.0, 3.0]), seed=st.integers(0, 10**6))
def test_spelled_out_a_rule_comes_to_the_same_p(name, share, scatter, seed):
    claimed, contrary = EXAMPLES[name].claimed, EXAMPLES[name].contrary
    between = {curve: share * claimed[curve] + (1 - share) * contrary[curve] for curve in claimed}
    values = drawn(between, 1, seed=seed, noise=Noise(scatter**2 * usual_covariance()))
    rule = EXAMPLES[name].rule(PRUNING, 1.0)
    evidence = rule.test(dict.fromkeys(values, PRUNING.position), values)
    found = hypotheses(
        rule, dict.fromkeys(values, PRUNING.position), {curve: table[0] for curve, table in values.items()}
    )
    assert found is not None
    for hypothesis, p in ((found.claim, evidence.support[0]), (found.contrary, evidence.contrary[0])):
        if not any(np.isnan(mean.excess).any() for mean in means(hypothesis)):
            assert p_value(hypothesis) == pytest.approx(p, rel=1e-9)


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
    found = hypotheses(EXAMPLES[name].rule(PRUNING, 1.0), dict.fromkeys(values, PRUNING.position), values)
    assert found is not None
    lacks = np.isnan([mean.excess for mean in means(found.claim)]).any(axis=0)
    clear = np.array([clearance > 0 for clearance in found.clearances] or [~np.isnan(values[next(iter(values))][:, 0])])
    assert (lacks == ~clear.all(axis=0)).all()


def test_a_rule_of_somebody_else_is_not_spelled_out():
    assert hypotheses(object(), {}, {}) is None


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


def test_is_above_is_true_of_no_study_without_a_number_and_of_no_equal_numbers_at_the_margin():
    assert not is_above(np.array([[np.nan, *[1.0] * 11], [0.0] * 12, [EQUAL / 2] * 12]) * [[1], [1], [0]], 0.01).any()
    assert is_above(np.full((1, 12), 0.5), 0.01).all()


def test_of_all_parts_the_weakest_decides_and_of_some_the_strongest():
    rng = np.random.default_rng(0)
    weak, strong = Mean(rng.normal(1, 1, 12)), Mean(rng.normal(9, 1, 12))
    assert deciding(All((strong, weak))) is weak
    assert deciding(Some((Some(), weak, strong))) is strong
    assert deciding(Some()) is None
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
