"""JSON Schema of `claims.json`, made of the types in `claims_json`: they say it once, for Python and for everyone else.

`python -m sdd_claims.report.json_schema` prints it. `claims.schema.json` beside this module is what it prints, for
programs in other languages. It lets further fields pass, as the reader does: a later version may have more.
"""

import inspect
import json
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from sdd_claims.report.claims_json import ClaimsDocument

NAME = "claims.schema.json"

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def json_schema() -> dict[str, Any]:
    """The schema of claims.json, with those of the objects that it holds under `$defs`."""
    defined: dict[str, Any] = {}
    whole = _schema(ClaimsDocument, defined)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "claims.json",
        **whole,
        "$defs": defined,
    }


def as_text() -> str:
    """The schema of the whole file, as it is kept in the package."""
    return json.dumps(json_schema(), indent=1) + "\n"


def _schema(kind: Any, defined: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; those of the objects that it holds go into `defined`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is NotRequired:
        return _schema(arguments[0], defined)
    if origin in (Union, UnionType):
        return {"anyOf": [_schema(each, defined) for each in arguments]}
    if origin is Literal:
        return {"enum": [*arguments]}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], defined)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], defined)}
    if is_typeddict(kind):
        if kind.__name__ not in defined:
            defined[kind.__name__] = {}  # its place, before those of what it holds
            hints = get_type_hints(kind, include_extras=True)
            defined[kind.__name__] = {
                "type": "object",
                "description": inspect.getdoc(kind),
                "properties": {name: _schema(hint, defined) for name, hint in hints.items()},
                "required": sorted(kind.__required_keys__),
            }
        return {"$ref": f"#/$defs/{kind.__name__}"}
    return {"type": _PLAIN[kind]}


if __name__ == "__main__":
    print(as_text(), end="")
