import errno
import fcntl
import hashlib
import io
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save
from torch import Tensor

from sdd_claims.errors import InputError, StoreError
from sdd_claims.planning.plan import Request, plan
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.storage import layout, locks
from sdd_claims.storage import store as store_module
from sdd_claims.storage.chains import ChainReader, pack_spec
from sdd_claims.storage.checked_files import DamageError
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.files import write_atomically
from sdd_claims.storage.opening import open_store
from sdd_claims.storage.schema import SCHEMA
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import (
    KEPT,
    NOISY,
    REDENSE,
    SEEDS,
    SPEC,
    fill,
    instant_level,
    numbers,
    stack_of_three,
    trained,
)

WANTED = stack_of_three(3)
REPLICA = Replica(SPEC, 1000)
MEASURES = ("train_accuracy", "train_loss", "test_accuracy", "test_loss", "learning_distance")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("filled")
    fill(Store(path), WANTED)
    return path


@pytest.fixture
def copy(filled, tmp_path):
    return Path(shutil.copytree(filled, tmp_path / "store"))


def files(store: Path) -> list[str]:
    return sorted(
        str(path.relative_to(store)) for path in store.rglob("*") if path.is_file() and path.parent.name != "locks"
    )


def kinds(store: Path) -> list[str]:
    """One file of each kind; of passes, the first and the last level's."""
    chain = Store(store)._chain(*REPLICA.key)
    folder = f"runs/{SPEC.digest}"
    return [
        "store.json",
        f"{folder}/spec.json",
        f"{folder}/1000/levels.json",
        f"{folder}/1000/state-2.safetensors",
        f"passes/{chain.passes[0]}.json",
        f"passes/{chain.passes[-1]}.json",
    ]


def mend(path: Path) -> list[str]:
    """What a session does with a store: check, train what is missing; returns the warnings."""
    store = Store(path)
    for replica in WANTED.wanted:
        store.verify(replica)
    for replica, levels in WANTED.wanted.items():
        state = None
        for level in range(levels):
            if level < store.levels_done(replica):
                state = store.state(replica, level) if level == store.levels_done(replica) - 1 else None
            else:
                record, state = instant_level(replica, level, state)
                store.commit([(replica, record, state)], {})
    return store.warnings


def expect_right_numbers(path: Path, filled: Path) -> None:
    assert numbers(Store(path), WANTED) == numbers(Store(filled), WANTED)
    curve = Store(path).curve(SPEC.digest, "test_accuracy", SEEDS, 3)
    np.testing.assert_array_equal(curve.values, Store(filled).curve(SPEC.digest, "test_accuracy", SEEDS, 3).values)


def damage(path: Path, missing: bool) -> None:
    """Have a file go, or change a bit of it."""
    if missing:
        path.unlink()
    else:
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(raw)


def test_what_is_committed_is_read_back(filled):
    store = Store(filled)
    for seed in SEEDS:
        replica, state = Replica(SPEC, seed), None
        for level, stored in enumerate(store.records(*replica.key)):
            record, state = instant_level(replica, level, state)
            assert stored == record
        assert state is not None
        kept = store.state(replica, 2)
        assert kept.trained["w"].equal(state.trained["w"])
        assert kept.masks["w"].equal(state.masks["w"])
        assert kept.rewind_point is None


def test_only_the_newest_state_is_kept(filled):
    assert [Path(name).name for name in files(filled) if "state" in name] == ["state-2.safetensors"] * 3


def test_a_curve_has_a_row_a_seed_and_a_column_a_level(filled):
    curve = Store(filled).curve(SPEC.digest, "learning_distance", (1002, 1000), 2)
    assert curve.seeds == (1002, 1000)
    np.testing.assert_allclose(curve.position, [1, 0.5])
    records = Store(filled).records(SPEC.digest, 1002)
    np.testing.assert_array_equal(curve.values[0], [record.learning_distance for record in records[:2]])


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_that_a_diverged_network_lacks_is_nan_in_the_curve(tmp_path, measure):
    store, sound = Store(tmp_path), Replica(SPEC, 1001)
    record, state = instant_level(REPLICA, 0, None)
    lost = LevelRecord.read({**asdict(record), **dict.fromkeys(MEASURES), "diverged": True})
    store.commit([(REPLICA, lost, state), (sound, *instant_level(sound, 0, None))], {})
    values = store.curve(SPEC.digest, measure, (1000, 1001), 1).values
    assert np.isnan(values).tolist() == [[True], [False]]


def test_a_curve_that_is_not_stored_is_refused(filled):
    store = Store(filled)
    with pytest.raises(InputError, match=r"seed 1000 of run .* has 3 of the 4 levels asked for; train it"):
        store.curve(SPEC.digest, "test_accuracy", SEEDS, 4)
    with pytest.raises(InputError, match=r"seed 7 of run .* has 0 of the 1 levels"):
        store.curve(SPEC.digest, "test_accuracy", (7,), 1)
    with pytest.raises(InputError, match=r"there is no measure 'luck'; use one of .*test_accuracy"):
        store.curve(SPEC.digest, "luck", SEEDS, 3)
    with pytest.raises(InputError, match=r"late_drift was not recorded: set RecordSpec.epoch_images"):
        store.curve(SPEC.digest, "late_drift", SEEDS, 3)


