"""From `claims.json` and the store to a page that a sceptic can read."""

from pathlib import Path

from sdd_claims.report.evidence import CurveSource

__all__ = ["CurveSource", "render"]


def render(directory: Path, source: CurveSource) -> Path:
    """Write `index.html` and `SUMMARY.md` beside `directory/claims.json`.

    A claim whose curves `source` cannot give gets a sentence in place of its figure.

    Returns:
        The path of `index.html`.

    Raises:
        InputError: `claims.json` is missing, damaged, or of another schema version.
        StoreError: the directory cannot be written.
    """
    # Matplotlib is slow to import, and most processes that import this package never draw.
    from sdd_claims.files import write_atomically
    from sdd_claims.report import claims_json, html, markdown

    document = claims_json.read(directory / "claims.json")
    page = directory / "index.html"
    write_atomically(page, html.to_html(document, source).encode())
    write_atomically(directory / "SUMMARY.md", markdown.to_markdown(document).encode())
    return page
