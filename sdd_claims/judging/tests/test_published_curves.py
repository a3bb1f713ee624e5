"""Curves of published runs take the place of trainings, whatever part of them is published."""

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims import report
from sdd_claims.errors import InputError
from sdd_claims.judging.claim_entry import claim_entry_from
from sdd_claims.judging.published_curves import CurvesAtHand, PublishedRun, published_runs
from sdd_claims.judging.tests.opener import Opener, trained_seeds
from sdd_claims.planning.plan import Request, plan
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.report import claims_json, evidence
from sdd_claims.report.claims_json import ClaimsDocument, EnvironmentEntry
from sdd_claims.report.evidence import Evidence, MeasuredRun
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import NOISY, SPEC, YES, fill, trained, trial_named

MADE = EnvironmentEntry(
    commit="0123456789abcdef",
    versions={"torch": "2.14.1"},
    hardware="a machine",
    started="2026-11-27T00:00:00+00:00",
    duration=1.0,
    device="cpu",
    command="pytest -m fast",
)


def entry_of(session, trial):
    curves, control_curves = session.curves(trial)
    return claim_entry_from(session.verdict(trial), session.at_hand, curves, control_curves, rerun="pytest -m fast")


def publish(folder, session, trial, started=MADE["started"]):
    """Publish what a session says of a trial."""
    document = ClaimsDocument(
        schema=claims_json.SCHEMA,
        environment={**MADE, "started": started},
        alpha=0.05,
        registered=46,
        calibration=None,
        claims=[entry_of(session, trial)],
    )
    report.write(folder, document, session.at_hand)
    return folder


LATE = trial_named("late", replace(YES, late=4))


@pytest.fixture
def first_look(opened, tmp_path):
    """The folder of a run that had time for the first of two looks."""
    fill(Store(opened.path), plan([Request(SPEC, (1000, 1001, 1500, 1501), 2)]))
    return publish(tmp_path / "published" / "first", opened(LATE, budget=1e-9), LATE)


@pytest.fixture
def elsewhere(tmp_path):
    return Opener(tmp_path / "elsewhere")


def test_what_is_published_is_judged_without_training(elsewhere, first_look):
    session = elsewhere(LATE, evidence=published_runs(first_look), budget=1e-9)
    verdict = session.verdict(LATE)
    assert (verdict.openness, verdict.looks) == ("open so far", (2,))
    assert trained(elsewhere.path) == []
    assert session.plan(0).needed == 0


def test_a_further_look_trains_only_the_seeds_that_it_adds(elsewhere, first_look):
    session = elsewhere(LATE, evidence=published_runs(first_look.parent))
    assert session.published(0, "fast") == session.published(1, "fast") == 8
    verdict = session.verdict(LATE)
    assert (verdict.decision, verdict.looks, verdict.seeds) == ("supported", (2, 4), (1000, 1001, 1002, 1003))
    assert trained_seeds(elsewhere.path) == [1002, 1003, 1502, 1503]
    entry = entry_of(session, LATE)
    assert entry["cost"]["uncounted"] == 8
    assert entry["cost"]["seconds"] == 8 * 0.25
    (taken,) = session.at_hand.taken([entry])
    assert (taken["run"], taken["levels"], taken["commit"]) == ("first", 8, MADE["commit"])
    assert taken["sha256"] == evidence.read(first_look).sha256
    assert taken["machine"] == "a machine, torch 2.14.1"


def test_the_further_look_comes_out_as_if_all_had_been_trained(elsewhere, first_look, tmp_path):
    session, whole = elsewhere(LATE, evidence=published_runs(first_look)), Opener(tmp_path / "whole")(LATE)
    assert session.verdict(LATE) == whole.verdict(LATE)
    for curve in (*LATE.curves.values(), *LATE.control_curves.values()):
        seeds = curve.seeds((1000, 1001, 1002, 1003))
        ours, theirs = (
            each.at_hand.curve(curve.spec.digest, curve.measure, seeds, curve.levels) for each in (session, whole)
        )
        np.testing.assert_array_equal(ours.values, theirs.values)


def test_a_published_verdict_binds_who_reads_its_curves(elsewhere, first_look):
    changed = trial_named("late", YES)
    session = elsewhere(changed, evidence=published_runs(first_look))
    with pytest.raises(InputError, match="have changed after the block of seeds 1000 judged its fast trial"):
        session.verdict(changed)


@pytest.mark.parametrize(
    "trial", [trial_named("more", levels=3), trial_named("noisy", spec=NOISY)], ids=["more levels", "another setting"]
)
def test_what_is_not_published_is_trained(elsewhere, first_look, trial):
    session = elsewhere(trial, evidence=published_runs(first_look))
    session.verdict(trial)
    assert trained_seeds(elsewhere.path) == [1000, 1001, 1500, 1501]
    assert session.published(1, "fast") == 0


def test_a_seed_lacks_what_is_published_of_it_in_another_measure_alone(elsewhere, first_look):
    at_hand = CurvesAtHand(Store(elsewhere.path), published_runs(first_look))
    accuracy, loss = (CurveOf(SPEC, measure, 2) for measure in ("test_accuracy", "test_loss"))
    assert at_hand.lacking(accuracy, (1000, 1001, 1002)) == (1002,)
    assert at_hand.lacking(loss, (1000, 1001)) == (1000, 1001)
    with pytest.raises(InputError, match="has 0 of the 2 levels asked for; train it"):
        at_hand.curve(SPEC.digest, "test_loss", (1000,), 2)


