"""The table of training time is what the records of a store add up to."""

import pytest

from sdd_claims.planning.plan import Request, plan
from sdd_claims.planning.time_spent import main, network_of, time_spent
from sdd_claims.spec import ModelSpec, OwnNetwork
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, REDENSE, SEEDS, SPEC, fill


def test_every_stored_level_is_counted_once_with_its_kind_and_density(tmp_path):
    store, wanted = Store(tmp_path), plan([Request(KEPT, SEEDS, 3), Request(REDENSE, SEEDS, 2)])
    fill(store, wanted)
    groups, hardware = time_spent(store)
    counts = {kind: spent.levels for kind, spent in groups.items()}
    assert counts == {
        ("MLP-8", "chain", "0.3 to 1"): 6,  # densities 1 and 0.5
        ("MLP-8", "chain", "0.1 to 0.3"): 3,  # density 0.25
        ("MLP-8", "redense training", "0.3 to 1"): 6,
    }
    assert sum(spent.seconds for spent in groups.values()) == 0.25 * wanted.needed == sum(hardware.values())
    assert groups["MLP-8", "chain", "0.3 to 1"].flops == 6e6


def test_a_network_of_the_users_own_goes_by_the_name_of_its_callable():
    own = OwnNetwork(function="build", source="ab", versions="", prunable=("0.weight",), file="/a/my.py")
    model = ModelSpec(name="own", hidden=(), initialization="pytorch", own=own)
    assert network_of(SPEC.but(model=model).as_dict()["model"]) == "build"


def test_the_command_prints_a_row_a_kind_and_what_the_machine_could_do(tmp_path, capsys):
    fill(Store(tmp_path), plan([Request(KEPT, SEEDS, 2)]))
    assert main([str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "MLP-8" in said
    assert "100.0%" in said
    assert "float32 matrix product of one core here" in said


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_that_is_no_store_is_refused_and_not_made_one(tmp_path, capsys, name):
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / name)]) == 2
    assert "is no store: it has no store.json; give the folder that --store named" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]
