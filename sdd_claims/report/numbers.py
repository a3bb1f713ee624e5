"""Numbers as people read them: points, minutes, TFLOP, p with two digits."""

import math
from collections.abc import Sequence

from sdd_claims.report.claims_json import EffectEntry

ABSENT = "–"
_NBSP = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plain(value: float, digits: int = 3) -> str:
    """`value` with that many significant digits and a true minus sign: 0.0123, −4.5, 12,345, 1.2 × 10⁻⁶."""
    if 1 <= abs(value) < 1e6:
        text = f"{value:.{digits}g}" if abs(value) < 10**digits - 0.5 else f"{value:,.0f}"
        return text.replace("-", _MINUS)
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    power = f"{_NBSP}×{_NBSP}{_ten_to(int(exponent))}" if exponent else ""
    return mantissa.replace("-", _MINUS) + power


def probability(p: float | None) -> str:
    """A p value with two digits; one that underflowed is bounded, not called zero."""
    if p is None:
        return ABSENT
    if p < 1e-15:
        return f"<{_NBSP}{_ten_to(-15)}"
    if p >= 1e-4:
        return f"{p:.2g}"
    mantissa, _, exponent = f"{p:.1e}".partition("e")
    return f"{mantissa}{_NBSP}×{_NBSP}{_ten_to(int(exponent))}"


def amount(value: float | None, unit: str) -> str:
    """A margin or an effect with its unit; an accuracy in points, 0.01 being 1 point."""
    if value is None:
        return ABSENT
    if unit == "accuracy":
        number = plain(100 * value)
        return f"{number}{_NBSP}{'point' if number.lstrip(_MINUS) == '1' else 'points'}"
    return f"{plain(value)} {unit}".rstrip()


def effect(entry: EffectEntry | None) -> str:
    """The effect alone, with its unit: `8.3 points`."""
    if entry is None or entry["value"] is None:
        return ABSENT
    if entry["unit"] == "accuracy":
        return f"{_points(entry['value'])}{_NBSP}points"
    return f"{plain(entry['value'])} {entry['unit']}"


def interval(entry: EffectEntry | None) -> str:
    """The interval of an effect, its unit left to the effect beside it: `7.1 to 9.5`."""
    if entry is None or entry["low"] is None or entry["high"] is None:
        return ABSENT
    write = _points if entry["unit"] == "accuracy" else plain
    return f"{write(entry['low'])} to {write(entry['high'])}".replace(" ", _NBSP)


def interval_level(threshold: float) -> str:
    """The level of the two-sided t interval that goes with a one-sided t-test at `threshold`."""
    return percent(1 - 2 * threshold)


def chance(share: float) -> str:
    """A simulated share, with two digits; one of all studies is no certainty."""
    return ">\N{NO-BREAK SPACE}0.99" if share > 0.99 else f"{share:.2f}"


def chance_in_words(share: float) -> str:
    """The same within a sentence: `0.97`, or `more than 0.99`."""
    return "more than 0.99" if share > 0.99 else chance(share)


def e_value(value: float) -> str:
    """An e-value with two digits, large ones as a power of ten: `0.31`, `630`, `3.0 × 10⁹`."""
    if value < 1e4:
        return plain(value, 2 if value < 100 else 3)
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}{_NBSP}×{_NBSP}{_ten_to(int(exponent))}"


def percent(fraction: float) -> str:
    """A share of one, in per cent: 0.9987 is `99.87 %`."""
    return f"{100 * fraction:.4g}{_NBSP}%"


def per_ten_thousand(rate: float) -> str:
    """A small rate as a count in 10,000: 0.00063 is `6.3`."""
    return f"{1e4 * rate:.1f}" if rate < 0.01 else f"{1e4 * rate:.0f}"


def duration(seconds: float | None) -> str:
    """Seconds in readable units: `31 s`, `2 min 51 s`, `5 h 12 min`."""
    if seconds is None:
        return ABSENT
    if seconds < 10:
        return f"{seconds:.1f}{_NBSP}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest}{_NBSP}s"
    hours, minutes_left = divmod(minutes, 60)
    pair = f"{minutes} min {rest} s" if hours == 0 else f"{hours} h {minutes_left} min"
    return pair.replace(" ", _NBSP)


def tflop(flops: float | None) -> str:
    """Floating-point operations in units of 10¹²: `2.9 TFLOP`."""
    return ABSENT if flops is None else f"{plain(flops / 1e12, 2)}{_NBSP}TFLOP"


def energy(kwh: float) -> str:
    """Kilowatt-hours in readable units: `12 Wh`, `3.4 kWh`."""
    return f"{plain(1000 * kwh, 2)}{_NBSP}Wh" if kwh < 1 else f"{plain(kwh, 2)}{_NBSP}kWh"


def mass(kg: float) -> str:
    """Kilograms in readable units: `5.7 g`, `1.6 kg`."""
    return f"{plain(1000 * kg, 2)}{_NBSP}g" if kg < 1 else f"{plain(kg, 2)}{_NBSP}kg"


def seed_list(seeds: Sequence[int]) -> str:
    """Seeds with runs of neighbours closed up: `1000–1011, 1020`."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def count(number: int, noun: str) -> str:
    """A number of things: `1 seed`, `12 seeds`."""
    return f"{number}{_NBSP}{noun}{'' if number == 1 else 's'}"


def position(value: float) -> str:
    """A position along a curve: a density of `0.023`, a strength of `10⁻⁶`, epoch `50,000`."""
    if 1e-4 <= value < 1:
        return _fraction(value)
    if 0 < value < 1e6 and value == round(value):
        return f"{value:,.0f}"
    power = math.log10(value) if value > 0 else 0.5
    return _ten_to(round(power)) if math.isclose(power, round(power), abs_tol=1e-9) else plain(value)


def _fraction(value: float) -> str:
    """A number below 1 with two digits, never in exponent form: `0.023`, `0.0001`."""
    return f"{value:.{1 - math.floor(math.log10(value))}f}".rstrip("0").rstrip(".")


def _points(fraction: float) -> str:
    return f"{100 * fraction:.1f}".replace("-0.0", "0.0").replace("-", _MINUS)


def _ten_to(exponent: int) -> str:
    return f"10{str(exponent).translate(_SUPERSCRIPT)}"
