"""`SUMMARY.md`, the verdict table and a paragraph for each claim; and the table alone, for the page of a CI run."""

from collections.abc import Sequence

from sdd_claims.report import sentences
from sdd_claims.report.claims_json import ClaimsDocument
from sdd_claims.report.highlights import Highlight
from sdd_claims.report.templating import environment


def to_markdown(document: ClaimsDocument, figures: Sequence[Highlight] = (), remark: str | None = None) -> str:
    """Return the summary of `document` as GitHub-flavoured Markdown, with some figures from files beside it."""
    template = environment(autoescape=False).get_template("summary.md.j2")
    summary = [*sentences.summary(document), *filter(None, [remark])]
    return template.render(document=document, summary=summary, figures=figures)


def step_summary(document: ClaimsDocument) -> str:
    """Return the verdict table alone, for the file that GitHub names in GITHUB_STEP_SUMMARY."""
    template = environment(autoescape=False).get_template("step_summary.md.j2")
    return template.render(document=document, summary=sentences.summary(document))
