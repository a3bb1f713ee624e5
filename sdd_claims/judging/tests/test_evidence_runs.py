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
from sdd_claims.errors import BudgetError, InputError, StoreError
from sdd_claims.judging.claim_entry import claim_entry_from, trained_on
from sdd_claims.judging.evidence_runs import CurvesAtHand, EvidenceRun, agreed, binding, evidence_runs, sources
from sdd_claims.judging.tests.opener import Opener, trained_seeds
from sdd_claims.planning.plan import Request, plan
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.report import claims_json, evidence
from sdd_claims.report.claims_json import ClaimsDocument
from sdd_claims.report.evidence import Evidence, MeasuredRun
from sdd_claims.storage import layout
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import ENVIRONMENT, KEPT, NOISY, REDENSE, SPEC, YES, fill, trained, trial_named

NOTHING = ClaimsDocument(
    schema=claims_json.SCHEMA, environment=ENVIRONMENT, alpha=0.05, registered=46, calibration=None, claims=[]
)
ALONE = SPEC.but(training={"arithmetic": "portable"})  # trained one at a time
LATE = trial_named("late", replace(YES, late=4), spec=ALONE)


def entry_of(session, trial):
    curves, control_curves = session.curves(trial)
    made = claim_entry_from(session.verdict(trial), session.at_hand, curves, control_curves, rerun="pytest -m fast")
    return session.at_hand.marked(made)


def publish(folder, session, trial, started=ENVIRONMENT["started"]):
    """Publish what a session says of a trial."""
    document = ClaimsDocument(
        **{**NOTHING, "environment": {**ENVIRONMENT, "started": started}, "claims": [entry_of(session, trial)]}
    )
    report.write(folder, document, session.at_hand)
    return folder


@pytest.fixture
def first_look(opened, tmp_path):
    """The folder of a run that had time for the first of two looks."""
    fill(Store(opened.path), plan([Request(ALONE, (1000, 1001, 1500, 1501), 2)]))
    return publish(tmp_path / "published" / "first", opened(LATE, budget=1e-9), LATE)


@pytest.fixture
def elsewhere(tmp_path):
    return Opener(tmp_path / "elsewhere")


def test_what_is_published_is_judged_without_training(elsewhere, first_look):
    session = elsewhere(LATE, evidence=evidence_runs(first_look), budget=1e-9)
    verdict = session.verdict(LATE)
    assert (verdict.openness, verdict.looks) == ("open so far", (2,))
    assert trained(elsewhere.path) == []
    assert session.plan(0).needed == 0


def test_a_further_look_trains_only_the_seeds_that_it_adds(elsewhere, first_look):
    session = elsewhere(LATE, evidence=evidence_runs(first_look.parent))
    assert session.requests.levels_read(session.trials, 0) == session.requests.levels_read(session.trials, 1) == 8
    verdict = session.verdict(LATE)
    assert (verdict.decision, verdict.looks, verdict.seeds) == ("supported", (2, 4), (1000, 1001, 1002, 1003))
    assert trained_seeds(elsewhere.path) == [1002, 1003, 1502, 1503]
    entry = entry_of(session, LATE)
    assert entry["cost"]["uncounted"] == 8
    assert entry["cost"]["seconds"] == 8 * 0.25
    sha256 = evidence.read(first_look).sha256
    assert entry["runs"]["accuracy"]["published"] == {sha256: [1000, 1001]}
    assert entry["control"]["runs"]["accuracy"]["published"] == {sha256: [1500, 1501]}
    (taken,) = session.at_hand.taken([entry])
    assert (taken["run"], taken["levels"], taken["commit"]) == ("first", 8, ENVIRONMENT["commit"])
    assert taken["sha256"] == sha256
    assert taken["machine"] == "a machine, torch 2.14.1"


def test_the_further_look_comes_out_as_if_all_had_been_trained(elsewhere, first_look, tmp_path):
    session, whole = elsewhere(LATE, evidence=evidence_runs(first_look)), Opener(tmp_path / "whole")(LATE)
    assert session.verdict(LATE) == whole.verdict(LATE)
    for curve in (*LATE.curves.values(), *LATE.control_curves.values()):
        seeds = curve.seeds((1000, 1001, 1002, 1003))
        ours, theirs = (
            each.at_hand.curve(curve.spec.digest, curve.measure, seeds, curve.levels) for each in (session, whole)
        )
        np.testing.assert_array_equal(ours.values, theirs.values)


