"""At the edge of a null the hypothesis is just false, and only there are error rates those that were asked for."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from sdd_claims.stats import RULES
from sdd_claims.stats.edges import edges_of_claim, edges_of_contrary
from sdd_claims.stats.hypotheses import All, Hypotheses, Hypothesis, Mean, Some, means
from sdd_claims.stats.stability import Design, power
from sdd_claims.stats.tests.rule_examples import EXAMPLES, PRUNING
from sdd_claims.stats.tests.studies import drawn

TINY = 1e-12


def holds(hypothesis: Hypothesis) -> bool:
    if isinstance(hypothesis, Mean):
        return bool(hypothesis.excess.mean() > TINY)
    return (all if isinstance(hypothesis, All) else any)(map(holds, hypothesis.parts))


def excesses(hypothesis: Hypothesis) -> list[float]:
    return [float(mean.excess.mean()) for mean in means(hypothesis)]


def numbers(*around: float) -> Iterator[np.ndarray]:
    """Unlike numbers of twelve seeds around each mean."""
    for place, mean in enumerate(around):
        scatter = np.random.default_rng(place).normal(size=12)
        yield mean + scatter - scatter.mean()


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=12)
@given(share=st.floats(-0.2, 1.2), seed=st.integers(0, 10**6))
def test_neither_a_claim_nor_its_contrary_holds_at_its_edges_and_some_mean_lies_at_its_margin(name, share, seed):
    claimed, contrary = EXAMPLES[name].claimed, EXAMPLES[name].contrary
    between = {curve: share * claimed[curve] + (1 - share) * contrary[curve] for curve in claimed}
    values = {curve: table[0] for curve, table in drawn(between, 1, seed=seed).items()}
    tested = EXAMPLES[name].rule(PRUNING, 1.0).hypotheses(dict.fromkeys(values, PRUNING.position), values)
    assert tested is not None
    if any(np.isnan(mean.excess).any() for of in (tested.claim, tested.contrary) for mean in means(of)):
        return
    at_edges = edges_of_claim(tested)
    assert at_edges
    for edge in at_edges:
        assert not holds(edge.claim)
        assert min(map(abs, excesses(edge.claim))) < TINY
    for edge in edges_of_contrary(tested):
        assert not holds(edge.contrary)
        assert min(map(abs, excesses(edge.contrary))) < TINY


def test_each_part_of_all_is_moved_to_its_margin_in_turn_and_the_others_stay():
    one, other = numbers(2.0, -0.5)
    tested = Hypotheses(All((Mean(one), Mean(other))), Some((Mean(-one), Mean(-other))))
    first, second = edges_of_claim(tested)
    assert excesses(first.claim) == pytest.approx([0.0, -0.5])
    assert excesses(second.claim) == pytest.approx([2.0, 0.0])
    assert excesses(first.contrary) == pytest.approx([0.0, 0.5])


def test_a_number_that_is_tested_against_two_margins_moves_in_both_tests_and_in_the_contrary():
    (number,) = numbers(0.2)
    tested = Hypotheses(
        All((Mean(number + 1), Mean(1 - number))), Some((Mean(number - 1), Mean(-number - 1)))
    )  # within 1 of zero
    assert [excesses(edge.claim) for edge in edges_of_claim(tested)] == [
        pytest.approx([0.0, 2.0]),
        pytest.approx([2.0, 0.0]),
    ]
    assert [excesses(edge.contrary) for edge in edges_of_contrary(tested)] == [
        pytest.approx([0.0, -2.0]),
        pytest.approx([-2.0, 0.0]),
    ]


def test_where_one_of_several_suffices_those_that_hold_are_moved_and_of_each_the_nearest_mean():
    near, far, apart = numbers(0.5, 3.0, -2.0)
    tested = Hypotheses(Some((All((Mean(far), Mean(near))), Mean(far * 1.5), Mean(apart))), Some())
    found = [excesses(edge.claim) for edge in edges_of_claim(tested)]
    assert found == [
        pytest.approx([3.0, 0.0, 0.0, -2.0]),
        pytest.approx([3.0, 0.0, 0.0, -2.0]),
        pytest.approx([3.0, 0.0, 0.0, 0.0]),
    ]
    assert edges_of_contrary(tested) == []


def test_numbers_that_are_all_equal_are_moved_alone():
    one, other = np.full(12, 2.0), np.full(12, 3.0)
    tested = Hypotheses(All((Mean(one), Mean(other))), Some())
    assert [excesses(edge.claim) for edge in edges_of_claim(tested)] == [[0.0, 3.0], [2.0, 0.0]]


def test_at_the_edge_a_verdict_is_as_frequent_as_its_level_says_and_beyond_it_more_frequent():
    (number,) = numbers(2.0)
    tested = Hypotheses(Mean(number), Mean(-number))
    design = Design((24,), 0.02, proxy=False)

    def share(population: Hypotheses) -> int:
        found = power(design, population, Hypotheses(Some(), Some()), "edge", 4000)
        return round(4000 * found["supported"])

    (edge,) = edges_of_claim(tested)
    assert binomtest(share(edge), 4000, 0.02).pvalue > 1e-3
    beyond = Hypotheses(Mean(number - 1.8), Mean(1.8 - number))
    assert binomtest(share(beyond), 4000, 0.02).pvalue < 1e-6


def test_of_signs_half_of_all_seeds_lie_beyond_at_the_edge_those_without_a_place_not_among_them():
    (number,) = numbers(3.0)
    lacking = np.repeat([0.0, -np.inf], [10, 2])
    tested = Hypotheses(Mean(number + lacking, "signs"), Mean(lacking - number, "signs"))
    design = Design((24,), 0.05, proxy=False)
    (claim,) = edges_of_claim(tested)
    (contrary,) = edges_of_contrary(Hypotheses(tested.contrary, tested.claim))
    chances = [power(design, edge, Hypotheses(Some(), Some()), "edge", 4000) for edge in (claim, contrary)]
    for wrong in (chances[0]["supported"], chances[1]["refuted"]):
        assert binomtest(round(4000 * wrong), 4000, float(binom.sf(16, 24, 0.5))).pvalue > 1e-3


def test_where_half_of_all_seeds_lack_a_place_no_edge_is_nearer_than_they_are():
    (number,) = numbers(3.0)
    places = number + np.repeat([0.0, -np.inf], 6)
    (edge,) = edges_of_claim(Hypotheses(Mean(places, "signs"), Some()))
    (mean,) = means(edge.claim)
    assert mean.excess.tolist() == places.tolist()
