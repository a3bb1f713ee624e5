"""The table of training time is what the records of a store add up to."""

import pytest

from benchmarks import time_spent as time_spent_module
from benchmarks.time_spent import Kind, main, time_spent
from sdd_claims.planning.plan import Request, plan
from sdd_claims.spec import ModelSpec, OwnNetwork
from sdd_claims.storage.inventory import network_of
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, REDENSE, SEEDS, SPEC, fill


def test_every_stored_level_is_counted_once_with_its_kind_and_density(tmp_path):
    store, wanted = Store(tmp_path), plan([Request(KEPT, SEEDS, 3), Request(REDENSE, SEEDS, 2)])
    fill(store, wanted)
    groups, hardware = time_spent(store)
    counts = {kind: spent.levels for kind, spent in groups.items()}
    assert counts == {
        Kind("MLP-8", "chain", "native", "0.3 to 1"): 6,  # densities 1 and 0.5
        Kind("MLP-8", "chain", "native", "0.1 to 0.3"): 3,  # density 0.25
        Kind("MLP-8", "redense training", "native", "0.3 to 1"): 6,
    }
    assert sum(spent.seconds for spent in groups.values()) == 0.25 * wanted.needed == sum(hardware.values())
    assert groups[Kind("MLP-8", "chain", "native", "0.3 to 1")].flops == 6e6


def test_a_network_of_the_users_own_goes_by_the_name_of_its_callable():
    own = OwnNetwork(function="build", source="ab", versions="", prunable=("0.weight",), file="/a/my.py")
    model = ModelSpec(name="own", hidden=(), initialization="pytorch", own=own)
    assert network_of(SPEC.but(model=model).as_dict()["model"]) == "build"


def test_levels_of_two_arithmetics_are_told_apart(tmp_path):
    portable = SPEC.but(training={"arithmetic": "portable"})
    store = Store(tmp_path)
    fill(store, plan([Request(SPEC, SEEDS, 1), Request(portable, SEEDS, 2)]))
    counts = dict[str, int]()
    for kind, spent in time_spent(store)[0].items():
        counts[kind.arithmetic] = counts.get(kind.arithmetic, 0) + spent.levels
    assert counts == {"native": len(SEEDS), "portable": 2 * len(SEEDS)}


def test_the_command_prints_a_row_a_kind_and_what_the_machine_could_do(tmp_path, capsys, monkeypatch):
    """Through a pipe each row is one line with all its columns, however long its network's name is."""
    monkeypatch.setattr(time_spent_module, "product_rate", lambda device, precision: 4e7)
    model = ModelSpec(name="relu_network", hidden=(1024, 1024, 512), functional_width=256, initialization="uniform")
    spec = KEPT.but(model={"hidden": (300, 200, 100)}), SPEC.but(model=model)
    fill(Store(tmp_path), plan([Request(each, SEEDS, 1) for each in spec]))
    assert main([str(tmp_path)]) == 0
    heads, *rows = capsys.readouterr().out.splitlines()
    assert " ".join(heads.split()).endswith("arithmetic density levels minutes share s a level GFLOP/s of the product")
    assert str(model) in rows[0] + rows[1]
    # A million operations in a quarter of a second, of forty million a second.
    assert all(row.split()[-6:] == ["3", "0.0", "50.0%", "0.25", "0.004", "10.0%"] for row in rows[:2])
    assert any("float32 matrix product of one core here" in row for row in rows)


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_that_is_no_store_is_refused_and_not_made_one(tmp_path, capsys, name):
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / name)]) == 2
    assert "is no store: it has no store.json; give the folder that --store named" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]
