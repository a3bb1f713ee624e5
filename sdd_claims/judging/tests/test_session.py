import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sdd_claims import claim as claim_module
from sdd_claims.claim import PILOTS, Control, CurveOf, FromPilots, Trial
from sdd_claims.engines import SerialEngine
from sdd_claims.engines import work as work_module
from sdd_claims.errors import BudgetError, DeviceLostError, DeviceMemoryError, InputError, MissingDataError, StoreError
from sdd_claims.judging import session as session_module
from sdd_claims.judging.session import Session, Settings
from sdd_claims.planning.estimate import level_flops
from sdd_claims.planning.plan import Plan
from sdd_claims.stats import Phases, Window, nominal_p
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import (
    KEPT,
    NO,
    NOISY,
    OPEN,
    REDENSE,
    SPEC,
    YES,
    InstantPruning,
    fill,
    numbers,
    trained,
    trial_named,
)
from sdd_claims.windows import as_json

PHASES = Phases(*(Window(0.4, 0.6) for _ in Phases.__slots__))


@pytest.fixture(autouse=True)
def instant(monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", InstantPruning)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)  # of whoever runs these tests


class Opener:
    """Opens sessions on one store, and keeps the plans that they trained."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plans: list[Plan] = []
        self.left: list[str] = []

    def __call__(self, *trials: Trial, **changes: Any) -> Session:
        settings = Settings(
            store=self.path,
            devices={"fast": "cpu", "full": None},
            data_root=None,
            engine="serial",
            seeds=None,
            mode="judge",
            alpha=0.05,
            registered=46,
        )
        return Session(trials, replace(settings, **changes), self._progress)

    @contextmanager
    def _progress(self, plan, store, left):
        self.plans.append(plan)
        self.left.append(left())
        yield


@pytest.fixture
def opened(tmp_path):
    return Opener(tmp_path / "store")


def trained_seeds(path):
    return sorted({seed for _, seed, _ in trained(path)})


def test_a_closed_trial_is_looked_at_once(opened):
    verdict = opened(trial := trial_named("obedience")).verdict(trial)
    assert (verdict.decision, verdict.seeds, verdict.looks) == ("supported", (1000, 1001), (2,))
    assert trained_seeds(opened.path) == [1000, 1001, 1500, 1501]


def test_only_open_trials_are_looked_at_again_and_then_on_all_seeds(opened):
    clear, late, never = (
        trial_named("clear"),
        trial_named("late", replace(YES, late=4), spec=NOISY),
        trial_named("never", OPEN, spec=SPEC.but(model={"hidden": (9,)})),
    )
    session = opened(clear, late, never)
    assert (session.verdict(clear).decision, session.verdict(clear).looks) == ("supported", (2,))
    assert session.verdict(late).decision == "supported"
    assert session.verdict(late).looks == session.verdict(never).looks == (2, 4)
    assert session.verdict(late).seeds == (1000, 1001, 1002, 1003)
    assert session.verdict(never).decision == "inconclusive"
    seeds = {spec.digest: {s for d, s, _ in trained(opened.path) if d == spec.digest} for spec in (SPEC, NOISY)}
    assert seeds[SPEC.digest] == {1000, 1001, 1500, 1501}
    assert seeds[NOISY.digest] == {1000, 1001, 1002, 1003, 1500, 1501, 1502, 1503}


def test_a_trial_whose_control_is_supported_stays_open_and_is_not_looked_at_again(opened):
    verdict = opened(trial := trial_named("naive", replace(YES, credulous=True))).verdict(trial)
    assert (verdict.decision, verdict.looks) == ("inconclusive", (2,))
    assert "the control" in verdict.reason


def test_seeds_of_a_block_that_has_judged_cannot_be_chosen_among(opened):
    trial = trial_named("open", OPEN)
    opened(trial).verdict(trial)
    with pytest.raises(InputError, match="judged seeds have changed after the block of seeds 1000"):
        opened(trial, seeds=(1000, 1001, 1002))


def test_registered_looks_are_judged_at_12_and_24_seeds(opened):
    verdict = opened(trial := trial_named("open", OPEN, looks=(12, 24))).verdict(trial)
    assert verdict.seeds == tuple(range(1000, 1024))
    assert verdict.threshold == nominal_p(0.05 / 46, (12, 24)) < 0.05 / 46


def test_the_threshold_does_not_depend_on_what_else_is_selected(opened):
    one, other = trial_named("one"), trial_named("other", NO)
    both = opened(one, other).verdict(one).threshold
    assert both == opened(one).verdict(one).threshold == nominal_p(0.05 / 46, (2, 4))


def test_seeds_that_the_user_gives_judge_in_one_look(opened):
    session = opened(trial := trial_named("open", OPEN), seeds=(1005, 1007, 2000))
    verdict = session.verdict(trial)
    assert (verdict.seeds, verdict.looks, verdict.threshold) == ((1005, 1007, 2000), (3,), 0.05 / 46)


def test_levels_that_claims_share_are_trained_once(opened):
    one, other = trial_named("one", levels=3), trial_named("other", NO, levels=2)
    session = opened(one, other)
    session.verdict(one)
    session.verdict(other)
    assert max(Counter(trained(opened.path)).values()) == 1
    assert len(trained(opened.path)) == 4 * 3
    (plan,) = opened.plans
    assert [words.endswith(" left, by a guess") for words in opened.left] == [True]
    assert (plan.asked, plan.needed) == (4 * 3 + 4 * 2, 4 * 3)


def test_a_warm_session_trains_nothing(opened):
    trial = trial_named("late", replace(YES, late=4))
    cold = opened(trial).verdict(trial)
    opened.plans.clear()
    warm = opened(trial).verdict(trial)
    assert opened.plans == []
    assert warm == cold


def test_a_damaged_result_is_said_trained_anew_and_gives_the_same_verdict(opened):
    trial = trial_named("obedience")
    cold = opened(trial).verdict(trial)
    (opened.path / "runs" / SPEC.digest / "1001" / "levels.json").write_bytes(b"{}")
    session = opened(trial)
    assert session.verdict(trial) == cold
    (warning,) = session.store.warnings
    assert "levels.json is damaged" in warning
    assert "trained anew" in warning
    assert Counter(seed for _, seed, _ in trained(opened.path)) == {1000: 2, 1001: 4, 1500: 2, 1501: 2}


def test_a_change_after_the_block_has_judged_is_refused_before_anything_is_trained(opened):
    trial = trial_named("obedience")
    opened(trial).verdict(trial)
    changed = trial_named("obedience", replace(YES, margin=0.02))
    with pytest.raises(InputError, match=r"\(block=2000\)"):
        opened(changed)
    fresh = replace(changed, block=2000)
    assert opened(fresh).verdict(fresh).seeds == (2000, 2001)


def test_a_change_of_the_rule_is_refused_for_seeds_that_the_user_gives_too(opened):
    trial = trial_named("obedience")
    opened(trial, seeds=(1990, 2001)).verdict(trial)
    with pytest.raises(InputError, match="the block of seeds 2000 judged"):
        opened(trial_named("obedience", replace(YES, margin=0.02), block=2000))


@pytest.mark.parametrize(("mode", "rehearsed"), [("smoke", True), ("pilots", False)])
def test_a_smoke_run_goes_through_its_checkpoints(opened, monkeypatch, mode, rehearsed):
    sites = []

    def run(engine, plan, site):
        sites.append(site)
        fill(Store(site.store), plan)
        return ["a checkpoint was damaged"]

    monkeypatch.setattr(SerialEngine, "run", run)
    session = opened(trial := trial_named("obedience"), mode=mode)
    session.verdict(trial)
    assert {site.rehearsed for site in sites} == {rehearsed}
    assert "warning: a checkpoint was damaged" in session.notes


@pytest.mark.parametrize("mode", ["pilots", "smoke"])
def test_pilots_and_smoke_judge_nothing_and_never_enter_the_ledger(opened, mode):
    trial = trial_named("obedience", levels=3)
    verdict = opened(trial, mode=mode).verdict(trial)
    assert verdict.decision is None
    assert max(verdict.seeds) < 1000
    assert not (opened.path / "judged.json").exists()
    changed = trial_named("obedience", replace(YES, margin=0.02), levels=3)
    assert opened(changed).verdict(changed).decision == "supported"


def test_pilots_show_what_they_found_and_what_the_control_said(opened):
    verdict = opened(trial := trial_named("obedience"), mode="pilots").verdict(trial)
    assert verdict.seeds == PILOTS
    assert verdict.outcome is not None
    assert (verdict.outcome.p, verdict.control_decision) == (1e-9, "inconclusive")


def test_windows_that_wait_for_pilots_are_set_before_the_judged_seeds_are_trained(opened, monkeypatch):
    order: list[Any] = []

    class Watching(InstantPruning):
        def next_level(self, level, states, members=None):
            order.extend(self.replicas[member].seed for member in members)
            return super().next_level(level, states, members)

    monkeypatch.setattr(work_module, "IterativePruning", Watching)

    def find_phases(test, train):
        order.append(test.seeds)
        return PHASES

    monkeypatch.setattr(claim_module, "find_phases", find_phases)
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    trial = trial_named(
        "waiting",
        FromPilots(
            lambda at: replace(YES, windows_=(Window(0.9, 1), at["noisy"].critical)),
            {"noisy": (accuracy, accuracy)},
            (3, 4),
        ),
    )
    session = opened(trial)
    verdict = session.verdict(trial)
    assert verdict.decision == "supported"
    assert verdict.trial.judged_by.windows()["critical"] == PHASES.critical
    assert order.index((3, 4)) == 4  # two pilots, two levels
    assert set(order[:4]) == {3, 4}
    assert min(order[5:]) >= 1000
    (note,) = session.notes
    assert note == (
        "nobody2026/waiting [fast], windows from pilots for noisy, as claims/nobody2026/windows.json holds them:\n"
        + as_json("noisy", PHASES)
    )


def test_windows_that_other_pilots_would_set_are_refused_once_the_block_has_judged(opened, monkeypatch):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)

    def waiting(margin):
        return trial_named(
            "waiting", FromPilots(lambda at: replace(YES, margin=margin), {"noisy": (accuracy, accuracy)}, (3, 4))
        )

    monkeypatch.setattr(claim_module, "find_phases", lambda test, train: PHASES)
    first, changed = waiting(0.01), waiting(0.02)
    assert opened(first).verdict(first).decision == "supported"
    with pytest.raises(InputError, match=r"\(block=2000\)"):
        opened(changed).verdict(changed)


def test_what_pilots_show_no_phases_for_stays_open_with_their_curves_and_no_seed_judges_it(opened, monkeypatch):
    """It must not vanish from the report: a claim would look better on the networks that are left."""

    def no_dip(test, train):
        raise InputError("no dip")

    monkeypatch.setattr(claim_module, "find_phases", no_dip)
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    waiting = trial_named("waiting", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}, (3, 4)))
    session = opened(waiting, other := trial_named("obedience"))
    verdict = session.verdict(waiting)
    assert (verdict.decision, verdict.outcome, verdict.control_decision) == ("inconclusive", None, None)
    assert verdict.reason == (
        "no windows can be set, so that no seed has judged: nobody2026/waiting [fast], noisy: no dip"
    )
    assert verdict.seeds == (3, 4)
    curves, control = session.curves(waiting)
    assert (set(curves.values()), control) == ({accuracy}, {})
    assert session.verdict(other).decision == "supported"


def test_pilots_that_lack_a_phase_that_the_rule_looks_at_leave_their_claim_open_and_stop_no_other(opened, monkeypatch):
    def last_fall(at):
        if at["noisy"].collapsed is None:
            raise InputError("there is no collapsed phase")
        return YES

    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    waiting = trial_named("waiting", FromPilots(last_fall, {"noisy": (accuracy, accuracy)}, (3, 4)))
    monkeypatch.setattr(claim_module, "find_phases", lambda test, train: replace(PHASES, collapsed=None))
    session = opened(waiting, other := trial_named("obedience"))
    assert session.verdict(other).decision == "supported"
    assert session.verdict(waiting).decision == "inconclusive"
    assert session.verdict(waiting).reason == (
        "no windows can be set, so that no seed has judged: there is no collapsed phase"
    )


def test_windows_that_the_same_pilots_set_otherwise_on_another_machine_are_not_refused(opened, monkeypatch):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    waiting = trial_named(
        "waiting",
        FromPilots(
            lambda at: replace(YES, windows_=(Window(0.9, 1), at["noisy"].critical)),
            {"noisy": (accuracy, accuracy)},
            (3, 4),
        ),
    )
    for phases in (PHASES, replace(PHASES, critical=PHASES.light)):
        monkeypatch.setattr(claim_module, "find_phases", lambda test, train, phases=phases: phases)
        verdict = opened(waiting).verdict(waiting)
        assert verdict.decision == "supported"
        assert verdict.trial.judged_by.windows()["critical"] == phases.critical


def test_a_plan_counts_pilots_controls_and_both_looks(opened):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    waiting = trial_named("waiting", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}, (3, 4, 5)), looks=(2,))
    session = opened(waiting, trial_named("obedience", levels=3))
    first, second = session.plan(0), session.plan(1)
    assert (first.asked, first.needed) == ((3 + 4) * 2 + 4 * 3, 3 * 2 + 4 * 3)
    assert (second.asked, second.needed) == ((3 + 4) * 2 + 8 * 3, 3 * 2 + 8 * 3)  # the other has no second look
    assert trained(opened.path) == []


def test_fewer_seeds_than_a_rule_needs_are_refused_before_anything_is_trained(opened):
    with pytest.raises(
        InputError, match=r"obedience \(fast\): its rule answer needs at least 2 seeds .* got 1; give more"
    ):
        opened(trial_named("obedience"), seeds=(1000,))
    assert trained(opened.path) == []


def test_different_trials_of_one_name_are_refused_and_the_same_one_twice_is_not(opened):
    with pytest.raises(InputError, match="two different fast trials are called nobody2026/obedience"):
        opened(trial_named("obedience"), trial_named("obedience", NO))
    trial = trial_named("obedience")
    assert opened(trial, trial_named("obedience")).verdict(trial).decision == "supported"


def test_one_claim_on_several_networks_is_judged_on_each_by_itself(opened):
    ten = trial_named("obedience", network="ResNet-18 on CIFAR-10")
    hundred = trial_named("obedience", NO, spec=NOISY, network="ResNet-18 on CIFAR-100")
    session = opened(ten, hundred)
    assert [session.verdict(trial).decision for trial in (ten, hundred)] == ["supported", "refuted"]
    changed = replace(ten, rule=replace(YES, margin=0.02))
    with pytest.raises(InputError, match="two different fast trials are called nobody2026/obedience with ResNet-18 on"):
        opened(ten, changed)
    with pytest.raises(InputError, match="with ResNet-18 on CIFAR-10: its settings"):
        opened(changed)
    assert opened(replace(changed, network="")).verdict(replace(changed, network="")).decision == "supported"


def test_a_store_that_fails_fails_every_verdict_and_makes_none_up(opened, monkeypatch):
    """Above all not the verdict of a first look as if it were the last."""
    clear, late = trial_named("clear"), trial_named("late", replace(YES, late=4))
    session = opened(clear, late)
    commit = Store.commit

    def full(store, results, about):
        if any(replica.seed % 500 >= 2 for replica, _, _ in results):
            raise StoreError("the disk is full")
        commit(store, results, about)

    monkeypatch.setattr(Store, "commit", full)
    for trial in (clear, late, clear):
        with pytest.raises(StoreError, match="the disk is full"):
            session.verdict(trial)
    monkeypatch.setattr(Store, "commit", commit)
    again = opened(clear, late)
    assert again.verdict(late).decision == "supported"
    assert again.verdict(late).looks == (2, 4)
    assert max(Counter(trained(opened.path)).values()) == 1


@pytest.mark.parametrize("budget", [None, 1.0])
@pytest.mark.parametrize("error", [StoreError("the disk is full"), DeviceLostError("lost"), RuntimeError("a mistake")])
def test_an_error_that_stops_training_is_that_of_every_verdict_and_nothing_trains_again(
    opened, monkeypatch, clock, budget, error
):
    runs = []

    def fails_once(engine, plan, site):
        runs.append(site.deadline)
        if len(runs) == 1:
            clock.now += 1000
            raise error
        raise AssertionError("it trains again")

    monkeypatch.setattr(SerialEngine, "run", fails_once)
    one, other = trial_named("one"), trial_named("other", spec=NOISY)
    session = opened(one, other, budget=budget)
    for trial in (one, other, one):
        with pytest.raises(type(error)) as raised:
            session.verdict(trial)
        assert raised.value is error
    assert runs == [None if budget is None else 3600.0]
    assert session._deadline == runs[0]


# A network that is too large


@pytest.fixture
def too_large(monkeypatch):
    """Makes networks of a spec too large for every device."""

    def of(spec):
        class Small(InstantPruning):
            def next_level(self, level, states, members=None):
                if self.replicas[members[0]].spec == spec:
                    raise torch.OutOfMemoryError("CUDA out of memory.")
                return super().next_level(level, states, members)

        monkeypatch.setattr(work_module, "IterativePruning", Small)

    return of


@pytest.mark.parametrize("budget", [None, 1e6])
def test_a_network_that_is_too_large_stops_the_claims_that_need_it_and_no_other(opened, too_large, budget):
    too_large(KEPT)
    fine = trial_named("fine", spec=NOISY)
    open_ = trial_named("open", OPEN, spec=SPEC)
    large, derived = trial_named("large", spec=KEPT), trial_named("derived", spec=REDENSE)
    session = opened(derived, large, open_, fine, budget=budget)
    assert session.verdict(fine).decision == "supported"
    assert session.verdict(open_).looks == (2, 4)
    for trial in (large, derived):
        with pytest.raises(DeviceMemoryError, match=r"cpu with its .* has too little memory to train seed 1"):
            session.verdict(trial)
    assert {digest for digest, _, _ in trained(opened.path)} == {NOISY.digest, SPEC.digest}


def test_what_is_stored_of_a_network_that_is_too_large_is_judged(opened, too_large):
    stored, lacking = trial_named("stored", spec=KEPT), trial_named("lacking", spec=KEPT, levels=3)
    cold = opened(stored).verdict(stored)
    too_large(KEPT)
    session = opened(stored, lacking)
    assert session.verdict(stored) == cold
    with pytest.raises(DeviceMemoryError):
        session.verdict(lacking)


def test_pilots_that_are_too_large_stop_the_claim_that_waits_for_them(opened, too_large):
    too_large(KEPT)
    accuracy = CurveOf(KEPT, "test_accuracy", 2)
    waiting = trial_named("waiting", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}, (3, 4)))
    session = opened(waiting, other := trial_named("obedience"))
    assert session.verdict(other).decision == "supported"
    with pytest.raises(DeviceMemoryError, match="seed 3"):
        session.verdict(waiting)


def test_what_the_deadline_leaves_is_not_blamed_on_memory_which_is_said_beside(opened, clock, monkeypatch):
    def run(engine, plan, site):
        clock.now += 3601
        raise DeviceMemoryError("cuda:0 has too little memory")

    monkeypatch.setattr(SerialEngine, "run", run)
    session = opened(trial := trial_named("cut"), budget=1.0)
    with pytest.raises(BudgetError, match="0 of its 8 levels are stored"):
        session.verdict(trial)
    assert "warning: cuda:0 has too little memory" in session.notes


def test_a_trial_whose_tier_has_no_device_is_not_trained(opened):
    fast, full = trial_named("obedience"), trial_named("obedience", tier="full", spec=NOISY)
    session = opened(fast, full)
    assert session.verdict(fast).decision == "supported"
    assert {digest for digest, _, _ in trained(opened.path)} == {SPEC.digest}


# Data


ON_MNIST = SPEC.but(data={"name": "mnist"})


@pytest.fixture
def torn(tmp_path):
    """A data root with a torn folder of MNIST, which nobody replaces by a download."""
    (tmp_path / "data" / "MNIST").mkdir(parents=True)
    return tmp_path / "data"


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


def test_data_that_only_the_second_look_lacks_stop_only_that(opened, torn):
    fine, lacking = trial_named("fine", OPEN), trial_named("lacking", OPEN, spec=ON_MNIST)
    fill(Store(opened.path), opened(lacking).plan(0))
    session = opened(lacking, fine, data_root=torn)
    assert session.verdict(fine).looks == (2, 4)
    with pytest.raises(MissingDataError, match="holds only a part of mnist"):
        session.verdict(lacking)


def test_absent_labels_of_annotators_stop_the_claims_that_train_on_them_and_no_other(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(session_module, "load", lambda name, data_root: None)  # the images are there
    on_cifar = SPEC.but(data={"name": "cifar10"})
    clean = trial_named("clean", spec=on_cifar)
    human = trial_named("human", spec=on_cifar.but(noise={"kind": "human"}))
    session = opened(human, clean, data_root=tmp_path)
    assert session.verdict(clean).decision == "supported"
    with pytest.raises(MissingDataError, match=r"CIFAR-10_human\.pt is missing"):
        session.verdict(human)


def test_a_regression_has_no_data_to_miss(opened, torn):
    regression = trial_named("regression", spec=SPEC.but(data={"name": "grid"}))
    assert opened(regression, data_root=torn).verdict(regression).decision == "supported"


# A budget of hours


class Clock:
    """Stands in for `time.time`: every level of a stack that is trained takes 1000 seconds."""

    def __init__(self, monkeypatch) -> None:
        clock, self.now = self, 0.0

        class Slow(InstantPruning):
            def next_level(self, level, states, members=None):
                clock.now += 1000
                each = 1000 / len(members)
                return [
                    (replace(record, train_flops=level_flops(SPEC), seconds=each), state)
                    for record, state in super().next_level(level, states, members)
                ]

        monkeypatch.setattr(work_module, "IterativePruning", Slow)
        monkeypatch.setattr(time, "time", lambda: clock.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


WIDER = SPEC.but(model={"hidden": (9,)})
AN_HOUR_A_LEVEL = level_flops(SPEC) / 3600


def test_a_budget_takes_the_cheapest_first_and_does_not_begin_what_does_not_fit(opened):
    dear, cheap = trial_named("dear", spec=WIDER, levels=3), trial_named("cheap")
    session = opened(dear, cheap, budget=9.0, rate=AN_HOUR_A_LEVEL)
    assert session.verdict(cheap).decision == "supported"
    with pytest.raises(BudgetError, match=r"within the budget of 9 hours: 0 of its 12 levels are stored"):
        session.verdict(dear)
    assert trained_seeds(opened.path) == [1000, 1001, 1500, 1501]
    assert session.notes == ["budget of 9 hours: 1 of 2 claims are left unjudged"]


def test_with_hours_enough_verdicts_and_numbers_are_those_without_a_budget(opened, tmp_path):
    trials = (
        trial_named("clear"),
        trial_named("late", replace(YES, late=4), spec=NOISY, levels=3),
        trial_named("never", OPEN, spec=WIDER),
    )
    unbound = opened(*trials)
    bound = Opener(tmp_path / "bound")(*trials, budget=1000.0)
    for trial in trials:
        assert bound.verdict(trial) == unbound.verdict(trial)
    wanted = unbound.plan(1)
    assert numbers(bound.store, wanted) == numbers(unbound.store, wanted)
    assert trained(tmp_path / "bound") == trained(opened.path)


def test_a_claim_that_the_deadline_cuts_short_keeps_its_levels_and_another_run_goes_on(opened, clock):
    trial = trial_named("cut", levels=3)
    with pytest.raises(BudgetError, match=r"not judged within the budget of 0\.5 hours: 4 of its 12 levels are stored"):
        opened(trial, budget=0.5).verdict(trial)
    assert len(trained(opened.path)) == 4
    assert opened(trial).verdict(trial).decision == "supported"
    assert len(trained(opened.path)) == max(Counter(trained(opened.path)).values()) * 12


def test_an_open_claim_without_its_last_look_is_not_called_inconclusive(opened, clock):
    trial = trial_named("never", OPEN)
    session = opened(trial, budget=4.5 / 3.6)  # the first look takes 4000 seconds
    left = r"\(it is open after its first look\): 8 of its 16 levels are stored, the rest takes about 1.h.6.min"
    with pytest.raises(BudgetError, match=left):
        session.verdict(trial)
    assert trained_seeds(opened.path) == [1000, 1001, 1500, 1501]
    again = opened(trial).verdict(trial)
    assert (again.decision, again.looks) == ("inconclusive", (2, 4))


def test_pilots_that_the_deadline_cuts_short_set_no_windows(opened, clock):
    accuracy = CurveOf(SPEC, "test_accuracy", 4)
    trial = trial_named("waiting", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}, (3, 4)))
    session = opened(trial, budget=0.5)
    with pytest.raises(BudgetError, match="4 of its 16 levels are stored"):
        session.verdict(trial)
    assert trained_seeds(opened.path) == [3, 4]
    assert session.notes == ["budget of 0.5 hours: 1 of 1 claims are left unjudged"]


def test_what_is_stored_is_judged_however_small_the_budget(opened):
    trial, lacking = trial_named("stored"), trial_named("lacking", spec=WIDER)
    cold = opened(trial).verdict(trial)
    session = opened(lacking, trial, budget=1e-12)
    assert session.verdict(trial) == cold
    with pytest.raises(BudgetError):
        session.verdict(lacking)


def test_damage_is_mended_under_a_budget_too(opened):
    trial = trial_named("late", replace(YES, late=4))
    cold = opened(trial).verdict(trial)
    for seed in (1001, 1003):
        (opened.path / "runs" / SPEC.digest / str(seed) / "levels.json").write_bytes(b"{}")
    session = opened(trial, budget=1.0)
    assert session.verdict(trial) == cold
    assert len(session.store.warnings) == 2


def test_absent_data_are_said_under_a_budget_too(opened, torn):
    fine, lacking = trial_named("fine"), trial_named("lacking", spec=ON_MNIST)
    session = opened(lacking, fine, data_root=torn, budget=1.0)
    assert session.verdict(fine).decision == "supported"
    with pytest.raises(MissingDataError, match="holds only a part of mnist"):
        session.verdict(lacking)
