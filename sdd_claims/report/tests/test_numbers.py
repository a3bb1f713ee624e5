import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.report import numbers
from sdd_claims.report.claims_json import EffectEntry


def spaced(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (None, "–"),
        (1.0, "1"),
        (0.4, "0.4"),
        (0.00063, "0.00063"),
        (1e-7, "1.0 × 10⁻⁷"),
        (4.62e-12, "4.6 × 10⁻¹²"),
        (0.0, "< 10⁻¹⁵"),
    ],
)
def test_a_p_value_has_two_digits_and_is_never_zero(p, text):
    assert spaced(numbers.probability(p)) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.01, "accuracy", "1 point"),
        (0.015, "accuracy", "1.5 points"),
        (0.67, "log density", "0.67 log density"),
        (0.0, "", "0"),
        (None, "accuracy", "–"),
    ],
)
def test_a_margin_of_accuracy_is_in_points(value, unit, text):
    assert spaced(numbers.amount(value, unit)) == text


def test_an_effect_of_accuracy_is_in_points_with_one_decimal():
    entry: EffectEntry = {"value": 0.08, "low": -0.0014, "high": 0.1614, "unit": "accuracy"}
    assert spaced(numbers.effect(entry)) == "8.0 points"
    assert spaced(numbers.interval(entry)) == "−0.1 to 16.1"


def test_an_effect_of_another_unit_is_left_as_it_is():
    entry: EffectEntry = {"value": -1.0234, "low": -1.5, "high": None, "unit": "Fisher z"}
    assert spaced(numbers.effect(entry)) == "−1.02 Fisher z"
    assert numbers.interval(entry) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-4.5, "−4.5"), (12345.6, "12,346"), (0.0123456, "0.0123"), (1.2e-6, "1.2 × 10⁻⁶"), (3e9, "3 × 10⁹")],
)
def test_plain_numbers_have_three_digits(value, text):
    assert spaced(numbers.plain(value)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.25, "0.2 s"), (31.0, "31 s"), (171.2, "2 min 51 s"), (18720.0, "5 h 12 min")],
)
def test_durations_are_said_as_people_say_them(seconds, text):
    assert spaced(numbers.duration(seconds)) == text


def test_costs_are_in_tflop():
    assert spaced(numbers.tflop(2.94e12)) == "2.9 TFLOP"
    assert spaced(numbers.tflop(1.234e15)) == "1,234 TFLOP"


@pytest.mark.parametrize(
    ("kwh", "energy", "kg", "mass"),
    [(0.0124, "12 Wh", 0.0059, "5.9 g"), (3.4, "3.4 kWh", 1.6, "1.6 kg"), (0.0, "0 Wh", 0.0, "0 g")],
)
def test_energy_and_mass_are_in_units_of_their_size(kwh, energy, kg, mass):
    assert spaced(numbers.energy(kwh)) == energy
    assert spaced(numbers.mass(kg)) == mass


def test_the_interval_level_follows_from_the_threshold():
    assert spaced(numbers.interval_level(0.00063)) == "99.87 %"


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.1, "0.1"), (0.0234, "0.023"), (0.0001, "0.0001"), (0.64, "0.64"), (0.0, "0")]
)
def test_densities_are_never_in_exponent_form(value, text):
    assert numbers.position(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-6, "10⁻⁶"),
        (2e-5, "2 × 10⁻⁵"),
        (1.5, "1.5"),
        (3.0, "3"),
        (50_000.0, "50,000"),
        (1e7, "10⁷"),
        (2.5e8, "2.5 × 10⁸"),
    ],
)
def test_points_of_a_path_are_written_short(value, text):
    assert spaced(numbers.position(value)) == text


@given(st.sets(st.integers(0, 60), min_size=1))
def test_a_seed_list_holds_exactly_the_seeds(seeds):
    read_back: set[int] = set()
    for piece in numbers.seed_list(list(seeds)).split(", "):
        first, _, last = piece.partition("–")
        read_back |= set(range(int(first), int(last or first) + 1))
    assert read_back == seeds


def test_neighbouring_seeds_are_closed_up():
    assert numbers.seed_list([1020, *range(1000, 1012)]) == "1000–1011, 1020"
