"""The report of a judged run, a folder that a sceptic can read and check: claims.json, evidence, page and summary."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sdd_claims.errors import InputError
from sdd_claims.parsing import from_json

if TYPE_CHECKING:  # who only cites a paper does not wait for NumPy
    from sdd_claims.report.claims_json import ClaimsDocument
    from sdd_claims.report.lines import CurveSource

__all__ = ["papers_in", "render", "write"]


def papers_in(directory: Path) -> set[str]:
    """The papers of the report that a folder holds; none where it is new, empty, or was not written to its end.

    Raises:
        InputError: it holds something else, which a report would be mixed up with or replace, or cannot be entered, or
            neither it nor the folder that it would be made in can be written.
    """
    remedy = "choose another folder with --report"
    try:
        place = next(each for each in (directory, *directory.parents) if each.exists() or each.is_symlink())
        whose = "which" if place == directory else f"since {place}"
        if not place.is_dir():
            raise InputError(f"the report cannot go to {directory}, {whose} is a file; {remedy}")
        if not os.access(place, os.W_OK | os.X_OK):
            raise InputError(f"the report cannot go to {directory}, {whose} is read-only; {remedy}")
        if place != directory:
            return set()
        held = {path.name for path in directory.iterdir() if not path.name.startswith(".")}
    except OSError as error:
        raise InputError(f"the report cannot go to {directory} ({error.strerror or error}); {remedy}") from error
    if held <= {"evidence.json.gz"}:  # what is written before claims.json
        return set()
    try:
        document = from_json((directory / "claims.json").read_text(encoding="utf-8"))
        return {claim["paper"] for claim in document["claims"]}
    except (OSError, ValueError, LookupError, TypeError):
        raise InputError(f"the report cannot go to {directory}, which holds something else; {remedy}") from None


def write(directory: Path, document: "ClaimsDocument", source: "CurveSource") -> Path:
    """Write a run into a folder: its document, every curve behind it, and what is drawn of the two.

    Args:
        directory: the folder, which is created where there is none.
        document: the judged run; its entry on the evidence is filled in here.
        source: the source of its curves. A curve that cannot be read is left out.

    Returns:
        The path of `index.html`.

    Raises:
        InputError: the document holds NaN or infinity; the directory is left as it was.
        StoreError: the directory cannot be written.
    """
    from sdd_claims.report import claims_json, evidence

    read = evidence.collect(document["claims"], source)
    document["evidence"] = read.entry
    claims_json.as_text(document)  # raises before anything is replaced
    evidence.write(directory, read)
    claims_json.write(directory / "claims.json", document)
    return render(directory)


def render(directory: Path, warn: Callable[[str], object] | None = None) -> Path:
    """Write `index.html`, `SUMMARY.md` and a few figures beside `claims.json` and its evidence.

    A claim whose curves are not in the evidence gets a sentence in place of its figure; so do all where the evidence
    is missing or damaged.

    Args:
        directory: the folder of the run.
        warn: told in a sentence that the evidence cannot be read.

    Returns:
        The path of `index.html`.

    Raises:
        InputError: `claims.json` is missing, damaged, or of another schema version.
        StoreError: the directory cannot be written.
    """
    # Matplotlib is slow to import, and most processes that import this package never draw.
    from sdd_claims.report import claims_json, evidence, findings, highlights, history, html, markdown
    from sdd_claims.storage.files import write_atomically

    document = claims_json.read(directory / "claims.json")
    curves, remark, unread = evidence.as_far_as_there(directory, document)
    if unread and remark and warn is not None:
        warn(remark)
    figures = highlights.highlights(document, curves)
    for figure in figures:
        write_atomically(directory / figure.path, figure.svg.encode())
    for left in {*(directory / highlights.FOLDER).glob("*.svg")} - {directory / figure.path for figure in figures}:
        left.unlink()  # of a run that this one has replaced
    page = directory / "index.html"
    elsewhere = findings.known_elsewhere(directory, document)
    drawn = html.to_html(document, curves, remark, history.before(directory, document), elsewhere or None)
    write_atomically(page, drawn.encode())
    write_atomically(directory / "SUMMARY.md", markdown.to_markdown(document, figures, remark).encode())
    return page