def test_a_stored_level_is_never_replaced(copy, filled):
    store = Store(copy)
    record, state = instant_level(REPLICA, 0, None)
    with pytest.raises(InputError, match=r"seed 1000 .* has 3 levels, so level 0 cannot be its next"):
        store.commit([(REPLICA, record, state)], {})
    expect_right_numbers(copy, filled)


def test_a_level_whose_pass_is_missing_does_not_count(copy):
    newest = Store(copy)._chain(*REPLICA.key).passes[-1]
    (copy / "passes" / f"{newest}.json").unlink()
    assert [Store(copy).levels_done(replica) for replica in WANTED.wanted] == [2, 2, 2]


def test_a_store_that_has_looked_before_sees_what_others_commit_later(copy):
    ours, others = Store(copy), Store(copy)
    assert ours.levels_done(REPLICA) == 3
    record, state = instant_level(REPLICA, 3, others.state(REPLICA, 2))
    others.commit([(REPLICA, record, state)], {})
    assert ours.levels_done(REPLICA) == 4


def test_a_level_that_was_seen_before_its_pass_counts_once_the_pass_is_there(copy):
    store = Store(copy)
    path = copy / "passes" / f"{Store(copy)._chain(*REPLICA.key).passes[-1]}.json"
    content = path.read_bytes()
    path.unlink()
    assert store.levels_done(REPLICA) == 2
    path.write_bytes(content)
    assert store.levels_done(REPLICA) == 3


def test_a_chain_that_was_read_before_and_is_damaged_since_is_found(copy):
    store = Store(copy)
    assert store.levels_done(REPLICA) == 3
    path = copy / "runs" / SPEC.digest / "1000" / "levels.json"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError, match="it will be set aside and trained anew"):
        store.levels_done(REPLICA)
    assert store.usable_levels(REPLICA) == 0


def test_a_chain_that_was_read_before_is_read_again_though_size_and_time_are_as_they_were(copy):
    store, path = Store(copy), copy / kinds(copy)[2]
    store.levels_done(REPLICA)
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-9] ^= 1
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # file systems have slow clocks
        path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StoreError, match="it will be set aside and trained anew"):
        store.levels_done(REPLICA)


def test_what_a_killed_commit_left_is_swept_up_by_the_next(copy):
    folder = copy / "runs" / SPEC.digest / "1000"
    (folder / ".levels.json.x1y2").write_bytes(b"half")
    store = Store(copy)
    record, state = instant_level(REPLICA, 3, store.state(REPLICA, 2))
    store.commit([(REPLICA, record, state)], {})
    assert sorted(each.name for each in folder.iterdir()) == ["levels.json", "state-3.safetensors"]


@settings(max_examples=60)
@given(data=st.data())
def test_one_byte_changed_anywhere_is_found_and_said_and_leads_to_no_wrong_number(filled, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copytree(filled, Path(folder) / "store"))
        name = data.draw(st.sampled_from(kinds(path)))
        raw = bytearray((path / name).read_bytes())
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        (path / name).write_bytes(raw)
        if name == "store.json":
            with pytest.raises(StoreError, match=r"store.json cannot be read .* delete that one file"):
                Store(path)
            (path / name).unlink()
            assert mend(path) == []
        else:
            warnings = mend(path)
            assert warnings
            assert all(Path(name).name in warning for warning in warnings)
        expect_right_numbers(path, filled)
        assert mend(path) == []


@pytest.mark.parametrize("kind", range(6))
def test_any_one_file_deleted_ends_well(copy, filled, kind):
    (copy / kinds(copy)[kind]).unlink()
    mend(copy)
    expect_right_numbers(copy, filled)
    assert mend(copy) == []


def test_a_copy_that_somebody_has_made_of_a_seed_is_no_seed(copy):
    folder = copy / layout.replica(*REPLICA.key)
    for name in ("1000 (copy)", "1000-backup"):
        shutil.copytree(folder, folder.with_name(name))
    ((_, digest, seeds),) = Store(copy).runs()
    assert (digest, seeds) == (SPEC.digest, SEEDS)


def test_settings_of_another_run_are_never_judged_by_and_the_next_run_writes_the_right_ones(copy, filled):
    held = copy / layout.spec(SPEC.digest)
    held.write_bytes(pack_spec(NOISY))  # whole by its own checksum
    with pytest.raises(StoreError) as refused:
        Store(copy).curve(SPEC.digest, "test_accuracy", SEEDS, 3)
    assert str(refused.value) == (
        f"{held} holds the settings of another run, {NOISY.digest[:12]}; run again, and it will be written again "
        f"(sdd-claims store {copy} verify says what else is damaged)"
    )
    assert list(Store(copy).runs()) == []
    (warning,) = mend(copy)
    assert "spec.json was missing or damaged and has been written again" in warning
    expect_right_numbers(copy, filled)