def test_whoever_writes_the_report_reads_what_was_judged_though_the_store_has_got_it_since(elsewhere, first_look):
    runs = evidence_runs(first_look)
    session = elsewhere(LATE, evidence=runs)
    entry = entry_of(session, LATE)
    fill(session.store, plan([Request(ALONE, (1000, 1001), 2)]))
    read = CurvesAtHand.of([entry], Store(elsewhere.path), runs)
    assert read.published == session.at_hand.published
    assert [each["levels"] for each in read.taken([entry])] == [4]  # those of the control: the others are here, too
    assert sum(each["levels"] for each in trained_on([entry], read)) <= 16 - 4


def test_a_published_verdict_binds_who_reads_its_curves(elsewhere, first_look):
    changed = trial_named("late", YES, spec=ALONE)
    runs = evidence_runs(first_look)
    session = elsewhere(changed, evidence=runs, published=binding(first_look))
    with pytest.raises(InputError, match="have changed after the block of seeds 1000 judged its fast trial"):
        session.verdict(changed)


def test_a_verdict_without_evidence_binds_as_those_beside_it(first_look):
    (first_look / evidence.NAME).rename(first_look.parent / "elsewhere.gz")
    history = first_look.parent / "history"
    history.mkdir()
    shutil.copytree(first_look, first_look.parent / "other")
    (history / "old.claims.json.gz").write_bytes(gzip.compress((first_look / "claims.json").read_bytes()))
    found = {path.relative_to(first_look.parent).as_posix() for path in binding(first_look.parent)}
    assert found == {"first/claims.json", "other/claims.json", "history/old.claims.json.gz"}


@pytest.mark.parametrize(
    "trial",
    [trial_named("more", spec=ALONE, levels=3), trial_named("noisy", spec=NOISY)],
    ids=["more levels", "another setting"],
)
def test_what_is_not_published_is_trained(elsewhere, first_look, trial):
    session = elsewhere(trial, evidence=evidence_runs(first_look))
    session.verdict(trial)
    assert trained_seeds(elsewhere.path) == [1000, 1001, 1500, 1501]
    assert session.requests.levels_read(session.trials, 1) == 0


def test_a_claim_that_asks_for_more_of_a_network_has_it_trained_and_the_others_read_it(elsewhere, first_look):
    longer = trial_named("longer", spec=ALONE, levels=3)
    session = elsewhere(LATE, longer, evidence=evidence_runs(first_look), budget=1e-9)
    assert session.plan(0).needed == 3 * 4
    assert session.verdict(LATE).looks == (2,)
    with pytest.raises(BudgetError):
        session.verdict(longer)
    assert trained(elsewhere.path) == []


def test_a_level_that_is_read_and_trained_counts_once(elsewhere, first_look):
    longer, runs = trial_named("longer", spec=ALONE, levels=3), evidence_runs(first_look)
    session = elsewhere(LATE, longer, evidence=runs)
    entries = [entry_of(session, LATE), entry_of(session, longer)]
    assert trained_seeds(elsewhere.path) == [1000, 1001, 1002, 1003, 1500, 1501, 1502, 1503]
    assert "published" in entries[0]["runs"]["accuracy"]
    assert "published" not in entries[1]["runs"]["accuracy"]
    written = CurvesAtHand.of(entries, session.store, runs)
    assert sum(each["levels"] for each in trained_on(entries, written)) == 4 * 3 + 4 * 2
    assert written.taken(entries) == session.at_hand.taken(entries)
    assert [each["levels"] for each in written.taken(entries)] == [0]
    assert session.requests.levels_read(session.trials, 1) == 0


def test_a_seed_is_trained_by_the_look_that_asks_for_more_of_it_than_is_published(elsewhere, first_look):
    """As of networks at which one claim has looked further than another, which was decided before."""
    accuracy = CurveOf(ALONE, "test_accuracy", 2)
    session = elsewhere(LATE, evidence=evidence_runs(first_look))
    assert session.requests.of_look(LATE, 0) == []
    assert [request.seeds for request in session.requests.of_look(LATE, 1)] == [(1002, 1003, 1502, 1503)]
    assert session.at_hand.is_published(accuracy, 1000)
    assert not session.at_hand.is_published(replace(accuracy, levels=3), 1000)
    assert not session.at_hand.is_published(replace(accuracy, measure="test_loss"), 1000)
    assert not session.at_hand.is_published(accuracy, 1002)


