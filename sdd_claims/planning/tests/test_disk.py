"""Bytes that are foretold, against those that real trainings leave."""

import pytest

from sdd_claims.engines import SerialEngine, WorkerConfig
from sdd_claims.planning import disk
from sdd_claims.planning.disk import missing_bytes, state_bytes, working_bytes
from sdd_claims.planning.plan import Request, plan
from sdd_claims.spec import DataSpec, ModelSpec, PruningSpec, RunSpec, TrainingSpec
from sdd_claims.storage import layout
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import SPEC

MLP = RunSpec(
    data=DataSpec(side=14, train_size=32),
    model=ModelSpec(hidden=(64, 32)),
    training=TrainingSpec(epochs=2, batch_size=32),
    pruning=PruningSpec(fraction=0.5),
)
CONV = MLP.but(data={"side": 7}, model={"name": "conv", "hidden": (), "channels": (8, 16), "batch_norm": True})
EVERY = MLP.but(record={"weights": "every_level", "epoch_images": 16})
PATH = MLP.but(
    pruning=PruningSpec(criterion="none"),
    training={"penalty": {"name": "l1"}},
    path={"over": "penalty_strength", "values": (0, 0.1, 1)},
)


def bytes_of(store):
    return sum(path.stat().st_size for path in store.path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "spec",
    [
        MLP,
        CONV,
        EVERY,
        MLP.but(pruning={"criterion": "none"}),
        MLP.but(pruning={"rewind_iteration": 1}),
        EVERY.but(derivation={"kind": "redense"}),
        EVERY.but(derivation={"kind": "redense"}, pruning={"rewind_iteration": 1}),
        PATH,
    ],
    ids=["newest", "batch norm", "every level", "identity masks", "rewinding", "derived", "derived, rewinding", "path"],
)
def test_a_store_grows_by_what_was_foretold_and_then_lacks_nothing(tmp_path, spec):
    store = Store(tmp_path / "store")
    for levels in (2, 3):
        asked = plan([Request(spec, (0, 1, 2), levels)])
        before, foretold = bytes_of(store), missing_bytes(asked, store)
        SerialEngine().run(asked, WorkerConfig(store.path))
        grown = bytes_of(store) - before
        assert max(0, grown) == pytest.approx(foretold, rel=0.05, abs=3000)
        assert (missing_bytes(asked, store), working_bytes(asked, store)) == (0, 0)


def test_what_is_stored_tells_what_more_of_it_and_of_its_like_will_take(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    SerialEngine().run(plan([Request(EVERY, (0, 1, 2), 3)]), WorkerConfig(store.path))
    monkeypatch.setattr(disk, "_made_up", None)
    noisy = EVERY.but(noise={"kind": "pairflip", "rate": 0.2})
    for asked in (Request(EVERY, (100, 101, 102), 3), Request(noisy, (0, 1, 2), 3), Request(EVERY, (0, 1, 2), 4)):
        more = plan([asked])
        before, foretold = bytes_of(store), missing_bytes(more, store)
        SerialEngine().run(more, WorkerConfig(store.path))
        assert bytes_of(store) - before == pytest.approx(foretold, rel=0.01)


def test_a_damaged_run_says_nothing_and_others_of_its_kind_do(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    noisy = EVERY.but(noise={"kind": "pairflip", "rate": 0.2})
    SerialEngine().run(plan([Request(EVERY, (0,), 1), Request(noisy, (0,), 1)]), WorkerConfig(store.path))
    (store.path / layout.levels(EVERY.digest, 0)).write_bytes(b"rot")
    monkeypatch.setattr(disk, "_made_up", None)
    assert missing_bytes(plan([Request(EVERY, (100,), 1)]), store) > 0


def test_a_large_networks_state_is_its_weights_that_are_left_and_a_bit_for_every_one():
    resnet = RunSpec(data=DataSpec(name="cifar10"), model=ModelSpec(name="resnet18", hidden=(), batch_norm=True))
    weights = 11_164_352 + 5_120  # convolutions and the linear layer
    assert state_bytes(resnet, 0) == pytest.approx(weights * (4 + 1 / 8), rel=0.01)
    assert state_bytes(resnet, 10) == pytest.approx(weights * (4 * 0.8**10 + 1 / 8), rel=0.03)


def test_while_a_stack_trains_its_dense_weights_stand_beside_those_of_the_level_before(tmp_path):
    asked = plan([Request(SPEC, tuple(range(8)), 2), Request(MLP, (0, 1, 2, 3), 1)])
    assert working_bytes(asked, Store(tmp_path)) == 2 * 4 * state_bytes(MLP, 0)


def test_a_path_takes_the_room_of_all_its_points_however_few_are_asked_for(tmp_path):
    one, all_three = (plan([Request(PATH, (0,), levels)]) for levels in (1, 3))
    assert missing_bytes(one, Store(tmp_path)) == missing_bytes(all_three, Store(tmp_path)) > 0


def test_settings_that_share_a_stack_take_the_room_that_each_takes(tmp_path):
    asked = [Request(EVERY, (0, 1), 4), Request(EVERY.but(pruning={"fraction": 0.8}), (0, 1), 2)]
    wide, narrow = (missing_bytes(plan(asked, wide=wide), Store(tmp_path)) for wide in (True, False))
    assert len(plan(asked, wide=True).stacks) == 1
    assert 0 < narrow - wide < 0.05 * narrow  # the files of two passes
