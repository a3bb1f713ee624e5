"""What is said to be in reach, the clearest data reach; what is said to lie out of it, they do not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims.curves import DENSITY
from sdd_claims.stats import RULES, AllOf, Contrast, DipFree, DipThenRise, Equivalent, MostSeeds, Term, Window
from sdd_claims.stats.attainable import Attainable, attainable
from sdd_claims.stats.hypotheses import weigh
from sdd_claims.stats.population import CRITICAL, LIGHT, SWEET, Noise, usual_covariance
from sdd_claims.stats.tests.rule_examples import EXAMPLES, PATH, PRUNING
from sdd_claims.stats.tests.studies import drawn
from sdd_claims.tests.tiny import YES

LOOKS = (12, 24)
FLOOR = 0.5**12


def of(rule, threshold, looks=LOOKS):
    return attainable(rule, dict.fromkeys(rule.curves(), DENSITY), threshold, looks)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=8, deadline=None)
@given(
    axis=st.sampled_from([PRUNING, PATH]),
    threshold=st.one_of(st.floats(FLOOR / 2, 4 * FLOOR), st.floats(0.5**25, 0.5**22)),
)
def test_the_clearest_data_of_every_rule_reach_what_is_in_reach(name, axis, threshold):
    example = EXAMPLES[name]
    if example.only_density:
        axis = PRUNING
    rule = example.rule(axis, 1.0)
    found = attainable(rule, dict.fromkeys(rule.curves(), axis.name), threshold, LOOKS)
    reached: dict[str, list[int]] = {"support": [], "contrary": []}
    for seeds in LOOKS:
        for side, means in (("support", example.claimed), ("contrary", example.contrary)):
            values = drawn(means, 1, seeds=seeds, seed=0, noise=Noise(1e-6 * usual_covariance()))
            tested = rule.hypotheses(dict.fromkeys(values, axis.position), values)
            assert tested is not None
            reached[side] += [seeds] if getattr(weigh(tested), side)[0] < threshold else []
    assert found is not None
    assert found.supported == next(iter(reached["support"]), None)
    assert found.refuted == next(iter(reached["contrary"]), None)


@pytest.mark.parametrize("rule", [DipFree("accuracy"), DipThenRise("accuracy", LIGHT, CRITICAL, SWEET)])
def test_a_rule_without_a_contrary_is_told(rule):
    found = of(rule, 0.01)
    assert (found.supported, found.refuted, found.has_contrary) == (12, None, False)


def test_a_dip_is_refuted_only_where_the_grid_reaches_collapse():
    dip = DipThenRise("accuracy", LIGHT, CRITICAL, SWEET, train_curve="train")
    assert of(dip, 0.01) == Attainable(12, 12, has_contrary=True, needs_collapse=True)
    assert of(DipFree("accuracy", 0.01, LIGHT, CRITICAL, SWEET), 0.01) == Attainable(12, 12, True, False)
    assert of(dip, FLOOR / 2, (12,)) == Attainable(None, None, True, needs_collapse=False)


@pytest.mark.parametrize("parts", [1, 3])
def test_parts_of_which_one_refutes_ask_for_more_seeds(parts):
    window = Window(0.2, 0.4)
    same = Equivalent(Contrast((Term(1.0, "first", window), Term(-1.0, "second", window))), 0.01)
    rule = AllOf({str(part): same for part in range(parts)})  # each refuted on either side
    assert of(rule, 2 * parts * FLOOR * 1.01) == Attainable(12, 12, True, False)
    assert of(rule, 2 * parts * FLOOR * 0.99) == Attainable(12, 24, True, False)
    assert of(rule, 2 * parts * FLOOR * 0.99, (12,)) == Attainable(12, None, True, False)


def test_a_window_that_no_level_of_a_usual_grid_holds_can_be_looked_at():
    below = MostSeeds(Contrast((Term(1.0, "accuracy", Window(0.00012, 0.00013)),)), 0.5)
    assert of(below, 0.01) == Attainable(12, 12, True, False)


def test_nothing_is_known_of_a_rule_that_does_not_say_what_it_tests():
    assert of(YES, 0.01) is None
