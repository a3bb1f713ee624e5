"""Chains of a published run are trained again, and every number that differs is found."""

import math
from dataclasses import replace

import pytest

from sdd_claims.engines.config import WorkerConfig
from sdd_claims.engines.serial import SerialEngine
from sdd_claims.errors import InputError
from sdd_claims.planning.plan import Request, plan, stack_size
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Control
from sdd_claims.rejudge.retrain import audit, chains, drawn, trained_again
from sdd_claims.report.evidence import Evidence, MeasuredRun
from sdd_claims.runs.tests.portable_numbers import WHOLE_MATRICES
from sdd_claims.spec import PathSpec, PruningSpec, RecordSpec
from sdd_claims.stats import Contrast, Greater, Term, Window
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import SPEC, trial_named

LEVELS = 2
SPECS = {way: SPEC.but(training={"arithmetic": way}) for way in ("native", "portable")}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """What was published in each arithmetic: one seed alone, or those of a stack, on which the bits of each depend."""
    store = Store(tmp_path_factory.mktemp("store"))
    runs = {}
    for spec in SPECS.values():
        seeds = (1001,) if stack_size(spec) == 1 else tuple(range(1000, 1000 + stack_size(spec)))
        wanted = plan([Request(spec, seeds, LEVELS)])
        SerialEngine().run(wanted, WorkerConfig(store.path))
        for measure in ("test_accuracy", "learning_distance"):
            curve = store.curve(spec.digest, measure, seeds, LEVELS)
            rows = dict(zip(seeds, curve.values.tolist(), strict=True))
            runs[spec.digest, measure] = MeasuredRun(curve.axis, curve.position.tolist(), rows)
    return Evidence(runs, "")


TRIALS = [trial_named(f"{way}_claim", spec=spec, levels=LEVELS) for way, spec in SPECS.items()]


def with_one_digit_changed(found: Evidence, digest: str, measure: str = "test_accuracy") -> Evidence:
    run = found.runs[digest, measure]
    first, second = run.rows[1001]
    assert second is not None
    changed = replace(run, rows={**run.rows, 1001: [first, math.nextafter(second, math.inf)]})
    return replace(found, runs={**found.runs, (digest, measure): changed})


@pytest.mark.parametrize("way", SPECS)
def test_a_chain_trained_again_comes_out_to_the_last_bit(published, way):
    chain = next(each for each in chains(published, TRIALS, [f"{way}_claim"]) if each.seed == 1001)
    assert (chain.spec, chain.levels) == (SPECS[way], LEVELS)
    compared = trained_again(chain, published)
    assert (compared.numbers, compared.different, compared.first) == (2 * LEVELS, 0, "")


@pytest.mark.parametrize(("way", "excused"), [("native", True), ("portable", False)])
def test_the_last_bit_of_one_number_is_found_and_only_native_rounding_excuses_it(published, way, excused):
    lines: list[str] = []
    edited = with_one_digit_changed(published, SPECS[way].digest)
    assert not audit(edited, TRIALS, 6, lines.append, claims=[f"nobody2026/{way}_claim"])
    assert any("DIFFERS: 1 of 4 numbers; first test_accuracy at level 1" in line for line in lines)
    assert any("native arithmetic" in line for line in lines) == excused


@pytest.mark.parametrize(
    ("measure", "read", "said"),
    [
        ("rank", ("rank", "train_loss"), "train_loss came out as published, so that a value lies on its threshold"),
        ("train_loss", ("rank", "train_loss"), None),
        ("rank", ("rank",), "or LAPACK and BLAS have other last bits here, cannot be told"),
    ],
)
def test_another_count_of_singular_values_is_found_and_said_to_be_lapacks_only_where_that_is_known(
    tmp_path, measure, read, said
):
    store = Store(tmp_path)
    SerialEngine().run(plan([Request(WHOLE_MATRICES, (1000,), 3)]), WorkerConfig(store.path))
    runs = {}
    for each in read:
        curve = store.curve(WHOLE_MATRICES.digest, each, (1000,), 3)
        row = curve.values[0].tolist()
        if each == measure:
            row[1] += 1
        runs[WHOLE_MATRICES.digest, each] = MeasuredRun(curve.axis, curve.position.tolist(), {1000: row})
    lines: list[str] = []
    ranks = {"rank": CurveOf(WHOLE_MATRICES, "rank", 3)}
    rule = Greater(Contrast((Term(1, "rank", Window(60, 60, "epoch")),)), 0.0)
    trial = replace(trial_named("ranks", looks=(12,)), curves=ranks, rule=rule, control=Control("the same", ranks))
    assert not audit(Evidence(runs, ""), [trial], 1, lines.append)
    assert any(f"DIFFERS: 1 of {3 * len(read)} numbers; first {measure} at level 1" in line for line in lines)
    assert lines[-1].endswith(said) if said else not any("LAPACK" in line for line in lines)


def test_another_refit_of_a_portable_network_is_found_and_not_taken_for_rounding(tmp_path):
    path = PathSpec(over="ridge_refit", values=(0.0, 0.1, 1.0))
    refits = SPECS["portable"].but(pruning=PruningSpec(criterion="none"), record=RecordSpec(), path=path)
    store = Store(tmp_path)
    SerialEngine().run(plan([Request(refits, (1000,), 3)]), WorkerConfig(store.path))
    curve = store.curve(refits.digest, "test_accuracy", (1000,), 3)
    row = curve.values[0].tolist()
    row[2] += 0.25
    published = {(refits.digest, "test_accuracy"): MeasuredRun(curve.axis, curve.position.tolist(), {1000: row})}
    accuracy = {"accuracy": CurveOf(refits, "test_accuracy", 3)}
    rule = Greater(Contrast((Term(1, "accuracy", Window(1, 1, "ridge strength")),)), 0.0)
    trial = replace(trial_named("refits", looks=(12,)), curves=accuracy, rule=rule, control=Control("same", accuracy))
    lines: list[str] = []
    assert not audit(Evidence(published, ""), [trial], 1, lines.append)
    assert any("DIFFERS: 1 of 3 numbers; first test_accuracy at level 2" in line for line in lines)
    assert lines[-1].endswith("or LAPACK and BLAS have other last bits here, cannot be told")


@pytest.mark.parametrize("way", SPECS)
def test_the_last_bit_of_a_distance_is_excused_by_nothing(published, way):
    edited = with_one_digit_changed(published, SPECS[way].digest, "learning_distance")
    chain = next(each for each in chains(edited, TRIALS, [f"{way}_claim"]) if each.seed == 1001)
    assert trained_again(chain, edited).different == 1


def test_an_audit_says_what_it_trains_and_that_all_agrees(published):
    lines: list[str] = []
    assert audit(published, TRIALS, 99, lines.append)  # there are only seven
    assert sum("to the last bit" in line for line in lines) == 7


def test_the_same_draw_chooses_the_same_chains(published):
    every = chains(published, TRIALS)
    assert len(every) == 7
    assert drawn(every, 1, 3) == drawn(every, 1, 3)
    assert {drawn(every, 1, seed)[0] for seed in range(200)} == set(every)


def test_a_claim_that_the_run_does_not_have_is_named_with_its_nearest(published):
    with pytest.raises(InputError, match=r"no claim 'nativ_claim'.*native_claim"):
        chains(published, TRIALS, ["nativ_claim"])


def test_a_run_that_no_trial_knows_any_more_cannot_be_trained_again(published):
    with pytest.raises(InputError, match="no chain of this run can be trained again"):
        chains(published, [])
