"""Evidence gives every number back to the last bit, and knows when it was changed."""

import gzip
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.report.evidence import NAME, Evidence, MeasuredRun, collect, read, write
from sdd_claims.report.tests.conftest import FakeSource, run

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.just(math.nan)


class Memory:
    """Gives whatever table it holds, cut to what is asked for."""

    def __init__(self, tables: dict[tuple[str, str], np.ndarray]) -> None:
        self.tables = tables

    def curve(self, digest: str, measure: str, seeds: tuple[int, ...], levels: int, /) -> SparsityCurve:
        table = self.tables[digest, measure][list(seeds), :levels]
        return SparsityCurve(tuple(seeds), 0.8 ** np.arange(levels), table)


def claim_reading(*runs):
    return {"runs": dict(enumerate(runs)), "control": {"runs": {}}}


def asked(digest, measure, seeds, levels):
    return {"digest": digest, "measure": measure, "seeds": list(seeds), "levels": levels, "label": ""}


@given(arrays.arrays(np.float64, (6, 5), elements=numbers), st.data())
def test_every_number_is_read_back_to_the_last_bit(tmp_path_factory, table, data):
    source = Memory({("d", "loss"): table})
    parts = [
        asked("d", "loss", data.draw(st.sets(st.integers(0, 5), min_size=1)), data.draw(st.integers(1, 5)))
        for _ in range(3)
    ]
    folder = tmp_path_factory.mktemp("evidence")
    write(folder, collect([claim_reading(*parts)], source))
    back = read(folder)
    for part in parts:
        arguments = part["digest"], part["measure"], tuple(part["seeds"]), part["levels"]
        ours, theirs = back.curve(*arguments), source.curve(*arguments)
        assert ours.values.tobytes() == np.where(np.isnan(theirs.values), np.nan, theirs.values).tobytes()
        assert ours.position.tobytes() == theirs.position.tobytes()
        assert (ours.seeds, ours.axis) == (theirs.seeds, theirs.axis)
    assert all(measured.sound for measured in back.runs.values())


def test_the_same_curves_give_the_same_bytes(tmp_path, claim, source):
    for name in ("one", "other"):
        write(tmp_path / name, collect([claim], source))
    assert (tmp_path / "one" / NAME).read_bytes() == (tmp_path / "other" / NAME).read_bytes()
    assert collect([claim], source).sha256 == read(tmp_path / "one").sha256


def test_curves_that_several_claims_read_stand_there_once(claim, source):
    once, twice = collect([claim], source), collect([claim, claim], source)
    assert once == twice
    keys = {(each["digest"], each["measure"]) for each in (*claim["runs"].values(), *claim["control"]["runs"].values())}
    assert set(once.runs) == keys
    assert once.entry["curves"] == len(keys)
    assert once.entry["numbers"] == once.numbers == sum(12 * 16 for _ in keys)


def test_what_the_source_cannot_give_is_left_out(claim):
    lost = FakeSource({})
    with pytest.raises(StoreError):
        lost.curve("lost", "test_accuracy", (0,), 1)
    assert collect([claim], lost).runs == {}


def test_pilots_are_evidence_too(claim, source):
    claim["pilots"] = {"noisy": run("noise040", "test_accuracy", "40 % noise")}
    assert ("noise040" * 8, "test_accuracy") in collect([claim], source).runs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no", "loss", (0,), 1), "the evidence holds no loss of run no"),
        (("d", "loss", (5,), 1), "holds 0 of the 1 levels of loss of seed 5"),
        (("d", "loss", (0,), 3), "holds 2 of the 3 levels of loss of seed 0"),
    ],
)
def test_what_is_not_there_is_named(arguments, message):
    evidence = collect([claim_reading(asked("d", "loss", (0, 1), 2))], Memory({("d", "loss"): np.ones((2, 2))}))
    with pytest.raises(InputError, match=message):
        evidence.curve(*arguments)


def test_numbers_are_read_as_such_whatever_json_calls_them_and_a_seed_has_one_row(tmp_path):
    run = MeasuredRun("epoch", [1, 10**30], {1000: [10**30, 1]})
    write(tmp_path, Evidence({("d", "loss"): run}, ""))
    curve = read(tmp_path).curve("d", "loss", (1000,), 2)
    assert np.isfinite([*curve.values[0], *curve.position]).all()
    assert curve.values.dtype.kind == curve.position.dtype.kind == "f"
    content = json.loads(gzip.decompress((tmp_path / NAME).read_bytes()))
    content["curves"][0]["rows"]["01000"] = [0.5, 0.5]
    (tmp_path / NAME).write_bytes(gzip.compress(json.dumps(content).encode()))
    with pytest.raises(InputError, match=r"holds a curve that is none .*a seed is written '01000'"):
        read(tmp_path)


@pytest.mark.parametrize("change", ["row", "position", "axis"])
def test_a_curve_that_was_changed_is_marked_and_the_others_are_not(tmp_path, change):
    tables = {("d", "loss"): np.ones((2, 2)), ("e", "loss"): np.ones((2, 2))}
    write(tmp_path, collect([claim_reading(*(asked(d, "loss", (0, 1), 2) for d in "de"))], Memory(tables)))
    content = json.loads(gzip.decompress((tmp_path / NAME).read_bytes()))
    curve = content["curves"][0]
    if change == "row":
        curve["rows"]["1"][1] = 1.0000000000000002
    elif change == "position":
        curve["position"][1] = 0.81
    else:
        curve["axis"] = "epoch"
    (tmp_path / NAME).write_bytes(gzip.compress(json.dumps(content).encode()))
    assert {key: measured.sound for key, measured in read(tmp_path).runs.items()} == {
        ("d", "loss"): False,
        ("e", "loss"): True,
    }


def test_no_evidence_holds_nothing():
    assert Evidence({}, "").numbers == 0