def test_what_is_stored_counts_as_trained_here(elsewhere, first_look):
    fill(Store(elsewhere.path), plan([Request(SPEC, (1000, 1001), 2)]))
    session = elsewhere(LATE, evidence=published_runs(first_look), budget=1e-9)
    entry = entry_of(session, LATE)
    assert entry["cost"]["uncounted"] == 4  # of the control
    assert [each["levels"] for each in session.at_hand.taken([entry])] == [4]


def test_of_two_runs_that_hold_a_curve_the_newer_one_is_read(opened, elsewhere, first_look):
    publish(first_look.parent / "second", opened(LATE), LATE, started="2026-11-28T00:00:00+00:00")
    session = elsewhere(LATE, evidence=published_runs(first_look.parent))
    entry = entry_of(session, LATE)
    assert [(each["run"], each["levels"]) for each in session.at_hand.taken([entry])] == [("second", 16)]


@pytest.mark.parametrize(
    ("measure", "seed", "levels", "holds"),
    [
        ("test_accuracy", 1000, 2, True),
        ("test_accuracy", 1000, 1, True),
        ("test_accuracy", 1000, 3, False),
        ("test_accuracy", 1002, 1, False),
        ("test_loss", 1000, 1, False),
    ],
)
def test_a_run_holds_a_seed_as_far_as_it_was_read(first_look, measure, seed, levels, holds):
    (run,) = published_runs(first_look)
    assert run.holds(SPEC.digest, measure, seed, levels) is holds


@given(st.sets(st.integers(0, 5)), st.permutations(range(6)))
def test_every_row_of_a_curve_is_the_one_of_its_seed_wherever_it_lies(tmp_path_factory, published, order):
    held = CurvesAtHand(stored := Store(tmp_path_factory.mktemp("store")))
    fill(stored, plan([Request(SPEC, tuple(set(order) - published), 2)]))
    whole = Store(tmp_path_factory.mktemp("whole"))
    fill(whole, plan([Request(SPEC, tuple(range(6)), 2)]))
    if published:
        curve = whole.curve(SPEC.digest, "test_accuracy", sorted(published), 2)
        rows = dict(zip(curve.seeds, curve.values.tolist(), strict=True))
        run = MeasuredRun(curve.axis, curve.position.tolist(), rows)
        document = ClaimsDocument(
            schema=claims_json.SCHEMA, environment=MADE, alpha=0.05, registered=46, calibration=None, claims=[]
        )
        held = CurvesAtHand(
            stored,
            (PublishedRun(Path("run/claims.json"), document, Evidence({(SPEC.digest, "test_accuracy"): run}, "")),),
        )
    ours = held.curve(SPEC.digest, "test_accuracy", order, 2)
    theirs = whole.curve(SPEC.digest, "test_accuracy", order, 2)
    assert ours.seeds == tuple(order)
    np.testing.assert_array_equal(ours.values, theirs.values)
    np.testing.assert_array_equal(ours.position, theirs.position)


def edited(folder, change):
    content = json.loads(gzip.decompress((folder / evidence.NAME).read_bytes()))
    change(content)
    (folder / evidence.NAME).write_bytes(gzip.compress(json.dumps(content).encode()))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (shutil.rmtree, "there is no such folder; give that of a published run"),
        (lambda folder: (folder / "claims.json").unlink(), "there is no evidence.json.gz beside a claims.json; give"),
        (lambda folder: (folder / evidence.NAME).unlink(), "there is no evidence.json.gz beside a claims.json; give"),
        (lambda folder: (folder / evidence.NAME).write_bytes(b""), "cut short or damaged"),
        (
            lambda folder: edited(folder, lambda content: content["curves"][0]["rows"]["1000"].reverse()),
            "is not the file that this run was published with: its SHA-256 is another. Take the published folder anew",
        ),
    ],
)
def test_evidence_that_cannot_be_trusted_is_refused_in_one_sentence(first_look, spoil, sentence):
    spoil(first_look)
    with pytest.raises(InputError) as raised:
        published_runs(first_look)
    assert sentence in str(raised.value)
    assert str(first_look) in str(raised.value)


def test_a_curve_that_was_changed_with_the_checksum_of_the_file_is_refused(first_look):
    edited(first_look, lambda content: content["curves"][0]["rows"]["1000"].reverse())
    document = claims_json.read(first_look / "claims.json")
    document["evidence"]["sha256"] = evidence.read(first_look).sha256
    claims_json.write(first_look / "claims.json", document)
    with pytest.raises(InputError, match="the evidence of test_accuracy was changed after it was written"):
        published_runs(first_look)


def test_a_claim_is_judged_as_published_though_its_data_cannot_be_had(opened, elsewhere, first_look, torn):
    both = publish(first_look.parent / "second", opened(LATE), LATE)
    session = elsewhere(LATE, evidence=published_runs(both), data_root=torn)
    assert session.verdict(LATE).decision == "supported"
