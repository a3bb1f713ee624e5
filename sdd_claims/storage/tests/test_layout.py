"""Stores that exist must stay readable: these names never change."""

import re

import pytest

from sdd_claims.storage import layout

DIGEST = "0123456789abcdef" * 4


def test_the_names_of_a_stores_files_are_those_of_every_store_so_far():
    assert [layout.SCHEMA, layout.LEDGER, layout.OWN_DATA] == ["store.json", "judged.json", "data"]
    assert layout.spec(DIGEST) == f"runs/{DIGEST}/spec.json"
    assert layout.replica(DIGEST, 7) == f"runs/{DIGEST}/7"
    assert layout.levels(DIGEST, 7) == f"runs/{DIGEST}/7/levels.json"
    assert layout.state(DIGEST, 7, 3) == f"runs/{DIGEST}/7/state-3.safetensors"
    assert layout.rewind(DIGEST, 7) == f"runs/{DIGEST}/7/rewind.safetensors"
    assert layout.training_pass("f" * 32) == f"passes/{'f' * 32}.json"
    assert layout.lock(DIGEST, 7) == f"locks/{DIGEST[:32]}-7.lock"
    assert layout.checkpoint(DIGEST, 7, "e" * 64) == f"checkpoints/{DIGEST[:32]}-7-{'e' * 16}"
    assert re.fullmatch(rf"set_aside/{DIGEST[:12]}-7-[0-9a-f]{{8}}", layout.set_aside(DIGEST, 7))


@pytest.mark.parametrize("name", ["", "../../victim/evil", "f" * 33, "F" * 32, "f" * 32 + "\n", "f" * 31 + "/"])
def test_no_other_name_than_that_of_a_pass_becomes_the_name_of_a_file(name):
    with pytest.raises(ValueError, match="is no name of a pass"):
        layout.training_pass(name)


def test_patterns_find_the_files_that_they_are_of_and_no_others(tmp_path):
    names = [layout.spec(DIGEST), layout.state(DIGEST, 7, 3), layout.rewind(DIGEST, 7), layout.levels(DIGEST, 7)]
    names += [layout.checkpoint(DIGEST, seed, "e" * 64) for seed in (7, 77)]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def found(pattern, folder=""):
        return [str(path.relative_to(tmp_path)) for path in (tmp_path / folder).glob(pattern)]

    assert found(layout.SPECS) == names[:1]
    assert found(layout.STATES, layout.replica(DIGEST, 7)) == names[1:2]
    assert found(layout.checkpoints(DIGEST, 7)) == names[4:5]
    assert [name for name in names if layout.is_weights(name)] == names[1:3]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (layout.spec(DIGEST), ("settings", DIGEST[:32], None)),
        (layout.levels(DIGEST, 7), ("levels", DIGEST[:32], 7)),
        (layout.state(DIGEST, 7, 13), ("weights", DIGEST[:32], 7)),
        (layout.rewind(DIGEST, 7), ("weights", DIGEST[:32], 7)),
        (layout.checkpoint(DIGEST, 7, "e" * 64), ("checkpoints", DIGEST[:32], 7)),
        (layout.lock(DIGEST, 7), ("locks", DIGEST[:32], 7)),
        (layout.PRUNE_LOCK, ("locks", "", None)),
        (layout.training_pass("f" * 32), ("passes", "", None)),
        # Its name is drawn, and processes that share the tests must all collect the same names.
        (f"{layout.SET_ASIDE}/{DIGEST[:12]}-7-0123abcd/levels.json", ("set aside", "", None)),
        (layout.LEDGER, ("bookkeeping", "", None)),
        (layout.SCHEMA, ("bookkeeping", "", None)),
        (f"runs/{DIGEST}/7/.levels.json.abc", ("other", "", None)),
        (f"runs/{DIGEST}/7/notes.txt", ("other", "", None)),
        ("photos/spec.json", ("other", "", None)),
    ],
)
def test_every_file_of_a_store_is_known_by_its_name_and_no_other(name, expected):
    assert layout.kind_of(name) == expected
