"""The suite and the papers whose claims it tests, as one cites them: `claims/references.toml`."""

import tomllib
import unicodedata
from collections.abc import Mapping
from typing import Any

from sdd_claims.locations import bundled

Reference = Mapping[str, Any]
"""A table of claims/references.toml."""

_ACCENTS = {"\N{COMBINING ACUTE ACCENT}": "'", "\N{COMBINING GRAVE ACCENT}": "`", "\N{COMBINING DIAERESIS}": '"'}


def references() -> dict[str, Any]:
    """The suite and its papers."""
    return tomllib.loads((bundled("claims") / "references.toml").read_text(encoding="utf-8"))


def as_bibtex(name: str, reference: Reference) -> str:
    """An entry in ASCII alone, with the title's capitals kept."""
    is_paper = "year" in reference
    # Who has no family name is written as it is.
    authors = [author if "," in author else f"{{{author}}}" for author in reference["authors"]]
    fields = {"title": f"{{{reference['title']}}}", "author": " and ".join(authors)}
    if is_paper:
        fields["year"] = str(reference["year"])
    else:
        fields["note"] = f"Software, version {reference['version']}"
    if "venue" in reference:
        fields["booktitle"] = reference["venue"]
    if "arxiv" in reference:
        fields |= {"eprint": reference["arxiv"], "archiveprefix": "arXiv"}
    kind = "inproceedings" if "venue" in reference else "misc"
    lines = [f"  {field} = {{{_in_ascii(value)}}}," for field, value in fields.items()]
    return "\n".join([f"@{kind}{{{name},", *lines, "}"])


def _in_ascii(text: str) -> str:
    found = []
    for character in text.replace("&", r"\&").replace("_", r"\_"):
        parts = unicodedata.normalize("NFD", character)
        accent = _ACCENTS.get(parts[1:])
        found.append(character if accent is None else f"{{\\{accent}{parts[0]}}}")
    return "".join(found)


def address(reference: Reference) -> str:
    """Where a paper can be read; empty where nobody has put it on arXiv."""
    return f"https://arxiv.org/abs/{reference['arxiv']}" if "arxiv" in reference else ""
