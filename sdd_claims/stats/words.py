"""Numbers as people read them: accuracies in points, p with two digits."""

import math
from collections.abc import Sequence

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def amount(value: float, unit: str) -> str:
    """Formats a number with its unit; an accuracy difference of 0.083 reads "8.3 points"."""
    if unit == "accuracy":
        points = f"{100 * value:z.1f}"
        return f"{points} point" if points in ("1.0", "-1.0") else f"{points} points"
    return f"{number(value)} {unit}"


def number(value: float) -> str:
    """Formats a number: "0.083" with two digits below 1, "12.3" with three, "48,840" with all before the point."""
    if abs(value) < 999.5:
        return f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}"
    return f"{value:,.0f}"


def factor(weight: float) -> str:
    """Formats the size of a weight before what it weighs: nothing for 1, "0.75 × ", "10⁻⁹ × "."""
    if abs(weight) == 1:
        return ""
    exponent = round(math.log10(abs(weight))) if weight else 0
    if abs(exponent) >= 3 and math.isclose(abs(weight), 10.0**exponent):
        return f"10{str(exponent).translate(_SUPERSCRIPT)} × "
    return f"{abs(weight):g} × "


def position(value: float) -> str:
    """Formats a position along a curve: "0.0241" of density, "50000" of epochs."""
    return f"{value:.0f}" if value >= 100 and value == round(value) else f"{value:.3g}"


def probability(p: float) -> str:
    """Formats a p: "p = 0.00024"."""
    return f"p = {p:.2g}"


def level(threshold: float) -> str:
    """Formats the level of a two-sided interval that leaves `threshold` on each side: "99.88 %"."""
    return f"{100 * (1 - 2 * threshold):.4g} %"


def listing(items: Sequence[str]) -> str:
    """Joins items as a sentence does: "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
