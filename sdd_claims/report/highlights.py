"""A few figures as files of their own, one a paper, for the summary and the README: `figures/<claim>.svg`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from sdd_claims.report import html, sentences
from sdd_claims.report.claims_json import ClaimsDocument
from sdd_claims.report.lines import CurveSource

FOLDER = "figures"

SHOWN = (
    "he2022/sdd_appears_under_label_noise",
    "quetu2023/lambda_opt_is_monotone",
    "zhang2024/sdd_along_the_penalty_path",
    "parhi2021/weight_decay_sparsifies",
)
"""The claims whose curves show what their papers are about."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """A figure as a file.

    Attributes:
        path: path of the file, relative to the folder of the run.
        caption: the claim that it shows.
        svg: the drawing.
    """

    path: str
    caption: str
    svg: str


def highlights(document: ClaimsDocument, source: CurveSource) -> list[Highlight]:
    """The figures of the claims in `SHOWN` that the run has judged: the curves of the claim itself."""
    drawn = []
    for claim in document["claims"]:
        if claim["id"] not in SHOWN or claim["verdict"] is None:
            continue
        panels = html.view(claim, source).panels
        if panels and panels[0].claim is not None:
            network = re.sub(r"[^\w-]+", "-", sentences.network(claim))
            name = "-".join(filter(None, (claim["id"].replace("/", "-"), network)))
            drawn.append(Highlight(f"{FOLDER}/{name}.svg", claim["statement"], _alone(str(panels[0].claim))))
    return drawn


def _alone(svg: str) -> str:
    """A figure of the page as a file: the page's light colours written out, on paper of its own."""
    colours = _light()
    svg = re.sub(r"var\((--[\w-]+)\)", lambda found: colours[found[1]], svg)
    paper = f'<rect width="100%" height="100%" fill="{colours["--paper"]}"/>'
    opened = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" ', 1)
    return opened.replace(">\n", f">\n{paper}\n", 1)


def _light() -> Mapping[str, str]:
    """The page's colours by role, as its style sheet has them for light backgrounds."""
    sheet = files("sdd_claims.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    light = sheet[: sheet.index("@media")]
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", light))
