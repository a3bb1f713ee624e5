"""A drawing by matplotlib, as part of a page (roles for colours, ids of its own, a description) or as a file."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO, StringIO
from typing import Any, Literal

import matplotlib as mpl
import matplotlib.style
import numpy as np
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdd_claims.report.compact_svg import compact

SERIES = 6
"""Colours for curves in the page's palette, `--series-1` to `--series-6`."""

_STYLE = re.compile(r'\bstyle="([^"]*)"(?=[^<]*>)')  # of a tag, not of a text, in which no bare > stands

# Matplotlib needs colours; each of these represents a role and is replaced by its name in the finished SVG.
INK, MUTED, PAPER = "#010101", "#020202", "#030303"


def series(number: int) -> str:
    """Return the stand-in for the colour of the curve with that number, from 1; after the last the first returns."""
    return f"#0404{(number - 1) % SERIES + 1:02x}"


_ROLES = {INK: "--ink", MUTED: "--muted", PAPER: "--paper"} | {
    series(number): f"--series-{number}" for number in range(1, SERIES + 1)
}


@contextmanager
def own_style(**style: Any) -> Iterator[None]:
    """Draw by matplotlib's defaults and these settings; a user's own are not those of the page."""
    with mpl.style.context(["default", {"svg.fonttype": "none", **style}]):
        yield


def inline_svg(figure: Figure, salt: str, description: str) -> Markup:
    """Return `figure` as an `<svg>` whose colours are the page's and whose ids start with `salt`."""
    buffer = StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    document = buffer.getvalue()
    body = document[document.index("<defs>") : document.rindex("</svg>")]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", body, flags=re.DOTALL)  # its `*` would reach the page
    for stand_in, role in _ROLES.items():
        body = body.replace(stand_in, f"var({role})")
    used = set(re.findall(r'(?:xlink:href="#|url\(#)([\w-]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda found: f' id="{salt}-{found[1]}"' if found[1] in used else "", body)
    body = body.replace('xlink:href="#', f'href="#{salt}-').replace("url(#", f"url(#{salt}-")
    width, height = 72 * figure.get_size_inches()
    frame = Markup('<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">\n').format(width, height, description)
    return frame + Markup(compact(body)) + Markup("</svg>")


class Classes:
    """The styles of a page's drawings as classes, each written once: the page then needs no style attribute."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def instead(self, drawing: Markup) -> Markup:
        """The same drawing, with a class in place of every style."""
        return Markup(_STYLE.sub(lambda found: f'class="{self._name(found[1])}"', str(drawing)))

    @property
    def rules(self) -> Markup:
        """The classes of all drawings so far, as a part of a style sheet."""
        return Markup("\n").join(Markup(f".{name} {{ {style} }}") for style, name in self._names.items())

    def _name(self, style: str) -> str:
        return self._names.setdefault(style, f"s{len(self._names) + 1}")


def in_colours(figure: Figure, kind: Literal["pdf", "png"], colours: Mapping[str, str]) -> bytes:
    """Return `figure` as a file, with a colour for each role (`--ink` and others) where stand-ins were drawn."""
    figure.draw_without_rendering()  # ticks are made when they are drawn
    palette = {stand_in: colours[role] for stand_in, role in _ROLES.items()}
    for artist in figure.findobj():
        _recolour(artist, palette)
    buffer = BytesIO()
    # What is written does not depend on the day.
    metadata = {"CreationDate": None, "Creator": None, "Producer": None} if kind == "pdf" else {"Software": None}
    figure.savefig(buffer, format=kind, dpi=300, facecolor=colours["--paper"], metadata=metadata)
    return buffer.getvalue()


def _recolour(artist: Artist, palette: Mapping[str, str]) -> None:
    for name in ("color", "facecolor", "edgecolor"):
        get, put = (getattr(artist, f"{verb}_{name}", None) for verb in ("get", "set"))
        if get is None or put is None:
            continue
        found = np.asarray(get(), dtype=object).ravel()
        if found.size and (colour := palette.get(to_hex(get() if found.size in (1, 3, 4) else get()[0]))):
            put(colour)
