import re
from pathlib import Path

import pytest

from sdd_claims.planning.plan import Request, plan
from sdd_claims.spec.digest import sha256 as digest_of
from sdd_claims.storage import inventory, layout
from sdd_claims.storage.checksummed_json import unseal
from sdd_claims.storage.inventory import damage, drop, sizes, stored_files, stored_runs, unneeded_runs
from sdd_claims.storage.locks import lock
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, SPEC, fill

WANTED = plan([Request(SPEC, (1000, 1001), 3), Request(NOISY, (1000,), 2), Request(REDENSE, (1,), 2)])


@pytest.fixture
def store(tmp_path):
    filled = Store(tmp_path / "store")
    fill(filled, WANTED)
    return filled


def content(store):
    return {path: path.read_bytes() for path in store.path.rglob("*") if path.is_file()}


def test_every_byte_is_counted_once(store):
    (store.path / "notes.txt").write_text("mine", encoding="utf-8")
    files = stored_files(store)
    assert sum(sizes(files).values()) == sum(map(len, content(store).values()))
    assert sizes(files)["other"] == 4
    runs = stored_runs(files)
    assert {run.digest: run.seeds for run in runs} == {
        SPEC.digest: [1000, 1001],
        NOISY.digest: [1000],
        KEPT.digest: [1],
        REDENSE.digest: [1],
    }
    assert [run.size for run in runs] == sorted((run.size for run in runs), reverse=True)
    assert {run.digest: digest_of(run.settings) for run in runs} == {run.digest: run.digest for run in runs}


def test_what_was_written_is_not_damaged_and_looking_changes_nothing(store):
    before = content(store)
    assert list(damage(store)) == []
    assert content(store) == before


def test_a_link_is_said(store):
    (store.path / "checkpoints").symlink_to(store.path.parent)
    (sentence,) = damage(store)
    assert sentence.startswith(f"{store.path / 'checkpoints'} is a link, ")


@pytest.mark.parametrize(
    "name",
    [
        layout.spec(SPEC.digest),
        layout.levels(SPEC.digest, 1001),
        layout.state(SPEC.digest, 1001, 2),
        layout.state(KEPT.digest, 1, 0),
    ],
)
def test_a_byte_that_was_changed_or_a_file_that_is_gone_is_found_and_left(store, name):
    path = store.path / name
    whole = path.read_bytes()
    for spoilt in (whole[:-2] + b"??", None):
        if spoilt is None:
            path.unlink()
            if name == layout.levels(SPEC.digest, 1001):
                continue  # a replica that was never trained
        else:
            path.write_bytes(spoilt)
        before = content(store)
        (sentence,) = damage(store)
        assert str(path) in sentence
        assert content(store) == before


def test_settings_of_another_run_are_found(store):
    path = store.path / layout.spec(SPEC.digest)
    path.write_bytes((store.path / layout.spec(NOISY.digest)).read_bytes())
    assert list(damage(store)) == [
        f"{path} holds the settings of another run, {NOISY.digest[:12]}; the next run writes it again"
    ]


def test_damaged_passes_checkpoints_and_a_damaged_ledger_are_found(store):
    passing = next((store.path / "passes").iterdir())
    checkpoint = store.path / layout.checkpoint(SPEC.digest, 5, "e" * 64)
    checkpoint.parent.mkdir()
    for path in (passing, checkpoint, store.path / layout.LEDGER):
        path.write_bytes(b"{}\n")
    found = list(damage(store))
    for path in (passing, checkpoint, store.path / layout.LEDGER):
        assert any(str(path) in sentence for sentence in found)


def test_what_cannot_be_read_now_is_said_and_not_called_damaged(store, monkeypatch):
    checkpoint = store.path / layout.checkpoint(SPEC.digest, 5, "e" * 64)
    checkpoint.parent.mkdir()
    checkpoint.touch()
    read = Path.read_bytes

    def failing(path):
        if path.name in (checkpoint.name, "levels.json"):
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    found = list(damage(store))
    assert len(found) > 1
    assert all(re.search(r"cannot be read \(Permission denied\)", sentence) for sentence in found)


def test_what_is_dropped_is_gone_and_nothing_else(store):
    mine = store.path / "runs" / NOISY.digest / "notes.txt"
    mine.write_text("mine", encoding="utf-8")
    checkpoint = store.path / layout.checkpoint(NOISY.digest, 1000, "e" * 64)
    checkpoint.parent.mkdir()
    checkpoint.touch()
    kept = {SPEC.digest, KEPT.digest, REDENSE.digest}
    stays = {
        name: raw for name, raw in content(store).items() if NOISY.digest[:32] not in str(name) or "locks" in str(name)
    }
    assert drop(store, unneeded_runs(store, kept)) == []
    left = content(store)
    assert {run.digest for run in stored_runs(stored_files(store))} == kept
    assert mine in left
    assert not checkpoint.exists()
    gone = {path.parent.name for path in stays.keys() - left.keys()}
    assert gone == {"passes"}
    assert {name: left[name] for name in stays.keys() & left.keys()} == {
        n: stays[n] for n in stays.keys() & left.keys()
    }
    assert list(damage(Store(store.path))) == []
    fill(store, plan([Request(NOISY, (1000,), 2)]))  # it can be trained again
    assert list(damage(store)) == []


