import json

import pytest

from sdd_claims.errors import InputError
from sdd_claims.report.claims_json import read, write


def test_reading_returns_what_was_written(tmp_path, document):
    write(tmp_path / "claims.json", document)
    assert read(tmp_path / "claims.json") == document


def test_writing_leaves_no_temporary_file(tmp_path, document):
    write(tmp_path / "claims.json", document)
    assert [path.name for path in tmp_path.iterdir()] == ["claims.json"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_lacks_is_refused_by_its_place_and_spares_the_old_file(tmp_path, document, number):
    path = tmp_path / "claims.json"
    write(path, document)
    before = path.read_bytes()
    document["claims"][1]["effect"]["low"] = number
    with pytest.raises(InputError, match=r"claims\[1\]\.effect\.low"):
        write(path, document)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "schema None"),
        ('{"schema": 3}', "schema 3, this version of sdd_claims reads schema 1 and 2"),
        ('{"schema": 1}', "the document lacks alpha, calibration, claims, environment, registered"),
    ],
)
def test_what_is_no_claims_document_is_refused_with_a_remedy(tmp_path, text, complaint):
    (tmp_path / "claims.json").write_text(text)
    with pytest.raises(InputError, match=f"{complaint}.*--report"):
        read(tmp_path / "claims.json")


def test_a_missing_file_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(InputError, match=r"No such file.*--report"):
        read(tmp_path / "claims.json")


def test_a_claim_without_a_field_is_named(tmp_path, document):
    del document["claims"][2]["expected"]
    (tmp_path / "claims.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"claims \[2\] lacks expected"):
        read(tmp_path / "claims.json")


def test_a_window_needs_two_ends(tmp_path, document):
    document["claims"][1]["windows"] = {"light": [0.5]}
    (tmp_path / "claims.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"the window light of claims \[1\] has not two ends"):
        read(tmp_path / "claims.json")


def test_a_text_that_would_move_a_terminal_is_read_written_out(tmp_path, document):
    document["claims"][0]["statement"] = "a\x1b[31m\u202eb\r\nc\ud800"
    (tmp_path / "claims.json").write_text(json.dumps(document))
    assert read(tmp_path / "claims.json")["claims"][0]["statement"] == r"a\x1b[31m\u202eb c\ud800"
