"""Windows that wait for pilots are set before the judged seeds are trained, or leave their claim open."""

from dataclasses import replace
from typing import Any

import pytest

from sdd_claims.engines import work as work_module
from sdd_claims.errors import InputError
from sdd_claims.registration import pilots as pilots_module
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.windows import as_json
from sdd_claims.stats import Phases, Window
from sdd_claims.tests.tiny import SPEC, YES, InstantPruning, trial_named

PHASES = Phases(*(Window(0.4, 0.6) for _ in Phases.__slots__))


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

    monkeypatch.setattr(pilots_module, "find_phases", find_phases)
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
        "nobody2026/waiting [fast], windows from pilots for noisy, as a windows.json holds them:\n"
        + as_json("noisy", PHASES)
    )


def test_windows_that_other_pilots_would_set_are_refused_once_the_block_has_judged(opened, monkeypatch):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)

    def waiting(margin):
        return trial_named(
            "waiting", FromPilots(lambda at: replace(YES, margin=margin), {"noisy": (accuracy, accuracy)}, (3, 4))
        )

    monkeypatch.setattr(pilots_module, "find_phases", lambda test, train: PHASES)
    first, changed = waiting(0.01), waiting(0.02)
    assert opened(first).verdict(first).decision == "supported"
    with pytest.raises(InputError, match=r"\(block=2000, or --block 2000\)"):
        opened(changed).verdict(changed)


def test_what_pilots_show_no_phases_for_stays_open_with_their_curves_and_no_seed_judges_it(opened, monkeypatch):
    """It must not vanish from the report: a claim would look better on the networks that are left."""

    def no_dip(test, train):
        raise InputError("no dip")

    monkeypatch.setattr(pilots_module, "find_phases", no_dip)
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
    monkeypatch.setattr(pilots_module, "find_phases", lambda test, train: replace(PHASES, collapsed=None))
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
        monkeypatch.setattr(pilots_module, "find_phases", lambda test, train, phases=phases: phases)
        verdict = opened(waiting).verdict(waiting)
        assert verdict.decision == "supported"
        assert verdict.trial.judged_by.windows()["critical"] == phases.critical
