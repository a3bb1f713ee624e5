import hashlib
import json

import pytest

from sdd_claims.planning.plan import Request, plan
from sdd_claims.registration.trials import all_trials
from sdd_claims.spec import canonical_json
from sdd_claims.storage import layout
from sdd_claims.storage.checksummed_json import seal
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import SPEC, fill


def registered(derived):
    """A setting that a registered claim reads."""
    curves = [curve for trial in all_trials().values() for curve in trial.curves.values()]
    return next(curve.spec for curve in curves if (curve.spec.parent is not None) == derived)


NEEDED = registered(derived=True)


@pytest.fixture
def store(tmp_path):
    """Runs of a registered setting and of the chain that it is derived from, and one that nobody needs."""
    filled = Store(tmp_path / "store")
    fill(filled, plan([Request(SPEC, (1000, 1001), 2), Request(NEEDED, (1000,), 2)]))
    return filled


def digests(store):
    return {digest for _, digest, _ in store.runs()}


def test_the_size_is_that_of_all_files(call, store):
    found = json.loads(call("store", store.path, "size", "--json").stdout)
    assert found["bytes"] == sum(path.stat().st_size for path in store.path.rglob("*") if path.is_file())
    assert {run["digest"] for run in found["runs"]} == digests(store)
    assert "MLP-8 on mnist_small, clean labels, chain" in {run["setting"] for run in found["runs"]}
    said = call("store", store.path, "size").stdout
    assert f"{SPEC.digest[:12]}  MLP-8 on mnist_small, clean labels, chain" in said
    assert "3\N{NO-BREAK SPACE}runs" in said


def test_a_folder_or_a_command_that_is_forgotten_is_asked_for(call, store):
    done = call("store", "size")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: store size: the folder is missing; give it first: sdd-claims store DIR size\n",
    )
    done = call("store", store.path)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: store {store.path}: nothing is asked; say what, one of size, verify, prune")
    assert "Usage: " in call("store").output


def test_damage_is_found_and_left(call, store):
    assert call("store", store.path, "verify").exit_code == 0
    path = store.path / layout.levels(SPEC.digest, 1000)
    path.write_bytes(b"{}\n")
    done = call("store", store.path, "verify")
    assert done.exit_code == 1
    assert f"{path} is damaged" in done.stdout
    assert path.read_bytes() == b"{}\n"
    (damage,) = json.loads(call("store", store.path, "verify", "--json").stdout)["damage"]
    assert str(path) in damage


@pytest.mark.parametrize("words", [[], ["--dry-run"], ["--no-dry-run"]], ids=" ".join)
def test_nothing_is_dropped_unless_it_is_asked_for(call, store, words):
    before = sorted(store.path.rglob("*"))
    done = call("store", store.path, "prune", *words, answer="n\n")
    assert sorted(each for each in store.path.rglob("*")) == before
    assert SPEC.digest[:12] in done.stdout
    assert NEEDED.digest[:12] not in done.stdout
    assert ("would drop 1\N{NO-BREAK SPACE}run," in done.stdout) == (words != ["--no-dry-run"])


@pytest.mark.parametrize(("words", "answer"), [(["--yes"], None), (["--no-dry-run"], "y\n")], ids=["yes", "asked"])
def test_what_no_registered_claim_needs_is_dropped_and_no_more(call, store, words, answer):
    assert call("store", store.path, "prune", *words, answer=answer).exit_code == 0
    assert NEEDED.parent is not None
    assert digests(store) == {NEEDED.digest, NEEDED.parent.digest}
    assert call("store", store.path, "verify").exit_code == 0
    assert "there is nothing to drop" in call("store", store.path, "prune").stdout


def test_scripts_are_told_what_was_dropped(call, store):
    for words, dropped in (([], False), (["--yes"], True)):
        (run,) = json.loads(call("store", store.path, "prune", "--json", *words).stdout)
        assert (run["digest"], run["seeds"], run["dropped"]) == (SPEC.digest, [1000, 1001], dropped)


def test_two_wishes_that_contradict_each_other_are_said(call, store):
    done = call("store", store.path, "prune", "--dry-run", "--yes")
    assert (done.exit_code, done.stdout) == (2, "")
    assert digests(store) > {SPEC.digest}


@pytest.mark.parametrize(("part", "kind"), [("noise", []), ("noise", {}), ("derivation", []), ("derivation", {})])
def test_settings_of_another_kind_are_said_to_be_of_another_version(call, store, part, kind):
    settings = SPEC.as_dict()
    settings[part]["kind"] = kind
    path = store.path / layout.spec(SPEC.digest)
    path.write_bytes(seal(settings))
    path.parent.rename(path.parent.with_name(hashlib.sha256(canonical_json(settings).encode()).hexdigest()))
    done = call("store", store.path, "size", "--json")
    assert done.exit_code == 0
    assert "settings of another version" in {run["setting"] for run in json.loads(done.stdout)["runs"]}


def test_a_run_whose_settings_are_none_is_said_to_hold_those_of_another(call, store):
    (store.path / layout.spec(SPEC.digest)).write_bytes(seal(["no", "settings"]))
    done = call("store", store.path, "verify")
    assert done.exit_code == 1
    assert "holds the settings of another run" in done.stdout