def test_what_is_stored_counts_as_trained_here(elsewhere, first_look):
    fill(Store(elsewhere.path), plan([Request(ALONE, (1000, 1001), 2)]))
    session = elsewhere(LATE, evidence=evidence_runs(first_look), budget=1e-9)
    entry = entry_of(session, LATE)
    assert entry["cost"]["uncounted"] == 4  # of the control
    assert [each["levels"] for each in session.at_hand.taken([entry])] == [4]


def test_what_a_killed_training_left_of_a_published_network_was_trained_here(elsewhere, first_look):
    fill(Store(elsewhere.path), plan([Request(ALONE, (1000, 1001), 1)]))
    session = elsewhere(LATE, evidence=evidence_runs(first_look), budget=1e-9)
    entry = entry_of(session, LATE)
    assert (entry["cost"]["uncounted"], entry["cost"]["seconds"]) == (6, 2 * 0.25)
    assert [each["levels"] for each in session.at_hand.taken([entry])] == [6]


def test_a_stored_network_that_is_damaged_is_read_where_it_is_published(elsewhere, first_look):
    fill(Store(elsewhere.path), plan([Request(ALONE, (1000, 1001), 2)]))
    (elsewhere.path / layout.levels(ALONE.digest, 1000)).write_bytes(b"torn")
    session = elsewhere(LATE, evidence=evidence_runs(first_look))
    assert session.verdict(LATE).decision == "supported"
    assert (ALONE.digest, 1000) in session.at_hand.published
    assert (ALONE.digest, 1001) not in session.at_hand.published


def test_a_stored_network_that_cannot_be_read_is_read_where_it_is_published(tmp_path, first_look, monkeypatch):
    def fails(store, replica):
        raise StoreError("the disk has failed")

    monkeypatch.setattr(Store, "usable_levels", fails)
    curve = CurveOf(ALONE, "test_accuracy", 2)
    assert (ALONE.digest, 1000) in sources(evidence_runs(first_look), [(curve, (1000,))], Store(tmp_path / "store"))


def test_of_two_runs_that_hold_a_network_the_older_one_is_read(opened, elsewhere, first_look):
    publish(first_look.parent / "second", opened(LATE), LATE, started="2026-11-28T00:00:00+00:00")
    session = elsewhere(LATE, evidence=evidence_runs(first_look.parent))
    taken = session.at_hand.taken([entry_of(session, LATE)])
    assert [(each["run"], each["levels"]) for each in taken] == [("first", 8), ("second", 8)]


def test_a_claim_is_judged_as_published_though_its_data_cannot_be_had(opened, elsewhere, first_look, torn):
    both = publish(first_look.parent / "second", opened(LATE), LATE)
    session = elsewhere(LATE, evidence=evidence_runs(both), data_root=torn)
    assert session.verdict(LATE).decision == "supported"


# Which networks are read


def run_with(*rows, name="run"):
    """A run with rows of digest, measure, seed and number of levels."""
    held: dict[tuple[str, str], dict[int, list[float | None]]] = {}
    for digest, measure, seed, levels in rows:
        held.setdefault((digest, measure), {})[seed] = [0.5] * levels
    runs = {key: MeasuredRun("density", [1.0, 0.5, 0.25], found) for key, found in held.items()}
    return EvidenceRun(Path(name) / "claims.json", NOTHING, Evidence(runs, name))


def keys(found):
    return sorted(seed for _, seed in found)


@pytest.fixture
def empty(tmp_path):
    return Store(tmp_path / "empty")


ACCURACY, LOSS = CurveOf(ALONE, "test_accuracy", 2), CurveOf(ALONE, "test_loss", 2)


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
    (run,) = evidence_runs(first_look)
    assert run.holds(ALONE.digest, seed, measure, levels) is holds


def test_portable_numbers_are_read_measure_by_measure_though_a_network_lacks_one(empty):
    accuracies = run_with((ALONE.digest, "test_accuracy", 0, 2), (ALONE.digest, "test_accuracy", 1, 2), name="one")
    losses = run_with((ALONE.digest, "test_loss", 0, 2), name="other")
    asked = [(ACCURACY, (0, 1)), (LOSS, (0, 1))]
    found = sources([accuracies, losses], asked, empty)
    assert found == {
        (ALONE.digest, 0): {"test_accuracy": accuracies, "test_loss": losses},
        (ALONE.digest, 1): {"test_accuracy": accuracies},
    }


