"""`index.html`: the whole report in one file that opens from disk and asks nothing of a network."""

import re
from dataclasses import dataclass

from markupsafe import Markup

from sdd_claims.report import calibration, sentences
from sdd_claims.report.axes import Axes
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.report.evidence import CurveSource, gather, told_apart
from sdd_claims.report.figures import panel
from sdd_claims.report.templating import environment


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim as its section of the page needs it.

    Attributes:
        claim: its entry.
        anchor: its id in the page.
        figure: the judged curves, None where none could be read.
        control_figure: the control's, likewise.
        shared: what the labels in both figures leave out because all curves share it.
        missing: a sentence for each curve that could not be read.
    """

    claim: ClaimEntry
    anchor: str
    figure: Markup | None
    control_figure: Markup | None
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
            views=[view(claim, source) for claim in document["claims"]],
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
    figures: dict[str, Markup] = {}
    shared = ""
    if judged.lines or control.lines:
        lines, shared = told_apart((*judged.lines, *control.lines))
        axes = Axes.around(lines)
        split = len(judged.lines)
        for name, drawn in (("claim", lines[:split]), ("control", lines[split:])):
            if drawn:
                figures[name] = panel(drawn, claim["windows"], axes, salt=f"{anchor}-{name}")
    missing = (*judged.missing, *control.missing)
    return ClaimView(claim, anchor, figures.get("claim"), figures.get("control"), shared, missing)
