import json
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.errors import InputError
from sdd_claims.record import SUMMARIES, LevelRecord, Replica
from sdd_claims.spec import RunSpec
from sdd_claims.tests.tiny import KEPT, REDENSE, SPEC, instant_level

PLAIN = replace(
    instant_level(Replica(SPEC, 1000), 0, None)[0],
    weight_variance=0.5,
    zero_fraction=0.25,
    small_fraction=0.375,
)
DETAILED = replace(
    PLAIN,
    epoch_test_accuracy=(0.25, 0.75, 0.5),
    sharpness=12.5,
    line_train_loss=(2.0, 1.0, 4.0, 0.5, 3.0),
    line_train_accuracy=(0.5, 0.75),
    kept_train_flops=5e5,
    validation_accuracy=0.625,
    nonzero_fraction=0.75,
    rank=3.0,
    parallel_rows=0.875,
    active_neurons=7.0,
)
LOST = replace(
    PLAIN,
    diverged=True,
    train_accuracy=None,
    train_loss=None,
    test_accuracy=None,
    test_loss=None,
    learning_distance=None,
    weight_variance=None,
    zero_fraction=None,
    small_fraction=None,
)
ALWAYS = {
    "density": PLAIN.density,
    "train_accuracy": PLAIN.train_accuracy,
    "train_loss": PLAIN.train_loss,
    "test_accuracy": PLAIN.test_accuracy,
    "test_loss": PLAIN.test_loss,
    "learning_distance": PLAIN.learning_distance,
    "train_flops": PLAIN.train_flops,
    "seconds": 0.25,
    "weight_variance": 0.5,
    "zero_fraction": 0.25,
    "small_fraction": 0.375,
}
ASKED = {
    "validation_accuracy": (0.625, r"set DataSpec\.validation_size"),
    "kept_train_flops": (5e5, "this level has none"),
    "nonzero_fraction": (0.75, "this level has none"),
    "rank": (3.0, "this level has none"),
    "parallel_rows": (0.875, "this level has none"),
    "active_neurons": (7.0, "this level has none"),
    "sharpness": (12.5, r"set RecordSpec\.directions"),
    "best_epoch_test_accuracy": (0.75, r"set RecordSpec\.epoch_images"),
    "last_epoch_test_accuracy": (0.5, r"set RecordSpec\.epoch_images"),
    "last_drift": (-0.25, r"set RecordSpec\.epoch_images"),
    "late_drift": (-0.25, r"set RecordSpec\.epoch_images"),
    "line_fall": (-1.0, "there is a line only from a chain to the re-dense and independent training derived"),
    "line_climb": (3.0, "there is a line only from a chain to the re-dense and independent training derived"),
}


def test_the_teacher_of_a_replica_is_the_same_seed_of_the_chain_it_learns_from():
    student = KEPT.but(distillation={"teacher": KEPT, "alpha": 0.5})
    assert Replica(student, 1001).teacher == Replica(KEPT, 1001)
    assert Replica(KEPT, 1001).teacher is None


def test_a_replica_is_one_seed_of_one_digest():
    spec = RunSpec()
    assert Replica(spec, 1000).key == (spec.digest, 1000)
    assert len({Replica(spec, 1000), Replica(RunSpec(), 1000), Replica(spec, 1001)}) == 2


def test_the_parent_of_a_replica_is_the_same_seed_of_the_chain():
    assert Replica(REDENSE, 1001).parent == Replica(KEPT, 1001)
    assert Replica(KEPT, 1001).parent is None


@pytest.mark.parametrize(("name", "value"), ALWAYS.items())
def test_what_is_always_recorded_is_measured(name, value):
    assert PLAIN.measure(name) == value


@pytest.mark.parametrize("name", ASKED)
def test_what_was_asked_for_is_measured_and_summed_up(name):
    assert DETAILED.measure(name) == pytest.approx(ASKED[name][0])


@pytest.mark.parametrize("name", ASKED)
def test_a_measure_that_was_not_recorded_names_the_setting(name):
    with pytest.raises(InputError, match=f"{name} was not recorded: {ASKED[name][1]}"):
        PLAIN.measure(name)


def test_every_measure_is_among_those_tested():
    assert SUMMARIES.keys() <= ASKED.keys()
    with pytest.raises(InputError, match=f"use one of {', '.join(sorted((*ALWAYS, *ASKED)))}$"):
        PLAIN.measure("luck")


@pytest.mark.parametrize("name", ["luck", "level", "remaining", "diverged", "epoch_test_accuracy", "measure"])
def test_what_is_no_number_of_the_result_is_no_measure(name):
    with pytest.raises(InputError, match=f"there is no measure '{name}'.*; use one of active_neurons, best_epoch_test"):
        DETAILED.measure(name)


@pytest.mark.parametrize("name", [*ALWAYS, *ASKED])
def test_a_network_that_diverged_has_its_density_and_its_cost_and_no_measure(name):
    known = name in ("density", "train_flops", "seconds")
    assert LOST.measure(name) == (ALWAYS[name] if known else None)


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
series = st.none() | st.lists(st.floats(0, 1), max_size=5).map(tuple)
records = st.builds(
    LevelRecord,
    level=st.integers(0, 30),
    density=st.floats(0, 1),
    remaining=st.dictionaries(st.text(), st.integers(0, 10**6)),
    train_accuracy=numbers,
    train_loss=numbers,
    test_accuracy=numbers,
    test_loss=numbers,
    learning_distance=numbers,
    diverged=st.booleans(),
    train_flops=st.floats(0, 1e18),
    seconds=st.floats(0, 1e6),
    epoch_test_accuracy=series,
    sharpness=numbers,
    line_train_loss=series,
    line_train_accuracy=series,
    kept_train_flops=numbers,
    validation_accuracy=numbers,
    weight_variance=numbers,
    zero_fraction=numbers,
    small_fraction=numbers,
    nonzero_fraction=numbers,
    rank=numbers,
    parallel_rows=numbers,
    active_neurons=numbers,
)


@given(records)
def test_a_record_comes_back_from_json(record):
    again = LevelRecord.read(json.loads(json.dumps(asdict(record))))
    assert again == record
    assert hash(again.epoch_test_accuracy) == hash(record.epoch_test_accuracy)


def test_a_record_of_before_there_were_series_is_read():
    old = {name: value for name, value in asdict(PLAIN).items() if value is not None}
    assert len(old) < len(fields(LevelRecord))
    assert LevelRecord.read(old) == PLAIN
