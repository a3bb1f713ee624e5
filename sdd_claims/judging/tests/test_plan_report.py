import shutil
from contextlib import nullcontext
from dataclasses import replace

import pytest

from sdd_claims.judging import training
from sdd_claims.judging.modes import Judging, Pilots
from sdd_claims.judging.plan_report import in_words, planned
from sdd_claims.judging.session import Session
from sdd_claims.judging.settings import Settings
from sdd_claims.machine.devices import CPU
from sdd_claims.planning.estimate import level_flops
from sdd_claims.planning.plan import Request, plan
from sdd_claims.record import Replica
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import NOISY, SPEC, fill, instant_level, trial_named

WIDER = SPEC.but(model={"hidden": (9,)})


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path, {"fast": CPU, "full": None}, None, "serial", None, Judging(), 0.05, 46)


@pytest.fixture
def said(settings):
    """The lines on some trials, with changed settings."""

    def say(*trials, meant="", **changes):
        chosen = replace(settings, **changes)
        return in_words(planned(Session(trials, chosen, lambda plan, store, left: nullcontext()), chosen), meant)

    return say


def on_a_gpu(path):
    """Store a level of SPEC that a GPU has trained."""
    replica = Replica(SPEC, 0)
    Store(path).commit([(replica, *instant_level(replica, 0, None))], {"device": "cuda", "hardware": "with an H200"})


def test_hours_by_measured_rates_are_told_from_those_by_assumed_ones(said, tmp_path):
    known, unknown = trial_named("known", tier="full"), trial_named("unknown", spec=WIDER, tier="full")
    on_a_gpu(tmp_path)
    assert "GPU-hours by measured rates; for the rest no rate has been measured on a GPU yet" in said(known, unknown)[1]
    assert said(known)[1].endswith("GPU-hours by measured rates")
    assert "no rate has been measured on a GPU yet: by the rates assumed below" in said(unknown)[1]
    rows = [line for line in said(known, unknown) if line.strip().startswith("MLP-")]
    assert [("measured on with an H200" in row, "assumed: none" in row) for row in rows] == [
        (row.strip().startswith("MLP-8"), row.strip().startswith("MLP-9")) for row in rows
    ]


def test_hours_of_a_gpu_are_told_from_those_of_the_cpu_beside_it(said):
    portable = WIDER.but(training={"arithmetic": "portable"})
    both = trial_named("on_a_gpu", tier="full"), trial_named("on_the_cpu", spec=portable, tier="full")
    assert said(both[1])[1].endswith("core-hours on the CPU, by a guess")
    assert "core-hours on the CPU, by a guess; no rate has been measured on a GPU yet" in said(*both)[1]


def test_what_does_not_fit_on_the_disk_is_warned_of(said, monkeypatch):
    trial = trial_named("large")
    assert not any("warning" in line for line in said(trial))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6 - 1000, 1000))
    assert "  warning: this does not fit; make room, or choose a store on another disk (--store)" in said(trial)


def test_what_is_stored_costs_nothing(said, tmp_path):
    trial = trial_named("stored", looks=(2,))
    fill(Store(tmp_path), plan([Request(SPEC, (1000, 1001, 1500, 1501), 2)]))
    assert said(trial) == [
        "fast tier, first look: 1 claim asks for 8 levels, 8 after duplicates are dropped, in 2 stacks; 8 are stored, "
        "0 to train",
        "  outcomes: its claim can be supported, refuted or inconclusive, with these exceptions",
        "    not known, as the rule is not one of this package (1): nobody2026/stored",
    ]


def test_a_damaged_chain_is_to_be_trained_and_ends_no_plan(said, tmp_path):
    fill(Store(tmp_path), plan([Request(SPEC, (1000, 1001, 1500, 1501), 2)]))
    damaged = tmp_path / "runs" / SPEC.digest / "1000" / "levels.json"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert "6 are stored, 2 to train" in said(trial_named("damaged", looks=(2,)))[0]
    assert damaged.exists()


def test_outcomes_are_told_tier_by_tier_and_only_of_a_run_that_judges(said):
    trials = trial_named("one"), trial_named("two", tier="full")
    assert [line.split()[-1] for line in said(*trials) if "not known" in line] == ["nobody2026/one", "nobody2026/two"]
    assert not any("outcomes: " in line for line in said(*trials, mode=Pilots()))


def test_the_most_expensive_claims_are_ten_and_stand_in_order(said):
    trials = [trial_named(f"of_{n}_levels", spec=NOISY.but(noise={"rate": n / 20}), levels=n) for n in range(2, 14)]
    lines = said(*trials, rate=1e9)
    (title,) = [index for index, line in enumerate(lines) if line.startswith("most expensive claims")]
    rows = [line.split()[0] for line in lines[title:] if "nobody2026/" in line]
    assert rows == [f"nobody2026/of_{n}_levels" for n in range(13, 3, -1)]


def test_without_a_claim_nothing_would_be_trained(said):
    assert said() == ["no claim is selected, so nothing would be trained"]


def test_a_misspelt_claim_is_guessed_in_a_plan(said):
    assert said(meant=" (did you mean 'x'?)") == [
        "no claim is selected (did you mean 'x'?), so nothing would be trained"
    ]


def test_the_time_of_a_plan_and_of_a_budget_is_that_of_as_many_processes_as_it_has_stacks(said, monkeypatch):
    monkeypatch.setattr(training, "processes", lambda *_: 16)
    trial, rate = trial_named("wide"), 8 * level_flops(SPEC) / 7200  # two stacks of an hour each
    assert "about 1\xa0h\xa00\xa0min with 16 processes" in said(trial, rate=rate)[1]
    assert any("0 of 1 first looks fit" in line for line in said(trial, rate=rate, budget=0.9))
    assert any("1 of 1 first looks fit" in line for line in said(trial, rate=rate, budget=1.1))


def test_hours_are_hours(said):
    trial = trial_named("long")
    rate = 8 * level_flops(SPEC) / 7200  # two levels of two seeds, of the trial and of its control
    (row,) = (line.split() for line in said(trial, rate=rate) if "nobody2026/long  " in line)
    assert row[-2:] == ["2", "2"]


def test_the_last_of_many_looks_alone_is_called_all_looks(said):
    of_five = trial_named("of_five", looks=(2, 4, 6, 8, 10))
    headings = [line.split(": ")[0] for line in said(of_five) if line.startswith("fast tier")]
    assert headings == [
        "fast tier, first look",
        "fast tier, if every claim is still open, up to the second look",
        "fast tier, if every claim is still open, up to the third look",
        "fast tier, if every claim is still open, up to the fourth look",
        "fast tier, if every claim is still open, all looks",
    ]