def test_damage_sets_aside_the_chains_it_touches_and_no_other(copy):
    (copy / kinds(copy)[3]).write_bytes(b"")
    (warning,) = mend(copy)
    assert "what is stored of seed 1000" in warning
    assert "will be trained anew" in warning
    (aside,) = (copy / "set_aside").iterdir()
    assert sorted(each.name for each in aside.iterdir()) == ["levels.json", "state-2.safetensors"]
    anew = [level for digest, seed, level in trained(copy) if seed == 1000]
    assert sorted(anew) == [0, 0, 1, 1, 2, 2]
    assert sorted(level for _, seed, level in trained(copy) if seed != 1000) == [0, 0, 1, 1, 2, 2]


def test_a_damaged_chain_is_not_read_before_it_is_set_aside(copy):
    (copy / kinds(copy)[2]).write_bytes(b"{}")
    with pytest.raises(StoreError, match=r"levels.json is damaged; run again, and it will be set aside"):
        Store(copy).records(*REPLICA.key)


def test_levels_of_two_seeds_that_were_trained_together_are_not_taken_for_each_other(copy, filled):
    one, other = (copy / layout.levels(SPEC.digest, seed) for seed in SEEDS[:2])
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    with pytest.raises(StoreError, match=r"levels.json is that of another run or seed; run again"):
        Store(copy).records(*REPLICA.key)
    assert len(mend(copy)) == 2
    expect_right_numbers(copy, filled)


def test_levels_of_a_version_that_did_not_say_whose_they_are_are_read_and_say_it_from_the_next_one_on(copy, filled):
    path = copy / layout.levels(*REPLICA.key)
    content = unseal(path.read_bytes())
    assert content.pop("of") == [SPEC.digest, SEEDS[0]]
    path.write_bytes(seal(content))
    assert mend(copy) == []
    expect_right_numbers(copy, filled)
    store = Store(copy)
    with store.locked([REPLICA], wait=True):
        store.commit([(REPLICA, *instant_level(REPLICA, 3, store.state(REPLICA, 2)))], {"device": "cpu"})
    assert unseal(path.read_bytes())["of"] == [SPEC.digest, SEEDS[0]]


@pytest.mark.parametrize("first", [["../../victim/evil"], ["a" * 5000], ["a\0b"], [7], []])
def test_levels_that_name_what_is_no_pass_are_set_aside(copy, first):
    path = copy / kinds(copy)[2]
    content = unseal(path.read_bytes())
    victim = copy.parent / "victim" / "evil.json"
    victim.parent.mkdir()
    victim.write_bytes((copy / "passes" / f"{content['passes'][0]}.json").read_bytes())
    path.write_bytes(seal({**content, "passes": [*first, *content["passes"][1:]]}))
    with pytest.raises(StoreError, match=r"levels\.json holds something else; run again, and it will be set aside"):
        Store(copy).records(*REPLICA.key)
    (warning,) = mend(copy)
    assert "levels.json holds something else: what is stored of seed 1000" in warning


@pytest.mark.parametrize("kind", range(6), ids=["schema", "settings", "levels", "state", "pass", "newest pass"])
def test_what_a_failing_disk_does_not_show_is_not_taken_for_missing_or_damaged(copy, monkeypatch, kind):
    hidden = copy / kinds(copy)[kind]
    (copy / layout.SCHEMA).write_bytes(seal({"schema": SCHEMA - 1}))  # one made anew would be another
    before = {name: (copy / name).read_bytes() for name in files(copy)}

    def failing(call):
        def called(path, *args, **settings):
            if path == hidden:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return call(path, *args, **settings)

        return called

    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda path: os.path.exists(path))  # as it is from Python 3.14 on
        for module, name in ((os, "stat"), (io, "open")):
            patch.setattr(module, name, failing(getattr(module, name)))
        # No file that may be whole is to be deleted, and no chain to be set aside.
        with pytest.raises(StoreError, match=rf"{hidden.name} cannot be read .*; change its"):
            Store(copy).verify(REPLICA)
    assert {name: (copy / name).read_bytes() for name in files(copy)} == before


def test_a_run_that_was_dropped_is_verified_as_one_that_was_never_trained(copy):
    shutil.rmtree((copy / layout.spec(SPEC.digest)).parent)
    store = Store(copy)
    store.verify(REPLICA)
    assert (store.levels_done(REPLICA), store.warnings) == (0, [])


def test_a_damaged_state_is_not_trained_on(copy):
    damage(copy / kinds(copy)[3], missing=False)
    with pytest.raises(DamageError, match=r"state-2.safetensors is missing or damaged"):
        Store(copy).state(REPLICA, 2)


