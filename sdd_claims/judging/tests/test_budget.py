"""A budget of hours takes the cheapest looks first, and says of what it leaves how far it is."""

from collections import Counter
from dataclasses import replace

import pytest

from sdd_claims.errors import BudgetError, MissingDataError
from sdd_claims.judging.tests.opener import Opener, trained_seeds
from sdd_claims.planning.estimate import level_flops
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.tests.tiny import NOISY, OPEN, SPEC, YES, numbers, trained, trial_named

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


def test_a_claim_that_is_looked_at_for_the_first_time_only_is_open_so_far(opened, clock):
    trial = trial_named("never", OPEN)
    session = opened(trial, budget=4.5 / 3.6)  # the first look takes 4000 seconds
    found = session.verdict(trial)
    assert (found.decision, found.openness, found.looks) == ("inconclusive", "open so far", (2,))
    assert found.reason.endswith("and the look at 4 seeds has not been taken")
    assert trained_seeds(opened.path) == [1000, 1001, 1500, 1501]
    left, whole = session.notes
    assert left.startswith(
        "nobody2026/never [fast] is open so far: not looked at again within the budget of 1.25 hours: 8 of its 16 "
    )
    assert whole == "budget of 1.25 hours: 0 of 1 claims are left unjudged, and 1 open so far"
    again = opened(trial).verdict(trial)
    assert (again.decision, again.openness, again.looks) == ("inconclusive", "undecided", (2, 4))


def test_a_second_look_that_the_deadline_cuts_short_leaves_a_claim_open_so_far(opened, clock):
    trial = trial_named("never", OPEN)
    first = opened(trial, budget=4.5 / 3.6).verdict(trial)
    cut = opened(trial, budget=0.5)
    assert cut.verdict(trial) == first
    assert "of its 16 levels are stored" in cut.notes[0]


def test_a_claim_that_an_early_look_has_settled_is_not_open_so_far(opened, clock):
    trial = trial_named("clear")
    found = opened(trial, budget=4.5 / 3.6).verdict(trial)
    assert (found.decision, found.openness, found.looks) == ("supported", None, (2,))


def test_pilots_that_the_deadline_cuts_short_set_no_windows(opened, clock):
    accuracy = CurveOf(SPEC, "test_accuracy", 4)
    trial = trial_named("waiting", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}, (3, 4)))
    session = opened(trial, budget=0.5)
    with pytest.raises(BudgetError, match="4 of its 16 levels are stored"):
        session.verdict(trial)
    assert trained_seeds(opened.path) == [3, 4]
    assert session.notes == ["budget of 0.5 hours: 1 of 1 claims are left unjudged"]


def test_runs_of_a_budget_into_which_no_look_fits_come_to_a_verdict_one_after_another(opened, clock):
    stored, trial = trial_named("stored", spec=WIDER), trial_named("long", levels=3)
    opened(stored).verdict(stored)
    before = len(trained(opened.path))
    for levels in (2, 4):
        session = opened(trial, stored, budget=0.2, rate=AN_HOUR_A_LEVEL)
        with pytest.raises(BudgetError, match=rf"{levels} of its 12 levels are stored, .*; run again, and training"):
            session.verdict(trial)
        assert len(trained(opened.path)) == before + levels
    session = opened(trial, stored, budget=2.0)
    assert session.verdict(trial).decision == "supported"
    assert max(Counter(trained(opened.path)).values()) == 1


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
    fine, lacking = trial_named("fine"), trial_named("lacking", spec=SPEC.but(data={"name": "mnist"}))
    session = opened(lacking, fine, data_root=torn, budget=1.0)
    assert session.verdict(fine).decision == "supported"
    with pytest.raises(MissingDataError, match="holds only a part of mnist"):
        session.verdict(lacking)
