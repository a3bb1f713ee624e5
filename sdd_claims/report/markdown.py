"""`SUMMARY.md`: the verdict table and a paragraph for each claim, for a terminal or a pull request."""

from sdd_claims.report import sentences
from sdd_claims.report.claims_json import ClaimsDocument
from sdd_claims.report.templating import environment


def to_markdown(document: ClaimsDocument) -> str:
    """Return the summary of `document` as GitHub-flavoured Markdown."""
    template = environment(autoescape=False).get_template("summary.md.j2")
    return template.render(document=document, summary=sentences.summary(document))