@pytest.mark.parametrize("name", [*layout.parts(*REPLICA.key), layout.replica(*REPLICA.key), "runs"])
def test_a_part_of_a_store_that_is_a_link_is_refused_and_what_it_leads_to_is_left_alone(copy, name):
    results = [(REPLICA, *instant_level(REPLICA, 3, Store(copy).state(REPLICA, 2)))]
    outside = copy.parent / "outside"
    if (copy / name).exists():
        shutil.move(copy / name, outside)
    else:
        outside.mkdir()
    if outside.is_dir():
        for mine in ("state-9.safetensors", ".notes", f"{REPLICA.spec.digest[: layout.SHORT]}-{REPLICA.seed}-notes"):
            (outside / mine).write_text("mine")
    before = {path: path.is_dir() or path.read_bytes() for path in [outside, *outside.rglob("*")]}
    (copy / name).symlink_to(outside)
    store = Store(copy)
    sentence = re.escape(f"{copy / name} is a link, and a store keeps nothing outside its folder; put what it leads to")
    for refusing in (
        lambda: store.locked([REPLICA], wait=False).__enter__(),
        lambda: store.commit(results, {}),
        lambda: store.verify(REPLICA),
        lambda: store._sweep_up(REPLICA, 2),
    ):
        with pytest.raises(StoreError, match=sentence):
            refusing()
    assert {path: path.is_dir() or path.read_bytes() for path in [outside, *outside.rglob("*")]} == before


def test_a_store_itself_may_be_a_link(copy, filled):
    (copy.parent / "link").symlink_to(copy)
    store = Store(copy.parent / "link")
    store.commit([(REPLICA, *instant_level(REPLICA, 3, store.state(REPLICA, 2)))], {})
    assert mend(copy.parent / "link") == []
    expect_right_numbers(copy.parent / "link", filled)


def test_a_store_of_a_newer_version_is_left_alone(copy):
    (copy / "store.json").write_bytes(seal({"schema": SCHEMA + 1}))
    before = {name: (copy / name).read_bytes() for name in files(copy)}
    with pytest.raises(
        StoreError, match=r"was written by a newer version .* update sdd_claims or choose another store"
    ):
        Store(copy)
    assert {name: (copy / name).read_bytes() for name in files(copy)} == before


