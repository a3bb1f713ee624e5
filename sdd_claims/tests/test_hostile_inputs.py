"""Whatever is given, it is taken, or refused in one sentence; nothing in it is executed, nothing written elsewhere.

`SDD_CLAIMS_EXAMPLES` is the number of inputs over all surfaces; then others are drawn every time.
`python -m benchmarks.hostile_inputs` does the same and counts.
"""

import os
import subprocess

import numpy as np
import pytest

from sdd_claims.errors import InputError, StoreError
from sdd_claims.tests.hostile import MARK, Broken, Watch, is_sentence, taken
from sdd_claims.tests.hostile_surfaces import SURFACES

FEW = {"words of sdd-claims": 15, "rejudge, checksums right": 10, "claims.json: diff, export, report": 5}
FEW["claims.json: hostile texts, on page and in tables"] = 4


@pytest.mark.parametrize("name", SURFACES)
def test_hostile_input_is_taken_or_refused_in_one_sentence_and_nothing_else_happens(name):
    surface = SURFACES[name]
    if (asked := os.environ.get("SDD_CLAIMS_EXAMPLES")) is None:
        surface.run(FEW.get(name, 30))
    else:
        surface.run(max(1, round(int(asked) * surface.share)), draw=int.from_bytes(os.urandom(4), "little"))


def test_shares_are_of_all_inputs():
    assert sum(surface.share for surface in SURFACES.values()) == pytest.approx(1)


def test_each_half_of_what_can_be_taken_or_refused_is_met():
    counted = {name: SURFACES[name].run(60) for name in ("claims.json, read", "windows.json", "options of pytest")}
    assert all(counts["refused"] and counts["accepted"] for counts in counted.values())


@pytest.mark.parametrize(
    "act",
    [
        lambda: os.system("true"),
        lambda: subprocess.run(["true"]),
        lambda: compile(f"'{MARK}'", "x", "eval"),
        lambda: open("../x", "w"),  # noqa: SIM115
        lambda: os.mkdir("../../victim/x"),
        lambda: os.remove("../../victim/precious"),
        lambda: os.rename("../../victim/precious", "here"),
        lambda: np.load("evil.npy", allow_pickle=True),
    ],
    ids=["system", "subprocess", "compile", "open", "mkdir", "remove", "rename", "unpickle"],
)
def test_the_watch_sees_what_must_not_happen(tmp_path, act):
    class Evil:
        def __reduce__(self):
            return os.getcwd, ()

    with Watch(tmp_path).watching():
        np.save("evil.npy", np.full(1, Evil(), dtype=object), allow_pickle=True)
        with pytest.raises(Broken):
            act()


def test_the_watch_lets_write_in_the_folder_given(tmp_path):
    with Watch(tmp_path).watching() as folder:
        (folder / "x").write_text("x")


@pytest.mark.parametrize("text", ["", " ", "a\nb", "\x1b[31m", "Traceback (most recent call last)", "x" * 2000])
def test_what_is_no_sentence_is_told_from_one(text):
    assert not is_sentence(text)


@pytest.mark.parametrize("text", ["", "Traceback (most recent call last)"])
def test_a_refusal_that_says_nothing_fails(text):
    def refuse():
        raise InputError(text)

    with pytest.raises(AssertionError):
        taken(refuse)


@pytest.mark.parametrize("kind", [InputError, StoreError])
def test_an_error_is_one_line_that_moves_no_terminal_and_ends_with_its_remedy(kind):
    said = str(kind(f"\x1b[31m\u202e{'x' * 5000}\r\nb\udcff\ud800; use another"))
    assert is_sentence(said)
    assert said.startswith("\\x1b[31m\\u202exxx")
    assert said.endswith(" b\\xff\\ud800; use another")