def test_a_pass_that_has_trained_a_run_that_stays_is_no_other_runs_to_take(tmp_path):
    together = plan([Request(SPEC, (1000,), 2), Request(NOISY, (1000,), 2)], wide=True)
    fill(store := Store(tmp_path / "store"), together)
    assert len([*store.path.glob("passes/*")]) == 2  # one a level, of both
    drop(store, unneeded_runs(store, {SPEC.digest}))
    assert plan([Request(SPEC, (1000,), 2)]).stored(Store(store.path)) == 2


def test_a_run_that_somebody_trains_is_left_whole(store):
    held = lock(store.path / layout.lock(SPEC.digest, 1001), False, "a test")
    assert held is not None
    before = {name: raw for name, raw in content(store).items() if SPEC.digest in str(name)}
    left = drop(store, unneeded_runs(store, ()))
    held.release()
    assert [run.digest for run in left] == [SPEC.digest]
    assert before.items() <= content(store).items()
    assert [run.digest for run in stored_runs(stored_files(store))] == [SPEC.digest]
    assert list(damage(store)) == []


def test_dropping_that_broke_off_before_the_passes_is_finished_by_the_next(store, monkeypatch):
    needed = {SPEC.digest, KEPT.digest, REDENSE.digest}
    unlink = Path.unlink

    def killed(path, **settings):
        if path.parent.name == "passes":
            raise KeyboardInterrupt
        unlink(path, **settings)

    listed = unneeded_runs(store, needed)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            drop(store, listed)
    assert drop(store, unneeded_runs(store, needed)) == []
    digests = [each["digest"] for path in store.path.glob("passes/*") for each in unseal(path.read_bytes())["replicas"]]
    assert set(digests) == needed
    assert unneeded_runs(store, needed) == []


def test_a_run_of_which_a_seed_was_trained_since_it_was_listed_is_left_whole(store):
    listed = unneeded_runs(store, {SPEC.digest, KEPT.digest, REDENSE.digest})
    fill(store, plan([Request(NOISY, (1007,), 2)]))
    before = content(store)
    assert [run.digest for run in drop(store, listed)] == [NOISY.digest]
    after = content(store)
    after.pop(store.path / layout.PRUNE_LOCK, None)  # some versions of filelock leave it
    assert after == before


def test_a_run_of_which_a_seed_is_trained_while_it_is_dropped_keeps_that_seed_and_its_settings(store, monkeypatch):
    remove, meanwhile = inventory._remove, plan([Request(NOISY, (1007,), 2)])

    def removed(path):
        remove(path)
        if not meanwhile.is_stored(Store(store.path)):
            fill(Store(store.path), meanwhile)

    listed = unneeded_runs(store, {SPEC.digest, KEPT.digest, REDENSE.digest})
    monkeypatch.setattr(inventory, "_remove", removed)
    assert [run.digest for run in drop(store, listed)] == [NOISY.digest]
    assert meanwhile.is_stored(Store(store.path))
    assert [run.seeds for run in stored_runs(stored_files(store)) if run.digest == NOISY.digest] == [[1007]]
    assert list(damage(Store(store.path))) == []


def test_a_pass_that_was_damaged_is_no_damage_once_its_levels_are_trained_anew(store):
    (store.path / layout.training_pass(store._chain(SPEC.digest, 1000).passes[-1])).write_bytes(b"rot")
    assert list(damage(store)) != []
    mending = Store(store.path)
    for replica in WANTED.wanted:
        mending.verify(replica)
    fill(mending, plan([Request(SPEC, (1000, 1001), 3)]))
    assert list(damage(Store(store.path))) == []


def test_a_damaged_pass_is_found_though_the_settings_of_its_run_are_missing(store):
    path = store.path / layout.training_pass(store._chain(SPEC.digest, 1000).passes[0])
    path.write_bytes(b"rot")
    (store.path / layout.spec(SPEC.digest)).unlink()
    assert any(str(path) in sentence for sentence in damage(store))


def test_two_processes_never_drop_at_once(store, monkeypatch):
    free = []
    unlink = Path.unlink

    def watched(path, **settings):
        free.append(lock(store.path / layout.PRUNE_LOCK, False, "another"))
        unlink(path, **settings)

    monkeypatch.setattr(Path, "unlink", watched)
    assert drop(store, unneeded_runs(store, {SPEC.digest})) == []
    assert free
    assert set(free) == {None}
    assert lock(store.path / layout.PRUNE_LOCK, False, "another") is not None
