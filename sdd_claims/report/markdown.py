"""`SUMMARY.md`: the verdict table and a paragraph for each claim, for a terminal or a pull request."""

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
