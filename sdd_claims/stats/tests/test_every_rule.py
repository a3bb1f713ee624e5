"""The checks that every rule passes, on its example in `rule_examples.py`."""

import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError, asdict, is_dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims import stats
from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import RULES, AllOf, Outcome, Rule
from sdd_claims.stats.alternatives import alternatives
from sdd_claims.stats.hypotheses import weigh
from sdd_claims.stats.nulls import nulls
from sdd_claims.stats.population import LEVELS, Noise
from sdd_claims.stats.rules import registered_rule
from sdd_claims.stats.tests.rule_examples import EXAMPLES, PATH, PRUNING, Axis, Example
from sdd_claims.stats.tests.studies import QUIET, THRESHOLD, as_curves, drawn

every_rule = pytest.mark.parametrize("name", RULES)
random_studies = settings(max_examples=15)

SILENT = Noise(1e-12 * np.eye(LEVELS))
SHARE_THE_MINIMUM = {"greater", "shifts", "fewer_turns", "most_seeds", "most_seeds_within"}
"""Rules of which neither p is doubled. One seed fewer would do for them alone, but not as a part of a claim of two."""


def example(name: str) -> Example:
    if name not in EXAMPLES:
        pytest.fail(f"the rule {name} has no example; add one to rule_examples.py")
    return EXAMPLES[name]


def rule_of(name: str, axis: Axis = PRUNING, scale: float = 1.0) -> Rule:
    return example(name).rule(axis, scale)


def mixed(name: str, share: float, seed: int) -> dict[str, np.ndarray]:
    """Five studies with curves between those of the claim (share 1) and those of its contrary (share 0)."""
    claimed, contrary = example(name).claimed, example(name).contrary
    return drawn({curve: share * claimed[curve] + (1 - share) * contrary[curve] for curve in claimed}, 5, seed=seed)


def p_of(rule: Rule, tables: Mapping[str, np.ndarray], axis: Axis = PRUNING) -> np.ndarray:
    """Both p of every study, support first."""
    tested = rule.hypotheses(dict.fromkeys(tables, axis.position), tables)
    assert tested is not None
    evidence = weigh(tested)
    return np.stack([evidence.support, evidence.contrary])


def clear(means: Mapping[str, np.ndarray], axis: Axis = PRUNING, seeds: int = 12) -> dict[str, SparsityCurve]:
    """One study with little noise."""
    tables = drawn(means, 1, seeds=seeds, noise=QUIET)
    return as_curves({curve: table[0] for curve, table in tables.items()}, axis.position, axis.name)


def said(found: Outcome) -> str:
    """All words of an outcome and of its parts."""
    return " ".join([found.words, found.effect.unit, *(said(part) for part in found.parts.values())])


class Recorder(dict[str, SparsityCurve]):
    """Curves that remember which of them were read."""

    def __init__(self, curves: Mapping[str, SparsityCurve]) -> None:
        super().__init__(curves)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> SparsityCurve:
        self.read.add(name)
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("a rule reads curves by name")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_of_the_rule_that_it_is_named_after(name):
    assert type(rule_of(name)) is RULES[name]
    assert rule_of(name).name == name


def test_two_rules_of_one_name_are_refused():
    with pytest.raises(InputError, match="Greater and Greater are both named 'greater'"):
        registered_rule(stats.Greater)
    assert RULES["greater"] is stats.Greater


@every_rule
def test_a_rule_is_a_frozen_dataclass_that_the_package_exports(name):
    rule = rule_of(name)
    assert is_dataclass(rule)
    with pytest.raises(FrozenInstanceError):
        rule.name = "other"  # type: ignore[misc]
    assert not type(rule).__dataclass_fields__["name"].init  # nor can it be given
    assert type(rule).__name__ in stats.__all__


@every_rule
def test_a_rule_survives_pickling_and_its_fields_are_json(name):
    rule = rule_of(name)
    assert pickle.loads(pickle.dumps(rule)) == rule  # noqa: S301
    assert json.loads(json.dumps(asdict(rule)))["name"] == name


