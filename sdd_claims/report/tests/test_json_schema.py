"""The schema of claims.json, by a validator of others: it takes what is read here, and nothing else."""

import copy
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdd_claims.errors import InputError
from sdd_claims.report import claims_json, json_schema
from sdd_claims.report.claims_json import ClaimsDocument, misfit

HERE = Path(json_schema.__file__).parent
PUBLISHED = HERE.parents[1] / "reports" / "published"
RUNS = sorted([*PUBLISHED.glob("*/claims.json"), *PUBLISHED.glob("history/*.claims.json.gz")])
SCHEMA = json_schema.json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ABSENT = object()


def loaded(path: Path) -> Any:
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def closed() -> jsonschema.Draft202012Validator:
    """The same schema, which takes no field but its own."""
    schema = copy.deepcopy(SCHEMA)
    for defined in schema["$defs"].values():
        defined["additionalProperties"] = False
    return jsonschema.Draft202012Validator(schema)


def test_the_file_in_the_package_is_the_schema_of_the_types():
    """If not: python -m sdd_claims.report.json_schema > sdd_claims/report/claims.schema.json."""
    assert (HERE / json_schema.NAME).read_text(encoding="utf-8") == json_schema.as_text()


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert all(defined["description"] for defined in SCHEMA["$defs"].values())


@pytest.mark.parametrize("run", RUNS, ids=lambda path: str(path.relative_to(PUBLISHED)))
def test_every_published_run_fits_and_has_no_field_that_the_schema_lacks(run):
    closed().validate(loaded(run))


def test_a_made_up_run_fits(document):
    closed().validate(json.loads(claims_json.as_text(document)))


def _places(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*above, key)
        yield from _places(value, (*above, key))


SMALL = loaded(PUBLISHED / "full" / "claims.json")
SMALL["claims"] = SMALL["claims"][:1]
SMALL["calibration"] = {
    name: value[:1] if isinstance(value, list) else value for name, value in SMALL["calibration"].items()
}
PLACES = list(_places(SMALL))


@example(("schema",), True)
@given(
    st.sampled_from(PLACES),
    st.sampled_from([ABSENT, None, True, 3, 0.5, "text", "supported", [], [None], {}, {"value": 1}]),
)
def test_whatever_is_changed_the_reader_and_the_schema_agree_whether_it_fits(place, value):
    changed = copy.deepcopy(SMALL)
    node = changed
    for key in place[:-1]:
        node = node[key]
    if value is ABSENT:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    assert VALIDATOR.is_valid(changed) == (misfit(changed, ClaimsDocument, "the document") is None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda claims: claims[1].pop("expected"), "the document, claims [1] lacks expected; run"),
        (
            lambda claims: claims[0]["effect"].update(low="wide"),
            'the document, claims [0], effect, low is "wide", expected a number; run',
        ),
        (lambda claims: claims[0]["effect"].pop("unit"), "the document, claims [0], effect lacks unit; run"),
        (
            lambda claims: claims[2].update(verdict="proven"),
            'the document, claims [2], verdict is "proven", expected one of supported, refuted, inconclusive; run',
        ),
        (lambda claims: claims[0].update(seeds=[1.5]), "claims [0], seeds [0] is 1.5, expected a whole number; run"),
        (lambda claims: claims[0].update(parts={}), "the document, claims [0], parts is no list; run"),
        (lambda claims: claims[0].update(title=["x" * 500]), "claims [0], title is "),
        (lambda claims: claims[0].update(p=float("nan")), "is not JSON, or cut short (it holds NaN, which JSON does"),
    ],
)
def test_what_does_not_fit_is_said_in_one_short_sentence_with_its_place(tmp_path, document, change, sentence):
    change(document["claims"])
    (tmp_path / "claims.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError) as error:
        claims_json.read(tmp_path / "claims.json")
    assert sentence in str(error.value)
    assert len(str(error.value).replace(str(tmp_path), "")) < 200
