"""JSON and TOML that nobody meant well with: every reader of the suite says so in one sentence."""

import gzip
import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims import report
from sdd_claims.errors import InputError, StoreError
from sdd_claims.parsing import DEEPEST, from_json, from_toml
from sdd_claims.registration import register, windows
from sdd_claims.report import claims_json, evidence, history
from sdd_claims.spec import run_of
from sdd_claims.storage import layout
from sdd_claims.storage.ledger_file import LedgerFile
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT

DEEP = "[" * 20_000 + "]" * 20_000

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_json_is_what_python_reads(content):
    assert from_json(json.dumps(content)) == json.loads(json.dumps(content)) == content


def test_toml_is_what_python_reads():
    text = "a = 0.05\nb = [1, -2.5e3, nan]\n[c.d]\ne = 2026-11-20\nf = -inf\n"
    assert str(from_toml(text)) == str(tomllib.loads(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DEEP, "nested"),
        ("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), f"it is nested more than {DEEPEST} deep"),
        ('{"a":' * (DEEPEST + 2) + "1" + "}" * (DEEPEST + 2), f"it is nested more than {DEEPEST} deep"),
        ("1e400", "it holds 1e400, which is too large for a number"),
        ("-" + "9" * 400, "it holds -9999999999999999..., which is too large for a number"),
        ("9" * 10_000, "too large"),
        ("[NaN]", "it holds NaN, which JSON does not have"),
        ("-Infinity", "it holds -Infinity, which JSON does not have"),
    ],
    ids=["deep", "lists", "objects", "float", "integer", "digits", "nan", "infinity"],
)
def test_json_that_no_file_of_ours_holds_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        from_json(text)


def test_lists_may_be_as_deep_as_is_allowed():
    assert from_json("[" * DEEPEST + "]" * DEEPEST)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"a = {DEEP}", "nested"),
        (f"a = {'[' * 102}{']' * 102}", "nested"),
        (f"{'.'.join(['a'] * 5000)} = 1", "nested"),
        ("a = 1e400", "it holds 1e400, which is too large"),
    ],
    ids=["deep", "lists", "keys", "float"],
)
def test_toml_that_no_file_of_ours_holds_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        from_toml(text)


def levels(path):
    store = Store(path.parent)
    file = path.parent / layout.levels(KEPT.digest, 1000)
    file.parent.mkdir(parents=True)
    file.write_text(DEEP)
    return store.records(KEPT.digest, 1000)


READERS = {
    "claims.json": (DEEP, claims_json.read),
    "a folder of a report": (DEEP, lambda path: report.papers_in(path.parent)),
    "evidence.json.gz": (DEEP, lambda path: evidence.read(path.parent)),
    "register.toml": (f"alpha = 0.05\npapers = {DEEP}", register.read),
    "notes.toml": (f"a = {DEEP}", lambda path: history.read_notes(path, (), "which are not there")),
    "windows.json": (DEEP, lambda path: windows.read(path, "fast")),
    "settings": (DEEP, lambda path: run_of(path.read_text())),
    "store.json": (DEEP, lambda path: Store(path.parent)),
    "judged.json": (DEEP, lambda path: LedgerFile(path).read()),
    "levels.json": ("", levels),
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_nested_too_deeply_is_refused_by_every_reader_in_one_sentence(tmp_path, name):
    text, read = READERS[name]
    path = tmp_path / ("claims.json" if name.startswith("a folder") else name)
    if name != "levels.json":
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    with pytest.raises((InputError, StoreError), match=r"; \w+") as refused:
        read(path)
    assert len(str(refused.value)) < 400
