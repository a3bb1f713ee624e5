"""Data that cannot be had stop the claims that need them and no other."""

import pytest

from sdd_claims.data import datasets
from sdd_claims.errors import InputError, MissingDataError
from sdd_claims.judging import missing_data as missing_data_module
from sdd_claims.planning.plan import Request
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trial import Control
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import OPEN, SPEC, YES, fill, trained, trial_named

ON_MNIST = SPEC.but(data={"name": "mnist"})


def test_a_data_set_that_cannot_be_had_stops_the_claims_that_need_it_and_no_other(opened, torn):
    fine, lacking = trial_named("fine"), trial_named("lacking", spec=ON_MNIST)
    session = opened(lacking, fine, data_root=torn)
    assert session.verdict(fine).decision == "supported"
    with pytest.raises(MissingDataError, match="holds only a part of mnist"):
        session.verdict(lacking)
    assert {digest for digest, _, _ in trained(opened.path)} == {SPEC.digest}


def test_no_pilots_are_trained_for_a_trial_whose_control_lacks_its_data(opened, torn):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    waiting = FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}, (3, 4))
    control = Control("on MNIST", {"accuracy": CurveOf(ON_MNIST, "test_accuracy", 2)})
    session = opened(trial := trial_named("waiting", waiting, control=control), data_root=torn)
    with pytest.raises(MissingDataError, match="holds only a part of mnist"):
        session.verdict(trial)
    assert trained(opened.path) == []


def test_a_network_whose_data_cannot_be_had_stops_no_other_network_of_the_claim(opened, torn):
    here = trial_named("obedience", network="an MLP on mnist_small")
    lacking = trial_named("obedience", spec=ON_MNIST, network="an MLP on MNIST")
    session = opened(lacking, here, data_root=torn)
    assert session.verdict(here).decision == "supported"
    with pytest.raises(MissingDataError, match="holds only a part of mnist"):
        session.verdict(lacking)


def test_a_data_set_that_is_there_and_wrong_is_no_missing_one(opened, tmp_path):
    (tmp_path / "mnist.npz").write_bytes(b"torn")
    lacking = trial_named("lacking", spec=ON_MNIST)
    with pytest.raises(InputError) as raised:
        opened(lacking, data_root=tmp_path).verdict(lacking)
    assert not isinstance(raised.value, MissingDataError)


def test_what_is_stored_is_judged_without_its_data(opened, torn):
    lacking = trial_named("lacking", spec=ON_MNIST)
    fill(Store(opened.path), opened(lacking).plan(0))
    assert opened(lacking, data_root=torn).verdict(lacking).decision == "supported"
    assert opened.plans == []


def test_a_claim_whose_second_look_lacks_its_data_is_open_so_far_and_stops_no_other(opened, torn):
    fine, lacking = trial_named("fine", OPEN), trial_named("lacking", OPEN, spec=ON_MNIST)
    fill(Store(opened.path), opened(lacking).plan(0))
    session = opened(lacking, fine, data_root=torn)
    assert session.verdict(fine).looks == (2, 4)
    assert (session.verdict(lacking).openness, session.verdict(lacking).looks) == ("open so far", (2,))
    (said,) = session.notes
    assert said.startswith("nobody2026/lacking [fast] is open so far: ")
    assert "holds only a part of mnist" in said


def test_absent_labels_of_annotators_stop_the_claims_that_train_on_them_and_no_other(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(missing_data_module, "load", lambda name, data_root: None)  # the images are there
    on_cifar = SPEC.but(data={"name": "cifar10"})
    clean = trial_named("clean", spec=on_cifar)
    human = trial_named("human", spec=on_cifar.but(noise={"kind": "human"}))
    session = opened(human, clean, data_root=tmp_path)
    assert session.verdict(clean).decision == "supported"
    with pytest.raises(MissingDataError, match=r"CIFAR-10_human\.pt is missing"):
        session.verdict(human)


def test_absent_labels_that_only_a_teacher_trains_on_stop_its_student_and_no_other(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(missing_data_module, "load", lambda name, data_root: None)  # the images are there
    on_cifar = SPEC.but(data={"name": "cifar10"})
    teacher = on_cifar.but(noise={"kind": "human"}, record={"weights": "every_level"})
    student = on_cifar.but(distillation={"teacher": teacher})
    clean, taught = trial_named("clean", spec=on_cifar), trial_named("taught", spec=student)
    session = opened(taught, clean, data_root=tmp_path)
    assert session.verdict(clean).decision == "supported"
    with pytest.raises(MissingDataError, match=r"CIFAR-10_human\.pt is missing"):
        session.verdict(taught)


@pytest.mark.parametrize("kept", [True, False])
def test_a_set_is_read_once_and_kept_where_this_process_trains_on_it(monkeypatch, kept):
    reads, tried = list[str](), missing_data_module.DataSets(None, kept=kept)

    def load(name, root):
        reads.append(name)
        return datasets.load(name, root)

    monkeypatch.setattr(missing_data_module, "load", load)
    datasets.forget()
    for _ in range(2):
        assert tried.missing([Request(SPEC, (0,), 1)]) is None
    assert reads == [SPEC.data.name]
    assert datasets._load.cache_info().currsize == kept


def test_a_regression_has_no_data_to_miss(opened, torn):
    regression = trial_named("regression", spec=SPEC.but(data={"name": "grid"}))
    assert opened(regression, data_root=torn).verdict(regression).decision == "supported"
