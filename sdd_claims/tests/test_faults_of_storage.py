"""What is lost, trained twice or wrong in a store is counted, and stands on the page."""

import shutil
from collections import Counter

import pytest

from benchmarks.faults_of_storage import SWEEP, Tally, as_markdown, finished
from sdd_claims.storage import layout
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import NOISY, fill

KEY = (NOISY.digest, 0)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    path = tmp_path_factory.mktemp("unbroken")
    fill(Store(path), SWEEP)
    return path


@pytest.fixture
def store(unbroken, tmp_path):
    return shutil.copytree(unbroken, tmp_path / "store")


def tally(store, unbroken, before=()):
    found = Tally("")
    found.add(store, unbroken, SWEEP, before)
    return found


def test_a_store_as_it_should_be_is_clean(store, unbroken):
    assert tally(store, unbroken, finished(unbroken, SWEEP)).is_clean


def test_a_level_that_is_gone_is_lost(store, unbroken):
    levels = unseal((store / layout.levels(*KEY)).read_bytes())
    (store / layout.training_pass(levels["passes"][-1])).unlink()
    assert tally(store, unbroken).lost == 4  # of both seeds, and the level before, whose weights are swept up


def test_a_level_of_two_passes_was_trained_twice(store, unbroken):
    levels = unseal((store / layout.levels(*KEY)).read_bytes())
    shutil.copy(store / layout.training_pass(levels["passes"][0]), store / layout.training_pass("f" * 32))
    assert tally(store, unbroken).doubled == 2


def test_another_number_and_other_weights_are_wrong(store, unbroken):
    path = store / layout.levels(*KEY)
    levels = unseal(path.read_bytes())
    levels["records"][0]["test_accuracy"] = 2.0
    path.write_bytes(seal(levels))
    assert tally(store, unbroken).wrong == 1
    (store / layout.state(*KEY, 1)).write_bytes(b"rot")
    assert tally(store, unbroken).wrong > 1


def test_the_page_has_every_count_and_says_what_was_skipped():
    sequences = {"one": Counter({"runs": 5}), "two": Counter({"levels or judgements lost": 4})}
    page = as_markdown([Tally("killed", 9, 8, 1, 2, 3)], sequences, ["Skipped."], "Measured.")
    assert "Lost, trained twice or wrong in all: 10." in page
    assert "| killed | 9 | 8 | 1 | 2 | 3 |" in page
    assert "| one | 0 | 5 | 0 | 0 | 0 | 0 | 0 | 0 |" in page
    assert "| two | 0 | 0 | 0 | 0 | 0 | 4 | 0 | 0 |" in page
    assert page.endswith("Skipped.\n")
