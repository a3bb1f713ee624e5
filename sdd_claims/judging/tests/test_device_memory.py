"""A network that is too large for its device stops the claims that need it and no other."""

import pytest
import torch

from sdd_claims.engines import SerialEngine
from sdd_claims.engines import work as work_module
from sdd_claims.errors import BudgetError, DeviceMemoryError
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, NOISY, OPEN, REDENSE, SPEC, YES, InstantPruning, fill, trained, trial_named


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


def test_a_claim_that_was_looked_at_before_memory_was_too_small_is_open_so_far(opened, too_large):
    short, trial = trial_named("short", spec=KEPT), trial_named("open", OPEN, spec=KEPT, network="an MLP")
    opened(short).verdict(short)  # what the first look takes
    too_large(KEPT)
    session = opened(trial)
    assert (session.verdict(trial).openness, session.verdict(trial).looks) == ("open so far", (2,))
    said = session.notes[-1]
    assert said.startswith("nobody2026/open with an MLP [fast] is open so far: ")
    assert "too little memory" in said


def test_what_a_gpu_tier_trains_on_the_cpu_may_be_too_large_for_that(opened, monkeypatch):
    def run(engine, plan, config, watch=None):
        if config.device == CPU:
            raise DeviceMemoryError("cpu has too little memory")
        fill(Store(config.store), plan)
        return ()

    monkeypatch.setattr(SerialEngine, "run", run)
    portable = SPEC.but(training={"arithmetic": "portable"})
    large = trial_named("large", tier="full", spec=portable)
    fine = trial_named("fine", tier="full", spec=NOISY)
    session = opened(large, fine, devices={"fast": CPU, "full": Device("cuda")})
    with pytest.raises(DeviceMemoryError, match="cpu has too little memory"):
        session.verdict(large)
    assert session.verdict(fine).decision == "supported"


def test_pilots_that_are_too_large_stop_the_claim_that_waits_for_them(opened, too_large):
    too_large(KEPT)
    accuracy = CurveOf(KEPT, "test_accuracy", 2)
    waiting = trial_named("waiting", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}, (3, 4)))
    session = opened(waiting, other := trial_named("obedience"))
    assert session.verdict(other).decision == "supported"
    with pytest.raises(DeviceMemoryError, match="seed 3"):
        session.verdict(waiting)


def test_what_the_deadline_leaves_is_not_blamed_on_memory_which_is_said_beside(opened, clock, monkeypatch):
    def run(engine, plan, config, watch=None):
        clock.now += 3601
        raise DeviceMemoryError("cuda:0 has too little memory")

    monkeypatch.setattr(SerialEngine, "run", run)
    session = opened(trial := trial_named("cut"), budget=1.0)
    with pytest.raises(BudgetError, match="0 of its 8 levels are stored"):
        session.verdict(trial)
    assert "warning: cuda:0 has too little memory" in session.notes