def test_a_path_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="a file stands where a folder is needed; choose another folder"):
        Store(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("call", ["replace", "fsync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("after", range(7))
def test_a_disk_that_refuses_at_any_file_of_a_commit_loses_nothing(copy, filled, monkeypatch, call, number, after):
    monkeypatch.setattr(store_module, "SYNCED_FROM", 0.0)
    store = Store(copy)
    results = [(r, *instant_level(r, 3, store.state(r, 2))) for r in WANTED.wanted]
    real, calls = getattr(os, call), 0

    def refuse(*args):
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError(number, os.strerror(number))
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(StoreError, match=r"the disk is full|the folder is read-only"):
            store.commit(results, {})
    assert [store.levels_done(r) for r in WANTED.wanted] == [Store(copy).levels_done(r) for r in WANTED.wanted]
    expect_right_numbers(copy, filled)
    assert mend(copy) == []
    Store(copy).commit(results, {})
    assert [Store(copy).levels_done(replica) for replica in WANTED.wanted] == [4, 4, 4]


@pytest.mark.parametrize(
    "error",
    [
        *(OSError(number, os.strerror(number)) for number in (errno.EROFS, errno.EACCES)),
        NotImplementedError("no flock"),
    ],
    ids=str,
)
def test_a_store_without_locks_is_said(copy, monkeypatch, error):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(locks, "FileLock", refuse)
    with pytest.raises(StoreError, match=r"cannot lock .*; choose a store on a writable file system with file locks"):
        Store(copy).locked(WANTED.wanted, wait=False).__enter__()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP])
@pytest.mark.parametrize("wait", [False, True])
def test_a_file_system_without_locks_is_said_and_no_other_kind_of_lock_is_left_there(copy, monkeypatch, number, wait):
    """Filelock would fall back to a file that outlives the process which made it."""

    def refuse(*args):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        with pytest.raises(StoreError, match=r"cannot lock .*; choose a store on a writable file system"):
            Store(copy).locked(WANTED.wanted, wait).__enter__()
    with Store(copy).locked(WANTED.wanted, wait=False) as mine:
        assert mine


def test_a_disk_too_full_for_a_lock_is_said(tmp_path, monkeypatch):
    store = Store(tmp_path)

    def refuse(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(locks, "FileLock", refuse)
    with pytest.raises(StoreError, match=r"cannot lock .*: the disk is full; free some space"):
        store.locked(WANTED.wanted, wait=False).__enter__()


def test_locks_are_held_until_they_are_given_back(copy):
    with Store(copy).locked(WANTED.wanted, wait=False) as mine:
        assert mine
        with Store(copy).locked([REPLICA], wait=False) as theirs:
            assert not theirs
    with Store(copy).locked([REPLICA], wait=False) as mine:
        assert mine


def test_what_cannot_be_swept_up_does_no_harm(copy, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    store = Store(copy)
    record, state = instant_level(REPLICA, 3, store.state(REPLICA, 2))
    monkeypatch.setattr(Path, "unlink", refuse)
    store.commit([(REPLICA, record, state)], {})
    assert Store(copy).levels_done(REPLICA) == 4


def test_a_lock_that_another_holds_is_tried_once_and_all_are_given_back(copy):
    one, other = Store(copy), Store(copy)
    with one.locked([Replica(SPEC, 1001)], wait=False) as mine:
        assert mine
        with other.locked(WANTED.wanted, wait=False) as theirs:
            assert not theirs
        with other.locked([Replica(SPEC, 1000)], wait=False) as free:
            assert free
    with other.locked(WANTED.wanted, wait=False) as theirs:
        assert theirs


def test_asking_for_more_levels_or_seeds_extends_what_is_there(copy, filled):
    store = Store(copy)
    states = {seed: store.state(Replica(SPEC, seed), 2) for seed in SEEDS}
    store.commit([(Replica(SPEC, s), *instant_level(Replica(SPEC, s), 3, states[s])) for s in SEEDS], {})
    fill(store, plan([Request(SPEC, (1003,), 4)]))
    expect_right_numbers(copy, filled)
    assert store.curve(SPEC.digest, "test_accuracy", (*SEEDS, 1003), 4).values.shape == (4, 4)


# Recorded in detail


def test_series_are_read_back_and_make_a_curve_of_what_sums_them_up(tmp_path):
    store, series = Store(tmp_path), (0.1, 0.5, 0.25)
    record, state = instant_level(REPLICA, 0, None)
    store.commit([(REPLICA, replace(record, epoch_test_accuracy=series), state)], {})
    assert Store(tmp_path).records(*REPLICA.key)[0].epoch_test_accuracy == series
    assert Store(tmp_path).curve(SPEC.digest, "best_epoch_test_accuracy", (1000,), 1).values.tolist() == [[0.5]]


# States


shapes = st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple)


@settings(max_examples=40)
@given(
    masked=st.lists(shapes, min_size=1, max_size=3),
    unmasked=st.lists(shapes, max_size=2),
    kept=st.sampled_from([0.0, 0.1, 0.9, 1.0]),
    spoilt=st.sampled_from([0.0, math.nan, math.inf, -0.0]),
    rewound=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_state_comes_back_to_the_bit(masked, unmasked, kept, spoilt, rewound, seed):
    """Odd sizes, layers without a weight left, and the weights of a network that diverged."""
    generator = torch.Generator().manual_seed(seed)
    masks = {f"layer/{i}": torch.rand(shape, generator=generator) < kept for i, shape in enumerate(masked)}
    trained_weights = {}
    for name, mask in masks.items():
        weights = torch.randn(mask.shape, generator=generator)
        weights[0] = spoilt
        trained_weights[name] = torch.where(mask, weights, 0.0)
    biases = {f"bias{i}": torch.randn(shape, generator=generator) for i, shape in enumerate(unmasked)}
    counts = {"num_batches_tracked": torch.tensor(seed)}
    rewind = {name: torch.randn(weights.shape, generator=generator) for name, weights in trained_weights.items()}
    state = ChainState(masks, {**biases, **trained_weights, **counts}, rewind if rewound else None)
    with tempfile.TemporaryDirectory() as folder:
        record, _ = instant_level(REPLICA, 0, None)
        Store(Path(folder)).commit([(REPLICA, record, state)], {})
        found = Store(Path(folder)).state(REPLICA, 0)
    assert_same_tensors(found.masks, state.masks)
    assert_same_tensors(found.trained, state.trained)
    assert (found.rewind_point is None) == (not rewound)
    assert_same_tensors(found.rewind_point or {}, state.rewind_point or {})


def assert_same_tensors(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape)
        assert found[name].numpy().tobytes() == value.numpy().tobytes()


def test_a_sparse_state_takes_the_space_of_what_is_left(tmp_path):
    mask = torch.zeros(1000, 100, dtype=torch.bool)
    mask[:2] = True
    record, _ = instant_level(REPLICA, 0, None)
    Store(tmp_path).commit([(REPLICA, record, ChainState({"w": mask}, {"w": mask.float()}, None))], {})
    (path,) = tmp_path.glob("runs/*/*/state-0.safetensors")
    assert path.stat().st_size < 100_000 / 8 + 200 * 4 + 1000  # a bit a place, a number a weight, and the header


@pytest.fixture
def every(tmp_path):
    """Two chains of three levels that keep the states of all, and what is derived from two levels of one of them."""
    fill(Store(tmp_path), plan([Request(KEPT, (1000, 1001), 3), Request(REDENSE, (1000,), 2)]))
    return tmp_path


CHAIN, DERIVED = Replica(KEPT, 1000), Replica(REDENSE, 1000)


def test_states_of_all_levels_are_kept_where_the_spec_says_so(every):
    state = None
    for level in range(3):
        _, state = instant_level(CHAIN, level, state)
        assert_same_tensors(Store(every).state(CHAIN, level).trained, state.trained)
    names = [name for name in files(every) if "state" in name]
    assert len(names) == 6
    assert len({Path(name).name for name in names}) == 3


def test_what_is_derived_keeps_no_state_and_starts_from_its_chain(every):
    assert not list((every / "runs" / REDENSE.digest).rglob("state-*"))
    for level, stored in enumerate(Store(every).records(*DERIVED.key)):
        assert stored == instant_level(DERIVED, level, Store(every).state(CHAIN, level))[0]


@pytest.mark.parametrize(("replica", "levels"), [(CHAIN, (-1, 3)), (DERIVED, (0, 1)), (Replica(KEPT, 7), (0,))])
def test_a_state_that_is_not_kept_is_refused(every, replica, levels):
    for level in levels:
        with pytest.raises(InputError, match=rf"level {level} of seed {replica.seed} of run .* is not stored with wei"):
            Store(every).state(replica, level)


def test_of_a_chain_that_keeps_its_newest_state_no_other_is_had(filled):
    for level in (0, 1, 3):
        with pytest.raises(InputError, match=r"RecordSpec.weights is 'every_level'"):
            Store(filled).state(REPLICA, level)


@pytest.mark.parametrize("level", range(3))
@pytest.mark.parametrize("missing", [False, True])
def test_damage_to_any_level_that_is_kept_is_found_before_it_is_trained_on(every, level, missing):
    path = every / "runs" / KEPT.digest / "1000" / f"state-{level}.safetensors"
    damage(path, missing)
    store = Store(every)
    with pytest.raises(DamageError, match=rf"state-{level}.safetensors is missing or damaged"):
        store.state(CHAIN, level)
    for replica in (CHAIN, Replica(KEPT, 1001), DERIVED):
        store.verify(replica)
    (warning,) = store.warnings
    assert f"state-{level}.safetensors" in warning
    assert [store.levels_done(replica) for replica in (CHAIN, Replica(KEPT, 1001), DERIVED)] == [0, 3, 2]


def test_a_chain_trained_anew_is_what_was_derived_from_before(every):
    (every / "runs" / KEPT.digest / "1000" / "state-1.safetensors").unlink()
    Store(every).verify(CHAIN)
    fill(Store(every), plan([Request(KEPT, (1000,), 3)]))
    for level, stored in enumerate(Store(every).records(*DERIVED.key)):
        assert stored == instant_level(DERIVED, level, Store(every).state(CHAIN, level))[0]


def test_every_level_says_where_it_was_trained(copy):
    store = Store(copy)
    record, state = instant_level(REPLICA, 3, store.state(REPLICA, 2))
    store.commit([(REPLICA, record, state)], {"device": "cuda", "watts": 700.0})
    found = Store(copy).provenance(*REPLICA.key)
    assert (store.provenance(*REPLICA.key), store.records(*REPLICA.key)) == (found, Store(copy).records(*REPLICA.key))
    assert [about["device"] for about in found] == ["cpu", "cpu", "cpu", "cuda"]
    assert found[3]["watts"] == 700.0
    assert store.provenance(REPLICA.spec.digest, 7) == ()


# What a chain rewinds to


POINT = {"w": torch.arange(32.0), "count": torch.tensor(7)}


def rewinding(store: Store, replica: Replica, levels: range, point: Mapping[str, Tensor] = POINT) -> None:
    """Commit some levels of a chain that goes back to a point of its dense training."""
    for level in levels:
        before = store.state(replica, level - 1) if level else None
        record, state = instant_level(replica, level, before)
        store.commit(
            [(replica, record, replace(state, rewind_point=point if before is None else before.rewind_point))], {}
        )


def as_schema_1(path: Path, replica: Replica) -> None:
    """What an older version wrote: the rewinding point in every state, and no word of it elsewhere."""
    folder = path / "runs" / replica.spec.digest / str(replica.seed)
    content = json.loads((folder / "levels.json").read_bytes())["content"]
    del content["rewind"]
    point = {f"rewind/{name}": value for name, value in load_file(folder / "rewind.safetensors").items()}
    (folder / "rewind.safetensors").unlink()
    for state in folder.glob("state-*"):
        state.write_bytes(save({**load_file(state), **point}))
        level = int(state.stem.removeprefix("state-"))
        content["states"][level] = hashlib.sha256(state.read_bytes()).hexdigest()
    (folder / "levels.json").write_bytes(seal(content))
    (path / "store.json").write_bytes(seal({"schema": 1}))


@pytest.mark.parametrize("replica", [REPLICA, CHAIN], ids=["the newest state", "every state"])
def test_what_a_chain_rewinds_to_is_stored_once_and_comes_back_with_every_state(tmp_path, replica):
    rewinding(Store(tmp_path), replica, range(4))
    kept = range(4) if replica is CHAIN else range(3, 4)
    for level in kept:
        state = Store(tmp_path).state(replica, level)
        assert_same_tensors(state.rewind_point or {}, POINT)
    assert len([name for name in files(tmp_path) if "rewind" in name]) == 1
    for path in tmp_path.glob("runs/*/*/state-*"):
        assert not any(name.startswith("rewind") for name in load_file(path))
    opened = Store(tmp_path)
    opened.verify(replica)
    assert opened.warnings == []


@pytest.mark.parametrize("replica", [REPLICA, CHAIN], ids=["the newest state", "every state"])
def test_a_store_of_schema_1_is_read_as_it_is_and_gone_on_with(tmp_path, replica):
    rewinding(Store(tmp_path), replica, range(2))
    as_schema_1(tmp_path, replica)
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    store = Store(tmp_path)
    store.verify(replica)
    assert (store.levels_done(replica), store.warnings) == (2, [])
    assert_same_tensors(store.state(replica, 1).rewind_point or {}, POINT)
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before
    rewinding(store, replica, range(2, 4))
    for level in range(4) if replica is CHAIN else range(3, 4):
        assert_same_tensors(Store(tmp_path).state(replica, level).rewind_point or {}, POINT)
    store.verify(replica)
    assert store.warnings == []


def test_an_older_version_is_kept_from_a_chain_whose_rewinding_point_it_would_not_see(tmp_path):
    rewinding(Store(tmp_path), CHAIN, range(1))
    as_schema_1(tmp_path, CHAIN)
    store = Store(tmp_path)
    store.commit([(REPLICA, *instant_level(REPLICA, 0, None))], {})
    assert json.loads((tmp_path / "store.json").read_bytes())["content"] == {"schema": 1}
    rewinding(store, CHAIN, range(1, 2))
    assert json.loads((tmp_path / "store.json").read_bytes())["content"] == {"schema": 2}


@pytest.mark.parametrize("missing", [False, True])
def test_damage_to_what_a_chain_rewinds_to_is_found_before_it_is_trained_on(tmp_path, missing):
    rewinding(Store(tmp_path), CHAIN, range(2))
    (path,) = tmp_path.rglob("rewind.safetensors")
    damage(path, missing)
    store = Store(tmp_path)
    with pytest.raises(DamageError, match=r"rewind.safetensors is missing or damaged"):
        store.state(CHAIN, 1)
    store.verify(CHAIN)
    assert len(store.warnings) == 1
    assert store.levels_done(CHAIN) == 0


def test_a_dense_training_whose_pass_is_missing_may_be_repeated_with_another_point(tmp_path):
    rewinding(Store(tmp_path), CHAIN, range(1))
    (found,) = (tmp_path / "passes").iterdir()
    found.unlink()
    other = {name: value + 1 for name, value in POINT.items()}
    rewinding(Store(tmp_path), CHAIN, range(2), other)
    assert_same_tensors(Store(tmp_path).state(CHAIN, 1).rewind_point or {}, other)


def test_a_chain_has_one_rewinding_point(tmp_path):
    store = Store(tmp_path)
    rewinding(store, CHAIN, range(1))
    record, state = instant_level(CHAIN, 1, store.state(CHAIN, 0))
    other = replace(state, rewind_point={name: value + 1 for name, value in POINT.items()})
    with pytest.raises(InputError, match="has another rewinding point already"):
        store.commit([(CHAIN, record, other)], {})
    assert store.levels_done(CHAIN) == 1


def test_a_store_in_a_folder_has_nobody_to_synchronise_with_and_takes_no_lock(copy):
    before, store = files(copy), open_store(copy)
    with Store(copy).locked(WANTED.wanted, wait=False):
        assert store.synchronise([*WANTED.wanted], wait=False)
    store.send_unsent()
    store.synchronise_ledger()
    assert files(copy) == before


@pytest.mark.parametrize("name", ["thesis.tex", "data", "store.json.bak"])
def test_no_store_is_made_in_a_folder_that_holds_something_else(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(StoreError, match=rf"holds something else, such as {name}; choose a new or an empty folder"):
        Store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", [".DS_Store", ".store.json.x1", "lost+found", "runs", "judged.json"])
def test_a_store_is_made_where_only_parts_of_one_or_hidden_files_lie_and_then_anything_may(tmp_path, name):
    (tmp_path / name).mkdir()
    Store(tmp_path)
    (tmp_path / "thesis.tex").mkdir()
    assert Store(tmp_path).path == tmp_path


def test_a_store_that_keeps_a_users_own_data_is_made_anew_where_its_schema_was_deleted(tmp_path):
    for name in (layout.OWN_DATA, "runs"):
        (tmp_path / name).mkdir()
    Store(tmp_path)
    assert (tmp_path / layout.SCHEMA).exists()


@pytest.mark.parametrize("unmounted", [False, True])
def test_nothing_is_made_in_the_place_of_a_store_that_is_gone(copy, filled, unmounted):
    store = Store(copy)
    record, state = instant_level(REPLICA, 3, store.state(REPLICA, 2))
    checkpoint = store.checkpoint([REPLICA], 3)
    copy.rename(copy.with_name("moved"))
    if unmounted:
        copy.mkdir()
    for use in (
        lambda: store.locked([REPLICA], wait=False).__enter__(),
        lambda: store.commit([(REPLICA, record, state)], {}),
        lambda: store.curve(SPEC.digest, "test_accuracy", SEEDS, 3),
        lambda: store.state(REPLICA, 2),
    ):
        with pytest.raises(StoreError, match=rf"the store {copy} is gone: .*; bring it back, or name its new place"):
            use()
    checkpoint.write({}, {"w": torch.zeros(1)})
    assert "is gone" in store.warnings[0]
    assert not copy.exists() or not list(copy.iterdir())
    copy.with_name("moved").rename(copy)
    expect_right_numbers(copy, filled)
    store.commit([(REPLICA, record, state)], {})


def test_a_disk_with_somebodys_data_is_no_store(tmp_path):
    for name in (layout.OWN_DATA, layout.LOST):
        (tmp_path / name).mkdir()
    with pytest.raises(StoreError, match="holds something else, such as data"):
        Store(tmp_path)


def test_a_rival_that_makes_the_store_and_fills_it_in_the_same_moment_is_no_stranger(tmp_path, monkeypatch):
    Store(tmp_path)
    (tmp_path / "data").mkdir()
    read, looks = Path.read_bytes, iter(["too early"])

    def read_later(path):
        if next(looks, None):
            raise FileNotFoundError
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_later)
    Store(tmp_path)


@pytest.mark.parametrize(("seconds", "waits"), [(4.0, [0, 0, 12]), (10.0, [6, 6, 6]), (0.1, [0, 0, 0])])
def test_levels_wait_for_the_disk_once_their_chain_has_cost_something_those_before_too(
    tmp_path, monkeypatch, seconds, waits
):
    calls: list[int] = []
    fsync = os.fsync

    def counted(descriptor):
        calls.append(descriptor)
        fsync(descriptor)

    store, state = Store(tmp_path), None
    replica, cheap = Replica(SPEC, 1000), Replica(SPEC, 1001)
    store.commit([(cheap, *instant_level(cheap, 0, None))], {})  # whose settings are written for both
    monkeypatch.setattr(os, "fsync", counted)
    found = []
    for level in range(3):
        record, state = instant_level(replica, level, state)
        calls.clear()
        store.commit([(replica, replace(record, seconds=seconds), state)], {})
        found.append(len(calls))
    assert found == waits  # a file and its folder each: state, levels and pass; and before, a state and two passes
    assert Store(tmp_path).levels_done(replica) == 3


def test_a_stack_of_several_waits_for_the_disk_since_it_would_be_rounded_otherwise_in_part(tmp_path, monkeypatch):
    calls: list[int] = []
    store = Store(tmp_path)
    monkeypatch.setattr(os, "fsync", calls.append)
    members = [Replica(SPEC, seed) for seed in (1000, 1001)]
    store.commit([(member, *instant_level(member, 0, None)) for member in members], {})
    assert len(calls) == 2 + 2 * 4 + 2  # each file with its folder: settings, state and levels of both, and the pass


@settings(max_examples=60)
@given(data=st.data())
def test_what_a_power_failure_takes_of_files_that_did_not_wait_for_the_disk_is_trained_anew(filled, data):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "store"
        before: dict[Path, bytes | None] = {}

        def noted(file, content, *, durable=True):
            if not durable:
                before[file] = file.read_bytes() if file.exists() else None
            write_atomically(file, content, durable=durable)

        patch.setattr(store_module, "write_atomically", noted)
        mend(path)
        written = sorted(file for file in before if file.exists())
        assert written
        for file in data.draw(st.lists(st.sampled_from(written), unique=True)):
            old = before[file]
            match data.draw(st.sampled_from(["gone", "empty", "torn", "old"])):
                case "empty":
                    file.write_bytes(b"")
                case "torn":
                    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
                case "old" if old is not None:
                    file.write_bytes(old)
                case _:
                    file.unlink()
        mend(path)
        expect_right_numbers(path, filled)
        assert mend(path) == []


def test_a_file_of_levels_holds_what_dataclasses_make_of_it(filled):
    chain = ChainReader(filled).chain(*REPLICA.key)
    assert unseal(chain.pack()) == json.loads(json.dumps(asdict(chain)))


def test_whoever_has_got_a_lock_looks_again_at_what_another_machine_may_have_written(tmp_path, monkeypatch):
    """As NFS shows it late: a stack that is finished elsewhere would be trained once more."""
    opened, seen = Store(tmp_path), list[str]()
    monkeypatch.setattr(store_module, "look_again", lambda root, name: seen.append(name))
    with opened.locked([Replica(SPEC, 0), Replica(SPEC, 1)], wait=True):
        assert seen == [layout.replica(SPEC.digest, seed) for seed in (0, 1)]
    seen.clear()
    with Store(tmp_path).locked([Replica(SPEC, 1)], wait=True), opened.locked([Replica(SPEC, 1)], wait=False) as mine:
        assert not mine
        assert len(seen) == 1
