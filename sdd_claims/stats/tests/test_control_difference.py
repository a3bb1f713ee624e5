"""What is claimed is compared between a claim and its control, seed by seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.stats import RULES, AllOf, Contrast, Greater, Term, Window
from sdd_claims.stats.control_difference import control_difference
from sdd_claims.stats.hypotheses import All, Hypotheses, Mean, Some, above, below
from sdd_claims.stats.one_sample import mean_above
from sdd_claims.stats.study import spelled_out
from sdd_claims.stats.tests.rule_examples import EXAMPLES, PRUNING
from sdd_claims.stats.tests.studies import QUIET, as_curves, drawn

HEIGHT = Greater(Contrast((Term(1.0, "accuracy", Window(1.0, 1.0)),)), 0.2)
SAMPLE = np.linspace(0.2, 0.4, 12)
finite = st.floats(-1, 1, allow_nan=False)


def numbers_of(*numbers, by="mean"):
    claim = tuple(Mean(np.asarray(each, dtype=float), by) for each in numbers)
    return Hypotheses(claim[0] if len(claim) == 1 else All(claim), Some(claim))


def one_study(name, means):
    tables = drawn(means, 1, seeds=24, noise=QUIET)
    curves = as_curves({curve: table[0] for curve, table in tables.items()}, PRUNING.position, PRUNING.name)
    found = spelled_out(EXAMPLES[name].rule(PRUNING, 1.0), curves)
    assert found is not None
    return found


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_farther_on_the_claimed_side_where_its_claim_holds(name):
    example = EXAMPLES[name]
    claimed, contrary = one_study(name, example.claimed), one_study(name, example.contrary)
    ahead = control_difference(example.rule(PRUNING, 1.0), claimed, contrary)
    assert ahead is not None
    assert (ahead.beyond, ahead.seeds) == (24, 24)
    assert ahead.p < 0.01


@pytest.mark.parametrize("name", RULES)
def test_no_claim_is_farther_than_itself(name):
    found = one_study(name, EXAMPLES[name].claimed)
    same = control_difference(EXAMPLES[name].rule(PRUNING, 1.0), found, found)
    assert same is not None
    assert (same.beyond, same.t, same.p) == (0, None, 1.0)


@given(st.lists(finite, min_size=3, max_size=20), finite)
def test_what_claim_and_control_share_cancels(differences, shared):
    control = np.full(len(differences), shared)
    found = control_difference(HEIGHT, numbers_of(control + differences), numbers_of(control))
    assert found is not None
    assert found.beyond <= sum(each > 0 for each in differences)
    assert found.p == pytest.approx(float(mean_above(np.array(differences))), rel=1e-3, abs=1e-9)


def test_the_part_that_is_farthest_is_named_and_all_tests_are_counted():
    rule = AllOf({"one": HEIGHT, "other": HEIGHT})
    control = numbers_of(np.zeros(12), np.zeros(12))
    found = control_difference(rule, numbers_of(0.1 * SAMPLE - 0.03, SAMPLE), control)
    assert found is not None
    assert (found.part, found.beyond) == ("other", 12)
    assert found.p == pytest.approx(2 / 2**12)
    assert found.t == pytest.approx(np.mean(SAMPLE) / np.std(SAMPLE, ddof=1) * np.sqrt(12))


def test_a_test_that_a_seed_lacks_is_left_out_but_counted():
    lacking = np.where(np.arange(12) == 3, np.nan, SAMPLE)
    rule = AllOf({"one": HEIGHT, "other": HEIGHT})
    found = control_difference(rule, numbers_of(lacking, SAMPLE), numbers_of(np.zeros(12), np.zeros(12)))
    assert found is not None
    assert found.part == "other"
    assert found.p == pytest.approx(2 / 2**12)
    assert control_difference(HEIGHT, numbers_of(lacking), numbers_of(np.zeros(12))) is None


def test_by_signs_a_seed_that_lacks_the_number_lies_behind_one_that_has_it():
    ours, theirs = np.full(12, 0.1), np.full(12, -np.inf)
    ahead = control_difference(HEIGHT, numbers_of(ours, by="signs"), numbers_of(theirs, by="signs"))
    assert ahead is not None
    assert (ahead.beyond, ahead.t) == (12, None)
    assert ahead.p == pytest.approx(2**-12)
    for control in (ours, theirs):
        behind = control_difference(HEIGHT, numbers_of(theirs, by="signs"), numbers_of(control, by="signs"))
        assert behind is not None
        assert (behind.beyond, behind.p) == (0, 1.0)


def test_equality_within_a_margin_shows_more_where_the_control_is_farther_from_zero():
    def within(numbers):
        return Hypotheses(All((above(numbers, -1.0), below(numbers, 1.0))), Some())

    for control in (SAMPLE - 3, SAMPLE + 3):
        found = control_difference(HEIGHT, within(SAMPLE), within(control))
        assert found is not None
        assert found.beyond == 12


def test_what_is_tested_otherwise_is_not_compared():
    assert control_difference(HEIGHT, numbers_of(SAMPLE), numbers_of(SAMPLE, SAMPLE)) is None
    assert control_difference(HEIGHT, numbers_of(SAMPLE), numbers_of(SAMPLE[:6])) is None
    assert control_difference(HEIGHT, numbers_of(SAMPLE), numbers_of(SAMPLE, by="signs")) is None
