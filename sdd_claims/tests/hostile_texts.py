"""Hostile texts in every place of claims.json that holds one: page, figures, SUMMARY.md and LaTeX show them as text."""

import json
import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

from hypothesis import strategies as st
from rich.markdown import Markdown

from sdd_claims import report
from sdd_claims.locations import checkout
from sdd_claims.report import claims_json, evidence, exports
from sdd_claims.report.claims_json import ClaimsDocument
from sdd_claims.tests.hostile import Surface, places, put, texts, unwatched

FOLDER = (checkout() or Path()) / "reports" / "published" / "full"
LINKS = re.compile(r"#[\w-]*|claims\.json|https://[\w./-]+|data:,|data:image/[\w+;,/=%-]+")


@cache
def sound() -> str:
    """The claims.json of a run of one claim, from version 2 on."""
    document = json.loads((FOLDER / "claims.json").read_text(encoding="utf-8"))
    document["claims"] = document["claims"][:1]
    document["calibration"] = {
        name: each[:2] if isinstance(each, list) else each for name, each in document["calibration"].items()
    }
    document["unloaded"] = ["one claim module"]
    document["environment"]["training"] = [
        {"hardware": "a machine", "capability": "AVX2", "torch": "2", "commit": "a", "levels": 3}
    ]
    for claim in document["claims"]:
        claim["network"] = "a network"
        for run in claim["runs"].values():
            run["remark"] = "a remark"
    return json.dumps(document)


@cache
def free() -> tuple[tuple[Any, ...], ...]:
    """The places whose text may be any; those by which curves are found keep theirs, so that figures are drawn."""
    found = []
    for place in places(json.loads(sound())):
        document = json.loads(sound())
        node = document
        for key in place[:-1]:
            node = node[key]
        if not isinstance(node[place[-1]], str) or place[-1] in ("digest", "measure", "axis", "sha256", "protocol"):
            continue
        put(document, place, "a word")
        if claims_json.misfit(document, ClaimsDocument, "") is None:
            found.append(place)
    return tuple(found)


def named(document: Any, text: str) -> None:
    """Have a text among the names of curves, windows and packages."""
    for claim in document["claims"]:
        for held in (claim["runs"], claim["control"]["runs"], claim["windows"]):
            for name in [*held][:1]:
                held[text] = held.pop(name)
    document["environment"]["versions"][text] = text


def rendered(text: str | None, chosen: tuple[tuple[Any, ...], ...], folder: Path, names: bool = True) -> None:
    """The report of the sound run with one text in the chosen places."""
    document = json.loads(sound())
    if text is not None:
        for place in chosen:
            put(document, place, text)
        if names:
            named(document, text)
    folder.mkdir()
    (folder / "claims.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / evidence.NAME).write_bytes((FOLDER / evidence.NAME).read_bytes())
    report.render(folder)
    table = exports.verdicts_as_latex(claims_json.read(folder / "claims.json"))
    (folder / "table.tex").write_text(table, encoding="utf-8")


class Seen(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and where links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.kinds: set[tuple[str, str]] = set()
        self.number: Counter[str] = Counter()
        self.links: set[str] = set()
        self.policies = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.number[tag] += 1
        self.kinds |= {(tag, ""), *((tag, name) for name, _ in attrs)}
        self.links |= {str(value) for name, value in attrs if name in ("href", "src", "action", "xlink:href")}
        self.policies += ("http-equiv", "Content-Security-Policy") in attrs

    def handle_comment(self, data: str) -> None:
        self.number["a comment"] += 1

    def handle_pi(self, data: str) -> None:
        self.number["a processing instruction"] += 1

    def unknown_decl(self, data: str) -> None:
        self.number["a declaration"] += 1


def marks(text: str) -> Counter[str]:
    """The kinds of Markdown's elements in a text, and where its links lead."""
    found: Counter[str] = Counter()
    for token in Markdown(text).parsed:
        for each in (token, *(token.children or ())):
            found[each.type] += each.nesting != -1 and each.type not in ("softbreak", "text")
            found.update(f"to {each.attrs[name]}" for name in ("href", "src") if name in each.attrs)
    return +found


def orders(table: str) -> Counter[str]:
    """What LaTeX takes for an order in a table."""
    return Counter(re.findall(r"\\(?:[A-Za-z]+|.)|(?<!\\)[&#%_^$~]", table, re.DOTALL))


_HARMLESS = {
    *(rf"\text{name}" for name in ("backslash", "asciitilde", "asciicircum", "less", "greater", "bar")),
    *(rf"\{letter}" for letter in "#$%&_{}"),
    *("$", "^", "~", r"\times"),
}


@cache
def known(
    chosen: tuple[tuple[Any, ...], ...] = (), names: bool = False
) -> tuple[set[tuple[str, str]], Counter[str], Counter[str]]:
    """What stands in clean reports: the one as it was published, and one with a word in the chosen places."""
    kinds, words, tables = set[tuple[str, str]](), Counter[str](), Counter[str]()
    for text in (None, "word") if chosen else (None,):
        with TemporaryDirectory(prefix="clean-") as folder:
            rendered(text, chosen, Path(folder) / "run", names)
            kinds |= Seen((Path(folder) / "run" / "index.html").read_text(encoding="utf-8")).kinds
            words |= marks((Path(folder) / "run" / "SUMMARY.md").read_text(encoding="utf-8"))
            tables |= orders((Path(folder) / "run" / "table.tex").read_text(encoding="utf-8"))
    return kinds, words, tables


def check(drawn: tuple[str, tuple[tuple[Any, ...], ...], bool], folder: Path) -> bool:
    with unwatched():
        kinds, words, tables = known(drawn[1], drawn[2])
    kinds = kinds | known()[0]
    rendered(*drawn[:2], folder / "run", drawn[2])
    page = Seen((folder / "run" / "index.html").read_text(encoding="utf-8"))
    assert page.kinds <= kinds, page.kinds - kinds
    assert page.policies == page.number["script"] == page.number["style"] == page.number["head"] == 1
    assert page.number["a comment"] == page.number["a declaration"] == page.number["a processing instruction"] == 0
    assert all(map(LINKS.fullmatch, page.links)), page.links
    for figure in folder.rglob("*.svg"):
        drawing = ElementTree.fromstring(figure.read_text(encoding="utf-8"))
        assert not any("script" in each.tag or "foreign" in each.tag.lower() for each in drawing.iter())
    summary = marks((folder / "run" / "SUMMARY.md").read_text(encoding="utf-8"))
    assert summary <= words, summary - words
    table = orders((folder / "run" / "table.tex").read_text(encoding="utf-8"))
    more = {order: number for order, number in (table - tables).items() if order not in _HARMLESS}
    assert not more, more
    return True


def drawn_texts() -> st.SearchStrategy[Any]:
    """A text, all free places or one of them, and whether it stands among the names, too."""
    known()  # before anybody watches: what draws for the first time looks for fonts
    one = st.sampled_from(free()).map(lambda place: (place,))
    return st.tuples(texts, st.just(free()) | one, st.booleans())


PAGES = (Surface("claims.json: hostile texts, on page and in tables", 0.0005, drawn_texts, check),)
