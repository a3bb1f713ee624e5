import pytest

from sdd_claims.stats import words


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.083, "accuracy", "8.3 points"),
        (0.01, "accuracy", "1.0 point"),
        (-0.0002, "accuracy", "0.0 points"),
        (0.0834, "density", "0.083 density"),
        (1.234, "density", "1.23 density"),
        (-12.34, "GFLOP", "-12.3 GFLOP"),
        (48_843.7, "GFLOP", "48,844 GFLOP"),
        (999.7, "GFLOP", "1,000 GFLOP"),
    ],
)
def test_amounts_are_read_without_exponents(value, unit, said):
    assert words.amount(value, unit) == said


@pytest.mark.parametrize(
    ("weight", "said"), [(1, ""), (-1.0, ""), (0.75, "0.75 × "), (-2, "2 × "), (1e-9, "10⁻⁹ × "), (-1e12, "10¹² × ")]
)
def test_weights_stand_before_what_they_weigh(weight, said):
    assert words.factor(weight) == said
