"""A run from the text that its digest is made of."""

from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from sdd_claims.errors import InputError
from sdd_claims.parsing import from_json
from sdd_claims.spec.digest import OMITTED_FROM_DIGEST_AT, PIPELINE, SCHEMA, canonical_json
from sdd_claims.spec.run import RunSpec


def run_of(text: str) -> RunSpec:
    """The run whose settings have this canonical JSON; files of the user's own are not in it, and have no place.

    Raises:
        InputError: it is no such text, or one of another version.
    """
    try:
        content = from_json(text)
        versions = content.pop("schema"), content.pop("pipeline")
        run = _of(RunSpec, content)
    except (ValueError, TypeError, KeyError, AttributeError, InputError) as error:
        raise InputError(
            f"the settings of a run cannot be read ({error!r}); use the version that wrote them"
        ) from error
    if versions != (SCHEMA, PIPELINE) or canonical_json(run.as_dict()) != text:
        raise InputError("the settings of a run are those of another version; use the one that wrote them")
    return run


def _of(kind: Any, content: dict[str, Any]) -> Any:
    found, hints = dict[str, Any](), get_type_hints(kind)
    for name in (each.name for each in fields(kind)):
        if name in content:
            value = content[name]
            if isinstance(value, dict):
                (held,) = (each for each in (hints[name], *get_args(hints[name])) if is_dataclass(each))
                value = _of(held, value)
            found[name] = value
        elif name in OMITTED_FROM_DIGEST_AT:
            found[name] = OMITTED_FROM_DIGEST_AT[name]
    return kind(**found)