def test_native_numbers_of_a_network_are_read_from_one_run_that_has_all_of_them(empty):
    accuracy, loss = CurveOf(SPEC, "test_accuracy", 2), CurveOf(SPEC, "test_loss", 2)
    accuracies = run_with((SPEC.digest, "test_accuracy", 0, 2), name="one")
    losses = run_with((SPEC.digest, "test_loss", 0, 2), name="other")
    both = run_with((SPEC.digest, "test_accuracy", 0, 2), (SPEC.digest, "test_loss", 0, 2), name="both")
    asked = [(accuracy, (0,)), (loss, (0,))]
    assert sources([accuracies, losses], asked, empty) == {}
    assert sources([accuracies, losses, both], asked, empty) == {
        (SPEC.digest, 0): {"test_accuracy": both, "test_loss": both}
    }


PORTABLE_CHAIN = KEPT.but(training={"arithmetic": "portable"})
PORTABLE_REDENSE = PORTABLE_CHAIN.but(derivation={"kind": "redense"})


def test_a_published_chain_is_read_though_what_is_derived_from_it_must_be_trained(empty):
    chain, redense = (CurveOf(spec, "test_accuracy", 2) for spec in (PORTABLE_CHAIN, PORTABLE_REDENSE))
    held = run_with(
        (PORTABLE_CHAIN.digest, "test_accuracy", 0, 2),
        (PORTABLE_CHAIN.digest, "test_accuracy", 1, 2),
        (PORTABLE_REDENSE.digest, "test_accuracy", 0, 2),
    )
    found = sources([held], [(chain, (0, 1)), (redense, (0, 1))], empty)
    chains, derived = [(PORTABLE_CHAIN.digest, seed) for seed in (0, 1)], (PORTABLE_REDENSE.digest, 0)
    assert sorted(found) == sorted([*chains, derived])


STUDENT = SPEC.but(distillation={"teacher": KEPT, "alpha": 0.5})


@pytest.mark.parametrize("other", [REDENSE, STUDENT], ids=["derived", "taught"])
@pytest.mark.parametrize("published", ["below", "above"])
def test_native_networks_that_belong_together_are_read_together_or_not_at_all(empty, other, published):
    asked = [(CurveOf(spec, "test_accuracy", 1), (0,)) for spec in (KEPT, other)]
    rows = [(spec.digest, "test_accuracy", 0, 1) for spec in (KEPT, other)]
    assert len(sources([run_with(*rows)], asked, empty)) == 2
    assert sources([run_with(rows[published == "above"])], asked, empty) == {}
    assert sources([run_with(rows[0], name="one"), run_with(rows[1], name="other")], asked, empty) == {}


def test_native_seeds_of_one_stack_are_read_together_or_not_at_all(empty):
    curve = CurveOf(SPEC, "test_accuracy", 2)
    held = run_with(*((SPEC.digest, "test_accuracy", seed, 2) for seed in (*range(9), 12)))
    asked = [(curve, tuple(range(13)))]
    assert keys(sources([held], asked, empty)) == [*range(6), 12]  # 9, 10 and 11 are trained, and 6 to 8 with them
    fill(empty, plan([Request(SPEC, (9, 10, 11), 2)]))
    assert keys(sources([held], asked, empty)) == [*range(6), 12]  # nor is half a stack of another training
    whole = run_with(*((SPEC.digest, "test_accuracy", seed, 2) for seed in range(13)))
    assert keys(sources([whole], asked, empty)) == [*range(13)]  # what is stored of a published one is left alone
    fill(empty, plan([Request(SPEC, (*range(9), 12), 2)]))
    assert sources([whole], asked, empty) == {}


def test_all_processes_read_what_the_first_has_found(tmp_path):
    one, other = run_with(name="one"), run_with(name="other")
    found = {
        (ALONE.digest, 0): {"test_accuracy": other, "test_loss": one},
        (ALONE.digest, 1): {"test_accuracy": one},
    }
    path = tmp_path / "sources.json"
    assert agreed(path, found, (one, other)) == found
    assert agreed(path, {}, (one, other)) == found


def test_an_entry_of_a_run_that_is_gone_is_refused_in_one_sentence(elsewhere, first_look):
    session = elsewhere(LATE, evidence=evidence_runs(first_look), budget=1e-9)
    entry = entry_of(session, LATE)
    with pytest.raises(InputError, match="was read, and is gone since; leave published folders as they are"):
        CurvesAtHand.of([entry], session.store, ())


