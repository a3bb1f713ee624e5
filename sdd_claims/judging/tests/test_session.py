import errno
import os
import re
from collections import Counter
from dataclasses import replace

import pytest

from sdd_claims.engines import SerialEngine
from sdd_claims.errors import DeviceLostError, InputError, StoreError
from sdd_claims.judging.ledger import Ledger
from sdd_claims.judging.modes import Judging, Pilots, Smoke
from sdd_claims.judging.session import Session
from sdd_claims.judging.tests.opener import trained_seeds
from sdd_claims.machine.devices import CPU, Device
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import PILOTS, FromPilots
from sdd_claims.stats import nominal_p
from sdd_claims.storage import layout, locks
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, NO, NOISY, OPEN, REDENSE, SPEC, YES, fill, trained, trial_named
from sdd_claims.training import arithmetic


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
    with pytest.raises(InputError, match="the block of seeds 1000 has judged its fast trial already"):
        opened(trial, seeds=(1000, 1001, 1002)).verdict(trial)


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
    assert opened.left == ["time left not known yet"]
    assert (plan.asked, plan.needed) == (4 * 3 + 4 * 2, 4 * 3)


def test_how_long_the_rest_takes_is_said_once_something_was_measured_here(opened):
    trial = trial_named("open", OPEN)
    opened(trial).verdict(trial)
    first, second = opened.left
    assert first == "time left not known yet"
    assert second.startswith("about ")
    assert second.endswith(" left")


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


@pytest.mark.parametrize("settings", [{"spec": KEPT, "levels": 3}, {"spec": REDENSE}])
def test_a_chain_of_which_only_weights_are_damaged_is_kept_until_something_goes_on_from_them(opened, settings):
    trial, later = trial_named("obedience", spec=KEPT), trial_named("later", **settings)
    cold = opened(trial).verdict(trial)
    (opened.path / "runs" / KEPT.digest / "1001" / "state-1.safetensors").write_bytes(b"{}")
    session = opened(trial)
    assert session.verdict(trial) == cold
    (warning,) = session.store.warnings
    assert re.search(r"state-1\.safetensors is missing or damaged; the chain is kept", warning)
    assert max(Counter(trained(opened.path)).values()) == 1
    session = opened(later)
    assert session.verdict(later).decision == "supported"
    (warning,) = session.store.warnings
    assert "set aside" in warning
    assert Counter(trained(opened.path))[KEPT.digest, 1001, 0] == 2


