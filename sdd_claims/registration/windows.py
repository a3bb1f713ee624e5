"""The windows that pilot seeds have set, as they stand in `claims/<paper>/windows.json`."""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from textwrap import indent
from typing import Any

from sdd_claims.curves import DENSITY
from sdd_claims.errors import InputError, nearest, shown
from sdd_claims.locations import bundled
from sdd_claims.parsing import from_json
from sdd_claims.stats import Phases, Window

_PHASES = tuple(each.name for each in fields(Phases))
_INDENT = " " * 6
"""The indent of a setting in windows.json, so that printed windows can be pasted as they are."""


def windows(paper: str, group: str) -> dict[str, Phases]:
    """The windows of a paper's settings, by the names of `ChainSetting.with_windows`.

    Args:
        paper: short name, the folder under claims/.
        group: the tier, or the network where a tier judges claims on several.

    Raises:
        InputError: as of `read`.
    """
    return read(bundled("claims") / paper / "windows.json", group)


def read(path: Path, group: str) -> dict[str, Phases]:
    """The windows of one group of a windows.json, by the name of the setting.

    Raises:
        InputError: no such file, not JSON, no such group, a field or phase that is missing, unknown or there twice, or
            a window that is none.
    """
    groups = _parsed(path)
    if not isinstance(groups, dict) or group not in groups:
        known = groups if isinstance(groups, dict) else ()
        raise InputError(f"{path}: there is no {group!r}{nearest(group, known)}; add it with what --pilots prints")
    where = f"{path}, {group}"
    content = _table(groups[group], where, ("about", "settings"))
    if not isinstance(content["about"], str) or not content["about"]:
        got = shown(content["about"])
        raise InputError(f"{where}: about must be a text, got {got}; say which pilots set the windows")
    if not isinstance(content["settings"], dict):
        raise InputError(f"{where}: settings must map names to phases; paste what --pilots prints")
    return {name: _phases(phases, f"{where}, {name}") for name, phases in content["settings"].items()}


def as_json(setting: str, phases: Phases) -> str:
    """A setting of a windows.json, ready to be pasted there: one phase a line, every number to its last digit."""
    found = {name: _written(getattr(phases, name)) for name in _PHASES}
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(window)}" for name, window in found.items())
    return indent(f"{json.dumps(setting)}: {{\n{lines}\n}}", _INDENT)


def _parsed(path: Path) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{path}: {shown(name)} stands twice in one place; delete the older one")
        return dict(pairs)

    try:
        return from_json(path.read_text(encoding="utf-8"), object_pairs_hook=once)
    except OSError as error:
        raise InputError(
            f"there are no windows at {path} ({error.strerror}); restore the file, or write down what --pilots prints"
        ) from error
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}; mend that line") from error


def _table(content: Any, where: str, needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    known = (*needed, *optional)
    if not isinstance(content, dict):
        raise InputError(f"{where}: must hold {', '.join(known)}, got {shown(content)}; paste what --pilots prints")
    for name in content:
        if name not in known:
            raise InputError(f"{where}: there is no {shown(name)}{nearest(name, known)}; use {', '.join(known)}")
    for name in needed:
        if name not in content:
            raise InputError(f"{where}: {name} is missing; paste what --pilots prints")
    return content


def _phases(content: Any, where: str) -> Phases:
    found: dict[str, Any] = {
        name: None if window is None and name == "collapsed" else _window(window, f"{where}, {name}")
        for name, window in _table(content, where, _PHASES).items()
    }
    return Phases(**found)


def _window(content: Any, where: str) -> Window:
    table = _table(content, where, ("low", "high"), ("axis",))
    axis = table.get("axis", DENSITY)
    if not isinstance(axis, str):
        raise InputError(f"{where}: axis must be a name, got {shown(axis)}; say what the curve lies along")
    for edge in ("low", "high"):
        if type(table[edge]) not in (int, float):
            raise InputError(f"{where}: {edge} must be a number, got {shown(table[edge])}; paste what --pilots prints")
    try:
        return Window(table["low"], table["high"], axis)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _written(window: Window | None) -> dict[str, Any] | None:
    if window is None:
        return None
    edges = {"low": whole_as_int(window.low), "high": whole_as_int(window.high)}
    return edges if window.axis == DENSITY else {**edges, "axis": window.axis}


def whole_as_int(number: float) -> float:
    """A number as it is written: as an int where it is whole, else as a float."""
    return int(number) if number == int(number) else float(number)
