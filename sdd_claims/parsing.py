"""JSON and TOML that anybody may have written: whatever they hold, they are read, or refused by a `ValueError`."""

import json
import math
import tomllib
from collections.abc import Callable
from typing import Any

DEEPEST = 100
"""Lists and tables within each other. No file of ours has more than ten, and Python's own limit is an error of its own
kind, met wherever a deeper content is walked through."""


def from_json(text: str | bytes, *, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The content of some JSON, its numbers such as a float can hold; NaN and infinity are none.

    Raises:
        ValueError: it is no JSON, nested too deeply, or holds a number that is too large.
    """
    try:
        content = json.loads(
            text, parse_float=_float, parse_int=_int, parse_constant=_constant, object_pairs_hook=object_pairs_hook
        )
    except RecursionError:
        raise _too_deep() from None
    _check_depth(content)
    return content


def from_toml(text: str) -> dict[str, Any]:
    """The content of some TOML, its numbers such as a float can hold.

    Raises:
        ValueError: it is no TOML, nested too deeply, or holds a number that is too large.
    """
    try:
        content = tomllib.loads(text, parse_float=_float_of_toml)
    except RecursionError:
        raise _too_deep() from None
    _check_depth(content)
    return content


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"it holds {_cut(digits)}, which is too large for a number")
    return number


def _int(digits: str) -> int:
    _float(digits)
    return int(digits)


def _float_of_toml(digits: str) -> float:
    return float(digits) if digits.lstrip("+-") in ("nan", "inf") else _float(digits)


def _constant(name: str) -> object:
    raise ValueError(f"it holds {name}, which JSON does not have")


def _check_depth(content: Any) -> None:
    level: list[Any] = [content]
    for _ in range(DEEPEST + 1):
        level = [
            held
            for each in level
            if isinstance(each, dict | list)
            for held in (each.values() if isinstance(each, dict) else each)
            if isinstance(held, dict | list)
        ]
    if level:
        raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"it is nested more than {DEEPEST} deep")


def _cut(digits: str) -> str:
    return digits if len(digits) <= 20 else f"{digits[:17]}..."