def test_levels_that_lie_elsewhere_are_not_put_together(tmp_path):
    stored = Store(tmp_path / "store")
    fill(stored, plan([Request(SPEC, (0,), 2)]))
    run = MeasuredRun("density", [1.0, 0.25], {1: [0.5, 0.5]})
    held = EvidenceRun(Path("run/claims.json"), NOTHING, Evidence({(SPEC.digest, "test_accuracy"): run}, ""))
    at_hand = CurvesAtHand(stored, {(SPEC.digest, 1): {"test_accuracy": held}})
    with pytest.raises(InputError, match="do not lie where a published run has them; leave --evidence out"):
        at_hand.curve(SPEC.digest, "test_accuracy", (0, 1), 2)


@given(st.sets(st.integers(0, 5)), st.permutations(range(6)))
def test_every_row_of_a_curve_is_the_one_of_its_seed_wherever_it_lies(tmp_path_factory, published, order):
    stored, whole = (Store(tmp_path_factory.mktemp(name)) for name in ("stored", "whole"))
    fill(stored, plan([Request(SPEC, tuple(set(order) - published), 2)]))
    fill(whole, plan([Request(SPEC, tuple(range(6)), 2)]))
    curve = whole.curve(SPEC.digest, "test_accuracy", range(6), 2)
    rows = {seed: (row + 1).tolist() for seed, row in zip(curve.seeds, curve.values, strict=True) if seed in published}
    run = MeasuredRun(curve.axis, curve.position.tolist(), rows)
    held = EvidenceRun(Path("run/claims.json"), NOTHING, Evidence({(SPEC.digest, "test_accuracy"): run}, ""))
    at_hand = CurvesAtHand(stored, {(SPEC.digest, seed): {"test_accuracy": held} for seed in published})
    ours = at_hand.curve(SPEC.digest, "test_accuracy", order, 2)
    assert ours.seeds == tuple(order)
    np.testing.assert_array_equal(ours.values, [curve.values[seed] + (seed in published) for seed in order])
    np.testing.assert_array_equal(ours.position, curve.position)


def test_native_levels_that_are_stored_beside_published_ones_count_for_nothing(empty):
    fill(empty, plan([Request(SPEC, (0,), 2), Request(ALONE, (0,), 2)]))
    at_hand = CurvesAtHand(empty, {(spec.digest, 0): {"test_accuracy": run_with()} for spec in (SPEC, ALONE)})
    for read in (at_hand.records, at_hand.provenance):
        assert [len(read(spec.digest, 0)) for spec in (SPEC, ALONE)] == [0, 2]


def test_a_chain_that_is_read_and_trained_for_what_is_derived_from_it_counts_once(opened, elsewhere, tmp_path):
    """Whoever writes the report counts as the session does."""
    chain, derived = trial_named("chain", spec=PORTABLE_CHAIN), trial_named("derived", spec=PORTABLE_REDENSE)
    fill(Store(opened.path), plan([Request(PORTABLE_CHAIN, (1000, 1001, 1500, 1501), 2)]))
    runs = evidence_runs(publish(tmp_path / "published", opened(chain), chain))
    session = elsewhere(chain, derived, evidence=runs)
    entries = [entry_of(session, trial) for trial in (chain, derived)]
    assert "published" in entries[0]["runs"]["accuracy"]
    for at_hand in (session.at_hand, CurvesAtHand.of(entries, session.store, runs)):
        assert [each["levels"] for each in at_hand.taken(entries)] == [0]
        assert sum(each["levels"] for each in trained_on(entries, at_hand)) == 16


# Which folders are read


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
        evidence_runs(first_look)
    assert sentence in str(raised.value)
    assert str(first_look) in str(raised.value)


def test_a_curve_that_was_changed_with_the_checksum_of_the_file_is_refused(first_look):
    edited(first_look, lambda content: content["curves"][0]["rows"]["1000"].reverse())
    document = claims_json.read(first_look / "claims.json")
    document["evidence"]["sha256"] = evidence.read(first_look).sha256
    claims_json.write(first_look / "claims.json", document)
    with pytest.raises(InputError, match="the evidence of test_accuracy was changed after it was written"):
        evidence_runs(first_look)


def test_a_name_that_no_file_system_takes_is_said():
    with pytest.raises(InputError, match=r"--evidence .* cannot be read \(File name too long\); give the folder of"):
        evidence_runs(Path("x" * 5000))


def test_a_run_that_a_link_leads_to_is_read_once(first_look):
    (first_look.parent / "again").symlink_to(first_look)
    assert len(evidence_runs(first_look.parent)) == 1