@every_rule
def test_curves_names_what_evaluate_reads(name):
    rule, curves = rule_of(name), Recorder(clear(example(name).claimed))
    rule.evaluate(curves, THRESHOLD)
    assert curves.read == set(rule.curves()) == set(example(name).claimed)
    assert len(rule.curves()) == len(set(rule.curves()))


@every_rule
def test_every_missing_curve_is_named(name):
    rule, curves = rule_of(name), clear(example(name).claimed)
    for curve in rule.curves():
        with pytest.raises(InputError, match=f"reads a curve '{curve}'"):
            rule.evaluate({each: curves[each] for each in curves if each != curve}, THRESHOLD)


@every_rule
def test_evidence_for_the_claim_supports_it_and_evidence_for_the_contrary_refutes_it(name):
    rule = rule_of(name)
    claimed = rule.evaluate(clear(example(name).claimed), THRESHOLD)
    contrary = rule.evaluate(clear(example(name).contrary), THRESHOLD)
    assert claimed.p < THRESHOLD
    assert claimed.p_contrary > 0.5
    assert contrary.p_contrary < THRESHOLD
    assert contrary.p > 0.5
    for found in (claimed, contrary):
        assert found.open_reason is None
        assert found.effect.low <= found.effect.value <= found.effect.high


@every_rule
@random_studies
@given(share=st.floats(0, 1), seed=st.integers(0, 10_000), order=st.permutations(range(12)))
def test_both_p_are_probabilities_never_both_small_and_the_order_of_seeds_does_not_matter(name, share, seed, order):
    rule, tables = rule_of(name), mixed(name, share, seed)
    p = p_of(rule, tables)
    assert ((p >= 0) & (p <= 1)).all()
    assert (p.max(axis=0) > THRESHOLD).all()
    np.testing.assert_allclose(p_of(rule, {curve: table[:, order] for curve, table in tables.items()}), p, rtol=1e-9)


@every_rule
@random_studies
@given(share=st.floats(0, 1), seed=st.integers(0, 10_000), shift=st.floats(-0.1, 0.1), scale=st.floats(0.01, 100))
def test_shifting_all_curves_and_scaling_them_with_the_margins_changes_nothing(name, share, seed, shift, scale):
    tables = mixed(name, share, seed)
    changed = {curve: scale * (table + shift) for curve, table in tables.items()}
    np.testing.assert_allclose(p_of(rule_of(name, scale=scale), changed), p_of(rule_of(name), tables), rtol=1e-6)


@every_rule
def test_a_batch_gives_what_its_studies_give_alone(name):
    rule, tables = rule_of(name), mixed(name, 0.5, 0)
    alone = [p_of(rule, {curve: table[i] for curve, table in tables.items()}) for i in range(5)]
    np.testing.assert_allclose(p_of(rule, tables), np.transpose(alone), rtol=1e-9)


@every_rule
def test_evaluate_gives_the_p_of_the_hypotheses_each_time_and_leaves_the_curves_alone(name):
    rule, tables = rule_of(name), {curve: table[0] for curve, table in mixed(name, 0.5, 0).items()}
    p = p_of(rule, tables)
    for table in tables.values():
        table.flags.writeable = False
    found = rule.evaluate(as_curves(tables), THRESHOLD)
    np.testing.assert_allclose([found.p, found.p_contrary], p)
    assert rule.evaluate(as_curves(tables), THRESHOLD) == found


@every_rule
def test_the_words_give_p_number_of_seeds_and_effect(name):
    found = rule_of(name).evaluate(clear(example(name).claimed), THRESHOLD)
    assert f"{found.p:.2g}" in found.words
    assert "12 seeds" in found.words
    assert found.effect.words(THRESHOLD) in found.words
    assert found.effect.unit
    assert all(part.words for part in found.parts.values())
    assert "nan" not in said(found)


