"""Guided inputs start from whole files, and a run that broke off is no result."""

import gzip

from benchmarks.guided_inputs import in_words, on_page, write_whole_files
from sdd_claims.registration import register, windows
from sdd_claims.report import claims_json, evidence
from sdd_claims.spec import run_of
from sdd_claims.storage.ledger_file import LedgerFile

LOG = "#90\tDONE   cov: 645 ft: 1200 corp: 83/9Kb\nDone 90 runs in 2 second(s)\n"


def test_changes_start_from_files_that_their_readers_take(tmp_path):
    write_whole_files(tmp_path)
    assert claims_json.read(tmp_path / "claims")["claims"]
    assert windows.read(tmp_path / "windows", "fast")
    assert register.read(tmp_path / "register").claims
    assert LedgerFile(tmp_path / "ledger").read()
    assert run_of((tmp_path / "settings").read_text(encoding="utf-8"))
    (tmp_path / evidence.NAME).write_bytes(gzip.compress((tmp_path / "evidence").read_bytes()))
    assert evidence.read(tmp_path)


def test_a_run_to_its_end_is_said_with_its_counts():
    assert (
        "90 changes of files that are whole, in 2 s: 0 failures. It keeps 83 inputs,\nwhich reach 645 places"
        in in_words(LOG)
    )


def test_a_paragraph_takes_the_place_of_that_of_an_earlier_run():
    once = on_page("# Hostile inputs\n", in_words(LOG))
    assert once.startswith("# Hostile inputs\n\nGuided by")
    assert on_page(once, in_words(LOG)) == once


def test_a_run_that_broke_off_is_no_result():
    assert in_words(LOG.splitlines()[1]) == in_words("== ERROR: libFuzzer: deadly signal\n") == ""
