"""Checks that all specs share: the type of every field, and errors that name the field and what it may hold."""

import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sdd_claims.errors import InputError, nearest, shown

_IN_WORDS: Mapping[Any, str] = {
    str: "a name",
    bool: "True or False",
    int: "a whole number",
    int | None: "a whole number or None",
}

_ITEMS: Mapping[Any, str] = {float: "finite numbers", int: "whole numbers", str: "names"}


@cache
def _types(spec: Any) -> dict[str, Any]:
    return get_type_hints(spec)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


class Spec:
    """Base of all specs. Every field takes one type: equal values, such as 1 and 1.0, share a digest."""

    def __post_init__(self) -> None:
        for name, expected in _types(type(self)).items():  # type: ignore[arg-type]
            value = getattr(self, name)
            if expected is float:
                self._require(name, _is_finite(value), "a finite number")
                object.__setattr__(self, name, float(value) + 0.0)
            elif get_origin(expected) is Literal:
                self._require_one_of(name, get_args(expected))
            elif get_origin(expected) is tuple:
                kind, *_ = get_args(expected)
                numbers = kind is float
                fits = isinstance(value, tuple | list) and all(
                    _is_finite(item) if numbers else type(item) is kind for item in value
                )
                self._require(name, fits, f"a tuple of {_ITEMS[kind]}")
                object.__setattr__(self, name, tuple(float(item) + 0.0 if numbers else item for item in value))
            else:
                fits = isinstance(value, expected) and isinstance(value, bool) == (expected is bool)
                self._require(name, fits, _IN_WORDS.get(expected, f"a {getattr(expected, '__name__', expected)}"))

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise InputError(f"{type(self).__name__}.{name} must be {expected}, got {shown(getattr(self, name))}")

    def _require_one_of(self, name: str, known: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if not isinstance(value, str) or value not in known:
            got = f"{shown(value)}{nearest(value, known)}"
            raise InputError(f"{type(self).__name__}.{name} must be one of {', '.join(known)}, got {got}")


def changed(spec: Any, changes: Mapping[str, Any]) -> Any:
    """A copy of a spec with some settings changed; nested specs by a mapping.

    Raises:
        InputError: the spec has no such setting, or may not hold that value.
    """
    known = {each.name for each in fields(spec)}
    if unknown := set(changes) - known:
        raise InputError(f"{type(spec).__name__} has no setting {', '.join(sorted(unknown))}; it has {sorted(known)}")
    return replace(
        spec,
        **{
            name: changed(getattr(spec, name), value) if isinstance(value, Mapping) else value
            for name, value in changes.items()
        },
    )
