from sdd_claims.judging.needs import needed_digests
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trials import all_trials
from sdd_claims.spec import RunSpec
from sdd_claims.tests.tiny import NOISY, REDENSE, SPEC, YES, trial_named


def test_a_trial_needs_its_curves_its_control_and_the_chain_behind_them():
    trials = [trial_named("one", spec=REDENSE), trial_named("two", spec=NOISY)]
    assert needed_digests(trials) == {REDENSE.digest, REDENSE.but(derivation={"kind": "none"}).digest, NOISY.digest}
    assert SPEC.digest not in needed_digests(trials)


def test_registered_teachers_and_pilots_are_needed():
    trials = all_trials().values()
    needed = needed_digests(trials)
    specs: list[RunSpec] = [curve.spec for trial in trials for curve in trial.curves.values()]
    teachers = {teacher.digest for spec in specs if (teacher := spec.distillation.teacher) is not None}
    pilots = {
        curve.spec.digest
        for trial in trials
        if isinstance(trial.rule, FromPilots)
        for curve in trial.rule.pilot_curves().values()
    }
    assert teachers
    assert pilots
    assert teachers | pilots <= needed


def test_pilots_that_no_other_trial_looks_at_are_needed():
    of_pilots = CurveOf(NOISY, "test_accuracy", 2)
    waiting = FromPilots(lambda at: YES, {"noisy": (of_pilots, of_pilots)}, (3, 4))
    assert needed_digests([trial_named("waiting", waiting, spec=SPEC)]) == {SPEC.digest, NOISY.digest}
