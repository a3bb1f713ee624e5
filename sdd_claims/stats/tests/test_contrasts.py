import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_paired

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import Contrast, Equivalent, Greater, Term
from sdd_claims.stats.one_sample import SCREEN
from sdd_claims.stats.population import CRITICAL, DENSITY, LEVELS, SWEET, phases
from sdd_claims.stats.tests.studies import THRESHOLD, study

RISE = Contrast((Term(1.0, "noisy", SWEET), Term(-1.0, "noisy", CRITICAL)))


@pytest.mark.parametrize(
    ("rise", "supported", "refuted"), [(0.06, True, False), (0.01, False, False), (-0.05, False, True)]
)
def test_greater(rise, supported, refuted):
    found = Greater(RISE, 0.01).evaluate(study(noisy=phases(0.8, 0.7, 0.7 + rise, 0.6)), THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)
    assert "[noisy at density 0.0029 to 0.0075 − noisy at density 0.017 to 0.045]" in found.words
    assert "exceeds 1.0 point" in found.words


@pytest.mark.parametrize(
    ("difference", "supported", "refuted"), [(0.0, True, False), (0.03, False, False), (-0.08, False, True)]
)
def test_equivalent(difference, supported, refuted):
    found = Equivalent(RISE, 0.03).evaluate(study(noisy=phases(0.8, 0.7, 0.7 + difference, 0.6)), THRESHOLD)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)


def test_equivalent_is_the_paired_test_of_statsmodels_where_nothing_joins_the_t_tests():
    curves = study(noisy=np.full(LEVELS, 0.78), clean=np.full(LEVELS, 0.77))
    noisy, clean = (SWEET.mean(DENSITY, curves[name].values) for name in ("noisy", "clean"))
    rule = Equivalent(Contrast((Term(1.0, "noisy", SWEET), Term(-1.0, "clean", SWEET))), 0.02)
    found = rule.evaluate(curves, THRESHOLD)
    expected = ttost_paired(noisy, clean, -0.02, 0.02)[0]
    assert SCREEN < expected < 0.5
    assert found.p == pytest.approx(expected)


def test_nothing_is_equivalent_within_no_margin():
    with pytest.raises(InputError, match="above 0"):
        Equivalent(RISE, 0.0)


def test_a_contrast_with_a_diverged_seed_names_it_once():
    curves = study(noisy=phases(0.8, 0.7, 0.76, 0.6))
    values = curves["noisy"].values.copy()
    values[0] = np.nan
    curves["noisy"] = SparsityCurve(curves["noisy"].seeds, DENSITY, values)
    found = Greater(RISE).evaluate(curves, THRESHOLD)
    assert (found.p, found.p_contrary) == (1, 1)
    assert found.open_reason == "seed 1000 of 'noisy' diverged"
