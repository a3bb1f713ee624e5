import json

import pytest

from sdd_claims.data import datasets, regression
from sdd_claims.registration.trials import all_trials


@pytest.fixture
def root(tmp_path):
    (tmp_path / "cifar10.npz").touch()
    return tmp_path


def test_every_data_set_that_a_claim_trains_on_is_named_once(call, root):
    found = json.loads(call("data", "--root", root, "--json").stdout)
    specs = [curve.spec for trial in all_trials().values() for curve in trial.curves.values()]
    assert [each["data"] for each in found] == sorted({each["data"] for each in found})
    alone = {each["data"] for each in found if "people" not in each["data"]}
    assert alone == {spec.data.name for spec in specs} - regression.PROBLEMS.keys()
    assert "cifar100, labels by people" in {each["data"] for each in found}


def test_what_is_there_and_what_is_missing_is_said_with_its_folder_and_remedy(call, root):
    found = {each["data"]: each for each in json.loads(call("data", "--root", root, "--json").stdout)}
    assert {name for name, each in found.items() if each["missing"] is None} == {"cifar10", "mnist_small"}
    assert found["mnist_small"]["folder"] == str(datasets.EMBEDDED_FOLDER)
    assert found["mnist"]["missing"] == datasets.why_unavailable("mnist", root)
    assert "he2022/sdd_appears_under_label_noise" in found["mnist"]["claims"]["full"]
    said = call("data", "--root", root).stdout
    assert f"there, in {root}" in said
    assert f"missing: {found['mnist']['missing']}" in said


def test_a_root_that_is_not_there_is_refused_as_a_run_does(call, root):
    done = call("data", "--root", root / "absent")
    assert done.exit_code == 2
    said = f"--root {root / 'absent'}: there is no such folder; name the one of the data sets, or make it"
    assert done.stderr.strip() == f"error: {said}"
