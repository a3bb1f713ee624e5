"""`index.html`: the whole report in one file that opens from disk and asks nothing of a network."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from sdd_claims.curves import DENSITY
from sdd_claims.report import calibration, sentences
from sdd_claims.report.axes import Axes
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.report.evidence import CurveSource, Line, gather, told_apart
from sdd_claims.report.figures import panel
from sdd_claims.report.templating import environment


@dataclass(frozen=True, slots=True)
class Panels:
    """A claim and its control on the same axes.

    Attributes:
        axis: what the levels lie along.
        claim: the judged curves, None where none could be read.
        control: the control's, likewise.
        windows: whether any is shaded.
    """

    axis: str
    claim: Markup | None
    control: Markup | None
    windows: bool


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim as its section of the page needs it.

    Attributes:
        claim: its entry.
        anchor: its id in the page.
        panels: the figures, one for each axis that curves lie along.
        shared: what the labels in both figures leave out because all curves share it.
        missing: a sentence for each curve that could not be read.
    """

    claim: ClaimEntry
    anchor: str
    panels: tuple[Panels, ...]
    shared: str
    missing: tuple[str, ...]


def to_html(document: ClaimsDocument, source: CurveSource) -> str:
    """Return the page: summary, verdict table, claims with their figures, how to read them, calibration, environment.

    The same document and curves give the same bytes.
    """
    measured = document["calibration"]
    return (
        environment(autoescape=True)
        .get_template("report.html.j2")
        .render(
            document=document,
            summary=sentences.summary(document),
            views=[view(claim, source) for claim in sentences.registered(document["claims"])],
            questions=[view(claim, source) for claim in sentences.exploratory(document["claims"])],
            calibration=measured,
            sizes=calibration.size_table(measured) if measured else None,
            powers=calibration.power_table(measured) if measured else None,
            repetitions=calibration.repetitions(measured) if measured else None,
        )
    )


def view(claim: ClaimEntry, source: CurveSource) -> ClaimView:
    """Draw a claim and its control on the same axes."""
    anchor = re.sub(r"[^\w-]+", "-", f"{claim['tier']}-{claim['id']}")
    judged, control = gather(claim["runs"], source), gather(claim["control"]["runs"], source)
    panels: tuple[Panels, ...] = ()
    shared = ""
    if judged.lines or control.lines:
        lines, shared = told_apart((*judged.lines, *control.lines))
        split = len(judged.lines)
        panels = tuple(
            _panels(claim, lines[:split], lines[split:], axis, anchor)
            for axis in dict.fromkeys(line.curve.axis for line in lines)
        )
    return ClaimView(claim, anchor, panels, shared, (*judged.missing, *control.missing))


def _panels(claim: ClaimEntry, judged: Sequence[Line], control: Sequence[Line], axis: str, anchor: str) -> Panels:
    along = [[line for line in lines if line.curve.axis == axis] for lines in (judged, control)]
    axes = Axes.around([line for lines in along for line in lines])
    of_windows = claim.get("window_axes", {})
    windows = {name: ends for name, ends in claim["windows"].items() if of_windows.get(name, DENSITY) == axis}
    salt = anchor if axis == DENSITY else f"{anchor}-{axis.replace(' ', '-')}"
    claim_figure, control_figure = (
        panel(lines, windows, axes, salt=f"{salt}-{name}") if lines else None
        for name, lines in zip(("claim", "control"), along, strict=True)
    )
    return Panels(axis, claim_figure, control_figure, bool(windows))
