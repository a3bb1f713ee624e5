"""A run in the forms of other programs: its curves as CSV, its verdicts as a table of LaTeX's."""

import csv
import io
from collections.abc import Iterator, Sequence

from sdd_claims.report import numbers, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.report.latex import escaped
from sdd_claims.report.lines import CurveSource

COLUMNS = (
    *("claim", "tier", "network", "part", "curve", "setting", "run"),
    *("seed", "level", "axis", "position", "measure", "value"),
)
"""Of the table of curves. `part` is claim or control, `run` begins its digest, `value` is empty where one diverged."""


def curves_as_csv(claims: Sequence[ClaimEntry], source: CurveSource) -> str:
    """Every curve that a claim or its control was judged by, a row a number.

    Raises:
        InputError: a curve that the evidence does not hold.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for claim in claims:
        table.writerows(_rows(claim, source))
    return text.getvalue()


def _rows(claim: ClaimEntry, source: CurveSource) -> Iterator[tuple[object, ...]]:
    whose = sentences.key(claim)
    for part, runs in (("claim", claim["runs"]), ("control", claim["control"]["runs"])):
        for name, run in runs.items():
            curve = source.curve(run["digest"], run["measure"], tuple(run["seeds"]), run["levels"])
            for seed, row in zip(curve.seeds, curve.values.tolist(), strict=True):
                for level, (position, value) in enumerate(zip(curve.position.tolist(), row, strict=True)):
                    number = value if value == value else ""  # a replica that diverged
                    where = seed, level, curve.axis, position
                    yield *whose, part, name, run["label"], run["digest"][:12], *where, run["measure"], number


def verdicts_as_latex(document: ClaimsDocument) -> str:
    """The verdicts as a `tabular` that needs no package."""
    titles = ("Claim", "Tier", "Verdict", "Effect", "Interval", "$p$", "Seeds", "Control")
    lines = [rf"\begin{{tabular}}{{{'lllrrrrl'}}}", r"\hline", " & ".join(titles) + r" \\", r"\hline"]
    lines += [" & ".join(map(escaped, _cells(claim))) + r" \\" for claim in document["claims"]]
    return "\n".join([*lines, r"\hline", r"\end{tabular}", ""])


def _cells(claim: ClaimEntry) -> tuple[str, ...]:
    return (
        claim["id"],
        sentences.column(claim) + (", proxy" if claim["proxy"] else ""),
        sentences.verdict_word(claim["verdict"]),
        numbers.effect(claim["effect"]),
        numbers.interval(claim["effect"]),
        sentences.shown_p(claim),
        str(len(claim["seeds"])),
        sentences.control_in_a_word(claim["control"]),
    )
