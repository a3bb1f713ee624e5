"""A few figures as files of their own, one a paper, for the summary and the README: `figures/<claim>.svg`."""

import re
from dataclasses import dataclass

from sdd_claims.report import html, sentences
from sdd_claims.report.alone import alone
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
        drawings, *_ = html.drawings(claim, source)
        if drawings and drawings[0].claim:
            network = re.sub(r"[^\w-]+", "-", sentences.network(claim))
            name = "-".join(filter(None, (claim["id"].replace("/", "-"), network)))
            svg = alone(html.claim_panel(claim, drawings[0]))
            drawn.append(Highlight(f"{FOLDER}/{name}.svg", claim["statement"], svg))
    return drawn