def test_a_store_that_can_only_be_read_is_judged_from_and_said_where_it_lacks_something(opened, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    trial = trial_named("obedience")
    cold = opened(trial).verdict(trial)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    for owner, name in ((locks, "FileLock"), (os, "replace"), (os, "mkdir")):
        monkeypatch.setattr(owner, name, refuse)
    assert opened(trial).verdict(trial) == cold
    lacking = trial_named("lacking", levels=3)
    with pytest.raises(StoreError, match=r"cannot lock .*: Read-only file system; choose a store on a writable file"):
        opened(lacking).verdict(lacking)


def test_a_store_that_is_gone_is_said_before_another_look_trains(opened):
    trial = trial_named("obedience")
    session = opened(trial)
    whole = session.plan(0)
    opened.path.rename(opened.path.with_name("moved"))
    with pytest.raises(StoreError, match="is gone"):
        session.training.check_stored(whole)
    assert not opened.path.exists()


def test_a_change_after_the_block_has_judged_is_refused_before_anything_is_trained(opened):
    trial = trial_named("obedience")
    opened(trial).verdict(trial)
    changed = trial_named("obedience", replace(YES, margin=0.02))
    with pytest.raises(InputError, match=r"\(block=2000, or --block 2000\)"):
        opened(changed).verdict(changed)
    assert Counter(trained(opened.path)).total() == 4 * 2
    fresh = replace(changed, block=2000)
    assert opened(fresh).verdict(fresh).seeds == (2000, 2001)


def test_a_change_of_the_rule_is_refused_for_seeds_that_the_user_gives_too(opened):
    trial = trial_named("obedience")
    opened(trial, seeds=(1990, 2001)).verdict(trial)
    changed = trial_named("obedience", replace(YES, margin=0.02), block=2000)
    with pytest.raises(InputError, match="the block of seeds 2000 judged"):
        opened(changed).verdict(changed)


@pytest.mark.parametrize("given", [{"block": 3000}, {"seeds": (3000, 3001)}])
def test_a_change_is_refused_before_anything_is_trained_on_seeds_that_the_user_gives_too(opened, given):
    trial, changed = trial_named("obedience"), trial_named("obedience", levels=3)
    opened(trial, **given).verdict(trial)
    before = trained(opened.path)
    with pytest.raises(InputError, match=r"the block of seeds 3000 (has )?judged"):
        opened(changed, **given).verdict(changed)
    assert trained(opened.path) == before


def test_a_verdict_that_the_ledger_refuses_is_not_published_and_stops_no_other(opened):
    trial, other = trial_named("obedience"), trial_named("other", spec=NOISY)
    session = opened(trial, other)
    changed = trial_named("obedience", replace(YES, margin=0.02))
    opened(changed).verdict(changed)
    assert session.verdict(other).decision == "supported"
    with pytest.raises(InputError, match="have changed after the block of seeds 1000 judged"):
        session.verdict(trial)
    assert [verdict.trial.claim.name for verdict in session.reached()] == ["other"]


def test_of_two_that_share_a_ledger_at_once_the_first_ones_protocol_stays(opened, monkeypatch):
    trial, changed = trial_named("obedience"), trial_named("obedience", replace(YES, margin=0.02))
    session, shares = opened(trial), []

    def shared(self):
        shares.append(self)
        if len(shares) == 2:  # the other one's entry, in place of ours
            (self.store.path / layout.LEDGER).unlink()
            Ledger(self.store.path / layout.LEDGER).record(changed, changed.judged_seeds()[0])

    monkeypatch.setattr(Session, "_share_ledger", shared)
    with pytest.raises(InputError, match="have changed after the block of seeds 1000 judged"):
        session.verdict(trial)
    assert not session.reached()


@pytest.mark.parametrize("budget", [None, 1.0])
def test_a_trial_that_may_not_be_judged_stops_no_other(opened, budget):
    judged, few, fine = trial_named("judged"), trial_named("few", spec=NOISY), trial_named("fine", spec=KEPT)
    opened(judged).verdict(judged)
    changed, other = trial_named("judged", replace(YES, margin=0.02)), trial_named("few", NO, spec=NOISY)
    session = opened(changed, few, other, fine, budget=budget)
    assert session.verdict(fine).decision == "supported"
    for trial, why in ((changed, "have changed after"), (few, "two different fast trials are called nobody2026/few")):
        with pytest.raises(InputError, match=why):
            session.verdict(trial)
    assert [trial.name for trial in session.trials] == ["nobody2026/fine"]
    assert NOISY.digest not in {digest for digest, _, _ in trained(opened.path)}


@pytest.mark.parametrize("mode", [Judging(), Smoke(None)])
def test_a_network_that_does_not_fit_its_images_stops_no_other(opened, mode):
    odd, fine = SPEC.but(model={"name": "vgg16", "hidden": (), "batch_norm": True}), trial_named("fine")
    session = opened(trial := trial_named("odd", spec=odd), fine, mode=mode)
    assert session.verdict(fine).seeds == mode.looks(fine)[0]
    with pytest.raises(InputError, match="VGG-16 halves its images four times, but 7 x 7 pixels"):
        session.verdict(trial)


def test_where_nothing_can_be_compiled_claims_in_native_arithmetic_and_stored_ones_are_judged(opened, monkeypatch):
    portable = SPEC.but(training={"arithmetic": "portable"})
    stored, native = trial_named("stored", spec=portable), trial_named("native")
    before = opened(stored).verdict(stored)
    monkeypatch.setattr(arithmetic, "_why_missing", lambda: "Numba is not installed")
    untrained = trial_named("untrained", spec=portable.but(training={"epochs": 2}))
    session = opened(stored, native, untrained)
    assert session.verdict(stored).outcome == before.outcome
    assert session.verdict(native).seeds == Judging().looks(native)[0]
    with pytest.raises(InputError, match="portable arithmetic needs compiled code, and Numba is not installed"):
        session.verdict(untrained)


@pytest.mark.parametrize(("mode", "every_epoch"), [(Smoke(None), True), (Pilots(), False)])
def test_a_smoke_run_goes_through_its_checkpoints(opened, monkeypatch, mode, every_epoch):
    configs = []

    def run(engine, plan, config, watch=None):
        configs.append(config)
        fill(Store(config.store), plan)
        return ["a checkpoint was damaged"]

    monkeypatch.setattr(SerialEngine, "run", run)
    session = opened(trial := trial_named("obedience"), mode=mode)
    session.verdict(trial)
    assert {config.checkpoint_every_epoch for config in configs} == {every_epoch}
    assert "warning: a checkpoint was damaged" in session.notes


@pytest.mark.parametrize("mode", [Pilots(), Smoke(None)])
def test_pilots_and_smoke_judge_nothing_and_never_enter_the_ledger(opened, mode):
    trial = trial_named("obedience", levels=3)
    verdict = opened(trial, mode=mode).verdict(trial)
    assert verdict.decision is None
    assert max(verdict.seeds) < 1000
    assert not (opened.path / "judged.json").exists()
    changed = trial_named("obedience", replace(YES, margin=0.02), levels=3)
    assert opened(changed).verdict(changed).decision == "supported"


def test_pilots_show_what_they_found_and_what_the_control_said(opened):
    verdict = opened(trial := trial_named("obedience"), mode=Pilots()).verdict(trial)
    assert verdict.seeds == PILOTS
    assert verdict.outcome is not None
    assert (verdict.outcome.p, verdict.control_decision) == (1e-9, "inconclusive")


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
        opened(trial := trial_named("obedience"), seeds=(1000,)).verdict(trial)
    assert trained(opened.path) == []


def test_different_trials_of_one_name_are_refused_and_the_same_one_twice_is_not(opened):
    trial = trial_named("obedience")
    with pytest.raises(InputError, match="two different fast trials are called nobody2026/obedience"):
        opened(trial, trial_named("obedience", NO)).verdict(trial)
    assert opened(trial, trial_named("obedience")).verdict(trial).decision == "supported"


def test_a_trial_of_another_error_rate_than_the_runs_is_refused(opened):
    trial = trial_named("obedience", error_rate=(0.05, 5))
    with pytest.raises(InputError, match=r"obedience \(fast\): its error_rate is \(0.05, 5\), and this run judges all"):
        opened(trial).verdict(trial)


def test_one_claim_on_several_networks_is_judged_on_each_by_itself(opened):
    ten = trial_named("obedience", network="ResNet-18 on CIFAR-10")
    hundred = trial_named("obedience", NO, spec=NOISY, network="ResNet-18 on CIFAR-100")
    session = opened(ten, hundred)
    assert [session.verdict(trial).decision for trial in (ten, hundred)] == ["supported", "refuted"]
    changed = replace(ten, rule=replace(YES, margin=0.02))
    with pytest.raises(InputError, match="two different fast trials are called nobody2026/obedience with ResNet-18 on"):
        opened(ten, changed).verdict(ten)
    with pytest.raises(InputError, match="with ResNet-18 on CIFAR-10: its settings"):
        opened(changed).verdict(changed)
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

    def fails_once(engine, plan, config, watch=None):
        runs.append(config.deadline)
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


def test_a_trial_whose_tier_has_no_device_is_not_trained(opened):
    fast, full = trial_named("obedience"), trial_named("obedience", tier="full", spec=NOISY)
    session = opened(fast, full)
    assert session.verdict(fast).decision == "supported"
    assert {digest for digest, _, _ in trained(opened.path)} == {SPEC.digest}


def test_a_replication_judges_a_fresh_block_looking_as_registered(opened):
    trial = trial_named("open", OPEN, looks=(2, 4))
    first, again = opened(trial).verdict(trial), opened(trial, block=2000).verdict(trial)
    assert (first.seeds, again.seeds) == (tuple(range(1000, 1004)), tuple(range(2000, 2004)))
    assert first.looks == again.looks == (2, 4)
    assert first.threshold == again.threshold
    assert first.trial.family == again.trial.family


def test_blocks_are_counted_where_the_user_chose_them_and_others_had_judged(opened):
    trial, other = trial_named("open", OPEN), trial_named("new")

    def blocks(trial, **changes):
        session = opened(trial, **changes)
        session.verdict(trial)
        return session.blocks(trial)

    assert blocks(trial) == []
    assert blocks(trial, block=2000) == blocks(trial, block=2000) == [1000, 2000]
    assert blocks(trial, seeds=(7000, 7001)) == [1000, 2000, 7000]
    assert blocks(trial) == []
    assert blocks(other, block=3000) == []
    assert opened(trial, block=4000, mode=Pilots()).blocks(trial) == []


@pytest.mark.parametrize("block", [1000, 2000])
def test_the_registered_block_and_those_before_are_no_replication(opened, block):
    session = opened(trial := trial_named("open", OPEN, block=2000), block=block)
    with pytest.raises(InputError, match=f"--block {block} is no replication of the block 2000 that it registers"):
        session.verdict(trial)
    assert trained(opened.path) == []


def test_on_a_gpu_what_is_asked_for_in_portable_arithmetic_is_trained_by_the_cpu(opened, monkeypatch):
    portable = SPEC.but(training={"arithmetic": "portable"})
    trained_on = {}

    def run(engine, plan, config, watch=None):
        trained_on[config.device.name] = {replica.spec for replica in plan.wanted}
        fill(Store(config.store), plan)
        return ()

    monkeypatch.setattr(SerialEngine, "run", run)
    trials = [trial_named("mixed", tier="full", spec=SPEC), trial_named("portable", tier="full", spec=portable)]
    session = opened(*trials, devices={"fast": CPU, "full": Device("cuda")})
    assert [session.verdict(trial).decision for trial in trials] == ["supported"] * 2
    controls = {spec for specs in trained_on.values() for spec in specs} - {SPEC, portable}
    assert portable in trained_on["cpu"]
    assert SPEC in trained_on["cuda"]
    assert not trained_on["cpu"] & trained_on["cuda"]
    assert all((spec.training.arithmetic == "portable") == (spec in trained_on["cpu"]) for spec in controls)


def test_the_plan_of_a_trial_has_the_stacks_that_its_device_trains(opened):
    trial = trial_named("wide", tier="full", looks=(24,))
    stacks = [
        len(opened(trial, devices={"fast": CPU, "full": device}).plan_of(trial, 0).stacks)
        for device in (CPU, Device("cuda"))
    ]
    assert stacks[1] < stacks[0]


def test_a_verdict_is_shown_as_soon_as_its_own_curves_are_trained_the_cheapest_first(opened):
    long = SPEC.but(training={"epochs": 40})
    dear, cheap = trial_named("dear", spec=long), trial_named("cheap", replace(YES, late=4), spec=NOISY)
    verdict = opened(dear, cheap).verdict(dear)
    assert verdict.decision == "supported"
    names = [(name, openness) for name, openness, _ in opened.announced]
    assert names == [("cheap", "open so far"), ("dear", None), ("cheap", None)]
    trained_by_then = [levels for _, _, levels in opened.announced]
    assert trained_by_then[0] < trained_by_then[1] < trained_by_then[2]


def test_a_warm_session_announces_nothing(opened):
    trial = trial_named("obedience")
    opened(trial).verdict(trial)
    opened.announced.clear()
    opened(trial).verdict(trial)
    assert opened.announced == []


def test_what_is_stored_is_checked_for_every_device_before_any_trains(opened):
    """While one device trains, trials of the others are judged by what is stored of them."""
    full, fast = trial_named("full", tier="full"), trial_named("fast", spec=NOISY)
    both = {"fast": CPU, "full": Device("cpu:0")}
    opened(full, devices=both).verdict(full)
    (opened.path / layout.levels(SPEC.digest, 1000)).write_bytes(b"rot")
    opened.announced.clear()
    session = opened(fast, full, devices=both)
    session.verdict(full)
    assert any("set aside" in warning for warning in session.store.warnings)
    assert [name for name, _, _ in opened.announced] == ["fast", "full"]


def test_a_store_that_fails_for_a_moment_while_others_train_ends_no_training(opened, monkeypatch):
    asked, share = [], Session._share_ledger

    def fails_once(session):
        asked.append(session)
        if len(asked) == 2:
            raise StoreError("no answer")
        share(session)

    monkeypatch.setattr(Session, "_share_ledger", fails_once)
    one, other = trial_named("one"), trial_named("other", spec=NOISY)
    session = opened(one, other)
    assert session.verdict(one).decision == session.verdict(other).decision == "supported"
    assert len(asked) > 2
