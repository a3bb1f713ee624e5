"""The figure of a claim as a file of its own: SVG, PDF or PNG, in the page's light colours."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

from markupsafe import Markup

from sdd_claims.errors import InputError
from sdd_claims.report import figures, html
from sdd_claims.report.claims_json import ClaimEntry
from sdd_claims.report.lines import CurveSource

Kind = Literal["svg", "pdf", "png"]

KINDS: Mapping[str, Kind] = {".svg": "svg", ".pdf": "pdf", ".png": "png"}
"""By the ending of a file."""


def figure_of(claim: ClaimEntry, source: CurveSource, kind: Kind) -> bytes:
    """The curves by which a claim was judged, along their first axis, its windows shaded.

    Raises:
        InputError: none of its curves can be read.
    """
    drawings, _, missing = html.drawings(claim, source)
    drawing = next((each for each in drawings if each.claim), None)
    if drawing is None:
        raise InputError(
            f"{claim['id']} has no figure: {' '.join(missing) or 'it was judged by no curve'}; take the whole "
            "published folder"
        )
    if kind == "svg":
        return alone(html.claim_panel(claim, drawing)).encode()
    return figures.image(drawing.claim, drawing.windows, drawing.axes, kind=kind, colours=_light())


def alone(drawing: Markup) -> str:
    """A figure of the page as a file: the page's light colours written out, on paper of its own."""
    colours = _light()
    svg = re.sub(r"var\((--[\w-]+)\)", lambda found: colours[found[1]], str(drawing))
    paper = f'<rect width="100%" height="100%" fill="{colours["--paper"]}"/>'
    opened = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" ', 1)
    return opened.replace(">\n", f">\n{paper}\n", 1)


def _light() -> Mapping[str, str]:
    """The page's colours by role, as its style sheet has them for light backgrounds."""
    sheet = files("sdd_claims.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    light = sheet[: sheet.index("@media")]
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", light))