@every_rule
def test_a_seed_without_numbers_leaves_the_verdict_open_and_is_named(name):
    rule = rule_of(name)
    for means in (example(name).claimed, example(name).contrary):
        for lacking in rule.curves():
            curves = clear(means)
            whole = rule.evaluate(curves, THRESHOLD)
            curves[lacking].values[3] = np.nan
            found = rule.evaluate(curves, THRESHOLD)
            assert found.p >= whole.p
            assert found.p_contrary >= whole.p_contrary
            if lacking in example(name).bars_refutation:
                assert (found.p, found.p_contrary) == (whole.p, 1)
                assert f"could not refute here: seed 1003 of {lacking!r} diverged" in found.words
            else:
                assert found.open_reason is not None
                assert "seed 1003" in found.open_reason


@every_rule
def test_too_few_seeds_are_refused(name):
    rule = rule_of(name)
    enough, fewer = rule.minimum_seeds, rule.minimum_seeds - 1
    rule.evaluate(clear(example(name).claimed, seeds=enough), THRESHOLD)
    with pytest.raises(InputError, match=f"at least {enough} seeds to reach a verdict, got {fewer}"):
        rule.evaluate(clear(example(name).claimed, seeds=fewer), THRESHOLD)


@every_rule
def test_minimum_seeds_can_reach_the_threshold_for_both_verdicts_and_one_fewer_cannot(name):
    rule = rule_of(name)
    judged = AllOf({"one": rule, "other": rule}) if name in SHARE_THE_MINIMUM else rule

    def smallest(seeds: int) -> np.ndarray:
        """Both p where next to no noise stands against the verdict."""
        return np.concatenate(
            [
                p_of(judged, drawn(means, 1, seeds=seeds, noise=SILENT))[verdict]
                for verdict, means in enumerate((example(name).claimed, example(name).contrary))
            ]
        )

    assert (smallest(rule.minimum_seeds) < THRESHOLD).all()
    assert smallest(rule.minimum_seeds - 1).max() > THRESHOLD


@every_rule
def test_curves_of_different_numbers_of_seeds_are_refused(name):
    curves = clear(example(name).claimed)
    first, *others = rule_of(name).curves()
    curves[first] = SparsityCurve(curves[first].seeds[:11], PRUNING.position, curves[first].values[:11])
    expected = "at least 12 seeds" if not others or name == "all_of" else "different numbers of seeds"
    with pytest.raises(InputError, match=expected):
        rule_of(name).evaluate(curves, THRESHOLD)


@every_rule
def test_a_curve_that_ends_before_the_windows_is_refused(name):
    tables = {curve: each.values[:, :2] for curve, each in clear(example(name).claimed).items()}
    with pytest.raises(InputError, match=r"lies off the curve|needs three levels|needs at least"):
        rule_of(name).evaluate(as_curves(tables, PRUNING.position[:2]), THRESHOLD)


@every_rule
def test_a_rule_gives_the_same_p_along_a_path_and_says_no_word_of_density(name):
    if example(name).only_density:
        with pytest.raises(InputError, match="is a density"):
            rule_of(name, PATH)
        return
    rule, tables = rule_of(name, PATH), mixed(name, 0.5, 0)
    np.testing.assert_allclose(p_of(rule, tables, PATH), p_of(rule_of(name), tables), rtol=1e-6)
    words = said(rule.evaluate(clear(example(name).claimed, PATH), THRESHOLD))
    assert "dens" not in words
    assert "spars" not in words


@every_rule
def test_a_window_along_another_axis_than_its_curve_is_refused_and_both_are_named(name):
    with pytest.raises(InputError, match=r"window at density .* lies along penalty strength"):
        rule_of(name).evaluate(clear(example(name).claimed, PATH), THRESHOLD)


@every_rule
def test_the_size_and_the_power_of_a_rule_are_measured(name):
    assert name in {case.rule.name for case in nulls()}
    assert name in {case.rule.name for case in alternatives()}
