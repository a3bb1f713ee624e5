"""The forest plot of the verdict table: how far each mean lies beyond its margin, in standard deviations over seeds.

Units differ from claim to claim: points, ranks, logarithms of a density. Divided by the standard deviation over seeds,
all can stand on one axis. The line at 0 is the margin; to its right lies the claim, to its left its contrary.

Places along the axis are percentages of a plot's width, all else is in pixels: marks and labels are as large in a
narrow plot as in a wide one.
"""

from dataclasses import dataclass
from math import asinh, sqrt

from markupsafe import Markup
from scipy.special import stdtrit

from sdd_claims.report import numbers, sentences
from sdd_claims.report.claims_json import ClaimEntry

TICKS = (-10, -2, 0, 2, 10)
_REACH = 30.0
"""The distance at the edge of the plot; what lies farther is drawn there."""


@dataclass(frozen=True, slots=True)
class Distance:
    """A standardized distance from the margin; above 0 on the side of the claim.

    Attributes:
        value: mean over seeds, minus the margin, over the standard deviation over seeds.
        low: lower end of its t interval, as wide as the threshold demands.
        high: upper end.
    """

    value: float
    low: float
    high: float


def distance(claim: ClaimEntry) -> Distance | None:
    """The distance of the mean that decided a verdict; None where nothing was measured, or t was not written down.

    Where the contrary decided, it is the distance from that one's margin, on the other side.
    """
    shown, threshold = claim.get("decisive"), claim["threshold"]
    if not shown or shown["t"] is None or threshold is None or shown["seeds"] < 2:
        return None
    root = sqrt(shown["seeds"])
    value = shown["t"] / root * (-1 if shown["of"] == "contrary" else 1)
    half = float(stdtrit(shown["seeds"] - 1, 1 - threshold)) / root
    return Distance(value, value - half, value + half)


def across(value: float) -> float:
    """Where a distance is drawn, in percent of the width: near 0 in proportion, far from it in logarithms."""
    return 50 * (1 + asinh(2 * max(-_REACH, min(value, _REACH))) / asinh(2 * _REACH))


def row(claim: ClaimEntry) -> Markup:
    """The plot of one claim: its interval, and a mark whose shape says the verdict; a dash where there is none."""
    found = distance(claim)
    if found is None:
        return Markup(numbers.ABSENT)
    kind = sentences.openness(claim) or str(claim["verdict"])
    shape = {"supported": "disc", "refuted": "square", "contrary on a proxy": "square"}.get(kind, "ring")
    x, low, high = (f"{across(each):.1f}" for each in (found.value, found.low, found.high))
    mark = (
        f'<rect x="{x}%" y="4.5" width="7" height="7"/>' if shape == "square" else f'<circle cx="{x}%" cy="8" r="3.5"/>'
    )
    ends = " to ".join(numbers.plain(each, 2) for each in (found.low, found.high))
    label = f"{numbers.plain(found.value, 2)} standard deviations from the margin, interval {ends}"
    return Markup(
        f'<svg class="forest {shape}" role="img" aria-label="{label}"><use href="#ticks"/>'
        f'<line class="interval" x1="{low}%" x2="{high}%" y1="8" y2="8"/>{mark}<use href="#labels"/></svg>'
    )


def axis() -> Markup:
    """Ticks and their labels, written once: the plots of a page refer to them."""
    places = {tick: f"{across(tick):.1f}%" for tick in TICKS}
    lines = "".join(f'<line x1="{x}" x2="{x}" y2="16"/>' for x in places.values())
    labels = "".join(f'<text x="{x}" y="27">{str(tick).replace("-", chr(0x2212))}</text>' for tick, x in places.items())
    return Markup(f'<svg class="axis" aria-hidden="true"><g id="ticks">{lines}</g><g id="labels">{labels}</g></svg>')
