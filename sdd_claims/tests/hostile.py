"""What the tests of hostile input share: what is drawn, who watches, and when a refusal is a good one."""

import json
import os
import shutil
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from sdd_claims.errors import InputError, StoreError

MARK = "hostile_0mark"
"""Stands in what must never be executed."""

TEXTS = (
    *("", " ", "..", "../../x", "/etc/passwd", "C:\\x", "a/b", ".", "~", "~nobody/x", "file:///etc/passwd", "-", "--"),
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='x", "</style></script>", "]]>"),
    *("-->", "<b>", "&lt;b&gt;", "&#60;b&#62;", "javascript:alert(1)", "data:text/html,<b>", "<![CDATA[", "<?xml?>"),
    *("{{ 7*7 }}", "{% include 'x' %}", "{0.__class__}", "%s%n", "%(x)s", "$(touch x)", "`touch x`", "; touch x"),
    *("\\input{/etc/passwd}", "\\write18{touch x}", "$x^2$", "100 % & more \\\\", "| a | b |", "[x](javascript:x)"),
    *(
        "\x00",
        "\x1b[31m\x07",
        "\r\nX: y",
        "a\n\n# b",
        "\t",
        "\x85",
        "\u2028",
        "\u202eabc\u2066",
        "\u05e9\u05dc\u05d5\u05dd",
    ),
    *("\ud800", "e\u0301\u0301\u0301", "\U0001f9ea", "\ufeff", "x" * 5000, "a, " * 800, "(" * 300, "\uff11\uff12"),
    *("nan", "1e400", "-1", "0", "1", "None", "true", "null", "9" * 400, "9" * 5000, "1000-99999999999999", "=1+1"),
    *(f"__import__('os').system('{MARK}')", f"{MARK}.py:build", "os:system", "__proto__", "supported", "density"),
)
texts = st.sampled_from(TEXTS) | st.text(st.characters(), max_size=30)
numbers = st.sampled_from([-1, 0, 1, 3, 10**9, 10**400, -1.5, 0.5, 1e-320, 1e308, -1e308]) | st.integers() | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)


def places(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything below a node of JSON, the node left out."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, held in pairs:
        yield (*above, key)
        yield from places(held, (*above, key))


def put(node: Any, place: tuple[Any, ...], value: Any) -> None:
    """Have a value stand in a place."""
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value


@st.composite
def changed(draw: st.DrawFn, text: str, most: int = 2) -> Any:
    """The content of some JSON with a few places changed: another value, none, another name, the same twice.

    Args:
        draw: given by hypothesis.
        text: the JSON.
        most: how many places at most.
    """
    content = json.loads(text)
    for _ in range(draw(st.integers(1, most))):
        open_ones = [*places(content)]
        if not open_ones:
            return draw(values)
        place = open_ones[draw(st.integers(0, len(open_ones) - 1))]
        node = content
        for key in place[:-1]:
            node = node[key]
        how = draw(st.sampled_from(["another", "another", "none", "renamed", "twice"]))
        if how == "another":
            node[place[-1]] = draw(values)
        elif how == "none":
            del node[place[-1]]
        elif how == "renamed" and isinstance(node, dict):
            node[draw(texts)] = node.pop(place[-1])
        elif isinstance(node, list):
            node.append(node[place[-1]])
    return content


# Watching


class Broken(BaseException):
    """Something was executed or written: no `except Exception` may hide it."""


_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_EXECUTES = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
    "subprocess.Popen",
}
_EXECUTES |= {"pickle.find_class", "socket.connect", "webbrowser.open"}
_CHANGES = {
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.chown",
    "os.truncate",
}
_CHANGES |= {"os.utime", "shutil.rmtree"}
_watched: list[Path] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched:
        return
    if event in _EXECUTES:
        raise Broken(f"{event} {arguments!r}")
    if event == "compile" and isinstance(arguments[0], str | bytes) and MARK in str(arguments[0]):
        raise Broken(f"compiles {arguments[0]!r}")
    if event == "import" and MARK in arguments[0]:
        raise Broken(f"imports {arguments[0]}")
    if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITES):
        return
    if event == "open" or event in _CHANGES:
        for path in arguments[: 2 if event in ("os.rename", "os.link") else 1]:
            there_already = event == "os.mkdir" and os.path.isdir(path)
            if isinstance(path, str | bytes | os.PathLike) and not there_already and not _allowed(os.fsdecode(path)):
                raise Broken(f"{event} {path!r}")


def _allowed(path: str) -> bool:
    real = os.path.realpath(path)
    return real == os.devnull or "__pycache__" in real or Path(real).is_relative_to(_watched[-1])


sys.addaudithook(_hook)  # for good, and idle but in `watched`


@contextmanager
def unwatched() -> Iterator[None]:
    """What a check does to compare with, in a folder of its own."""
    kept = _watched.pop()
    try:
        yield
    finally:
        _watched.append(kept)


class Watch:
    """A folder into which alone may be written, and a victim beside it; made once, emptied often."""

    def __init__(self, top: Path) -> None:
        self._root = top.resolve()
        self.folder, victim = self._root / "given" / "folder", self._root / "victim"
        self.folder.mkdir(parents=True)
        victim.mkdir()
        (victim / "precious").write_text("precious")
        self._before = _snapshot(self._root)

    @contextmanager
    def watching(self) -> Iterator[Path]:
        """Yields the folder, empty, and the current one: nothing may be written outside it, and nothing be executed."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        _watched.append(self.folder)
        try:
            with chdir(self.folder):
                yield self.folder
        finally:
            _watched.pop()
        assert _snapshot(self._root) == self._before


def _snapshot(root: Path) -> dict[str, object]:
    outside = [root, *root.iterdir(), *(root / "given").iterdir(), *(root / "victim").rglob("*")]
    return {str(path): path.read_bytes() if path.is_file() else None for path in outside}


def is_sentence(text: str) -> bool:
    """Whether this is what a user should read: short, not empty, one line, and nothing that moves a terminal."""
    return (
        0 < len(text.strip()) <= 1000
        and "Traceback" not in text
        and not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)
    )


def taken(*calls: Callable[[], object]) -> bool:
    """Whether input was accepted by all calls; else one of them has refused it by a good sentence."""
    accepted = True
    for call in calls:
        said = None
        try:
            call()
        except (InputError, StoreError) as error:
            said = str(error)
        assert said is None or is_sentence(said), repr(said)
        accepted = accepted and said is None
    return accepted


# Surfaces


@dataclass(frozen=True)
class Surface:
    """A way in which input comes.

    Attributes:
        name: what is hostile, and what reads it.
        share: of all inputs, those that take this way; readers are fast, pages slow.
        inputs: what is drawn, made late.
        check: takes what was drawn and a folder of its own; says whether it was accepted.
    """

    name: str
    share: float
    inputs: Callable[[], st.SearchStrategy[Any]]
    check: Callable[[Any, Path], bool]

    def run(self, examples: int, *, draw: int | None = None) -> Mapping[str, int]:
        """Try so many inputs, always the same ones unless there is a draw; returns how many were refused, accepted."""
        counted: Counter[str] = Counter(refused=0, accepted=0)

        @settings(
            max_examples=examples,
            derandomize=draw is None,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            phases=[Phase.generate],  # a whole run is never shrunk in time
        )
        @given(self.inputs())
        def one(drawn: Any) -> None:
            with watch.watching() as folder:
                counted["accepted" if self.check(drawn, folder) else "refused"] += 1

        with tempfile.TemporaryDirectory(prefix="hostile-") as top:
            watch = Watch(Path(top))
            (one if draw is None else seed(draw)(one))()
        return counted
