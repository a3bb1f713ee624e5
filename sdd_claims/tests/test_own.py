"""A network and data of one's own, from a callable and arrays to a curve and a verdict."""

import json
import os
import shutil
from dataclasses import replace
from inspect import getsourcelines
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.figure import Figure
from torch import nn

from sdd_claims import judge, sparsity_curve
from sdd_claims.engines import SerialEngine
from sdd_claims.engines import work as work_module
from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging import run as run_module
from sdd_claims.judging.claim_entry import claim_entry_from
from sdd_claims.own import Recipe, planned, setting_of, words
from sdd_claims.record import Replica
from sdd_claims.registration.own import EVERY_NAME, NAMES
from sdd_claims.rejudge.__main__ import main as judge_again
from sdd_claims.report import papers_in
from sdd_claims.spec.digest import canonical_json
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import InstantPruning
from sdd_claims.training import arithmetic, draw_setup

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (60, 4, 4), np.uint8), np.arange(60) % 2
DATA = (IMAGES, LABELS, 255 - IMAGES[:20], LABELS[:20])
QUICK: dict[str, Any] = {"epochs": 1, "levels": 8, "batch_size": 30}
DIP = (0.9, 0.9, 0.7, 0.7, 0.85, 0.85, 0.3, 0.3)
FALL = (0.9, 0.88, 0.86, 0.84, 0.8, 0.7, 0.3, 0.2)


SOURCE = """
from torch import nn

def build(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, classes))
"""


def mlp(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, classes))


class Cnn(nn.Module):
    """Convolution, batch norm, dropout, and a name of its own for everything."""

    def __init__(self, classes):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout2d(0.2)
        self.register_buffer("scale", torch.ones(1), persistent=False)
        self.inner, self.out = nn.Linear(12, 5), nn.Linear(5, classes)

    def forward(self, images):
        rows = self.drop(self.norm(self.conv(images)).relu()).flatten(1)
        return self.out(self.inner(rows).relu()) * self.scale


def cnn(shape, classes):
    return Cnn(classes)


class Residual(nn.Sequential):
    """The layers of a plain MLP, used otherwise."""

    def forward(self, images):
        flatten, first, _, last = self
        return last(first(flatten(images)).tanh())


def zeroed(shape, classes):
    network = mlp(shape, classes)
    nn.init.zeros_(network[1].bias)
    return network


def residual(shape, classes):
    return Residual(nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, classes))


def curves(of_noisy, of_clean, of_pilots=DIP, decayed=DIP):
    """Takes the place of training: accuracies as they are told, a little apart from seed to seed."""

    class Told(InstantPruning):
        def next_level(self, level, states, members=None):
            members = members or range(len(self.replicas))
            told = []
            results = super().next_level(level, states, members)
            for member, (record, state) in zip(members, results, strict=True):
                replica = self.replicas[member]
                shape = of_clean if replica.spec.noise.kind == "none" else of_noisy
                shape = decayed if replica.spec.training.optimizer.weight_decay else shape
                shape = of_pilots if replica.seed < 1000 else shape
                accuracy = shape[level] + 0.001 * (replica.seed % 7)
                train = (1.0, 1.0, 0.9, 0.9, 0.8, 0.6, 0.3, 0.2)[level]
                told.append((replace(record, test_accuracy=accuracy, train_accuracy=train), state))
            return told

    return Told


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def setting(network, folder, data=DATA, **settings):
    how = Recipe(**{"levels": 4, **settings})  # of some networks ten would leave no weight
    return setting_of(network, data, how, folder / "store", torch.device("cpu"))


@pytest.mark.parametrize(
    ("noisy", "clean", "pilots", "verdict", "answer"),
    [
        (DIP, FALL, DIP, "supported", "Yes, it shows sparse double descent under 20% label noise."),
        (FALL, FALL, DIP, "refuted", "No, it does not show sparse double descent under 20% label noise."),
        (
            DIP,
            DIP,
            DIP,
            "inconclusive",
            "Inconclusive: it dips and rises under 20% label noise, but just so with clean",
        ),
        (
            FALL,
            FALL,
            FALL,
            "inconclusive",
            "Inconclusive, since no seed has judged under 20% label noise: 12\N{NO-BREAK SPACE}pilots were looked at; "
            "their mean test accuracy shows no dip and rise: it is 90.",
        ),
    ],
)
def test_the_question_is_answered_in_words_and_by_a_verdict(folder, monkeypatch, noisy, clean, pilots, verdict, answer):
    monkeypatch.setattr(work_module, "IterativePruning", curves(noisy, clean, pilots))
    found = judge(mlp, DATA, quiet=True, **QUICK)
    assert found.verdict == verdict
    assert found.answer.startswith(answer)
    assert repr(found).startswith(answer)
    assert f"<p>{answer[:40]}" in found._repr_html_()
    (entry,) = json.loads((found.page.parent / "claims.json").read_text())["claims"]
    assert (entry["id"], entry["verdict"]) == ("yours/sdd_appears_under_label_noise", verdict)
    assert entry["exploratory"]
    assert entry["p_holm"] is None
    assert "One claim was put on trial on a network and data of your own" in found.page.read_text(encoding="utf-8")


def test_a_control_that_cannot_be_measured_is_said_in_the_answer(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    (entry,) = judge(mlp, DATA, quiet=True, **QUICK).entries.values()
    entry = entry | {"verdict": "inconclusive", "openness": "control not measured"}
    said = words.answer(entry, setting(mlp, folder), Store(folder / "other"))
    assert said.startswith("Inconclusive: it dips and rises under 20% label noise, but with clean labels that")


def test_a_seed_that_cannot_be_measured_is_said_in_the_answer(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    (entry,) = judge(mlp, DATA, quiet=True, **QUICK).entries.values()
    entry = entry | {"verdict": "inconclusive", "openness": "cannot be measured", "reason": "seed 1003 diverged"}
    said = words.answer(entry, setting(mlp, folder), Store(folder / "other"))
    assert said.startswith("Inconclusive: it cannot be measured under 20% label noise: seed 1003 diverged. ")


def test_pilots_that_scatter_too_widely_set_no_windows_and_the_answer_says_so(folder, monkeypatch):
    class Scattered(curves(DIP, FALL)):  # type: ignore[misc]
        def next_level(self, level, states, members=None):
            results = super().next_level(level, states, members)
            odd = [self.replicas[member].seed % 2 for member in members or range(len(self.replicas))]
            return [
                (replace(record, test_accuracy=record.test_accuracy * (1 - 0.05 * is_odd * (level > 0))), state)
                for is_odd, (record, state) in zip(odd, results, strict=True)
            ]

    monkeypatch.setattr(work_module, "IterativePruning", Scattered)
    found = judge(mlp, DATA, quiet=True, **QUICK)
    assert found.verdict == "inconclusive"
    assert "falls from 90." in found.answer
    assert "but gives no windows: seeds scatter by up to" in found.answer


@pytest.mark.parametrize(("first", "verdict"), [(6, "supported"), (0, "inconclusive")])
def test_pilots_that_diverged_are_counted_and_the_remedy_is_said(folder, monkeypatch, capsys, first, verdict):
    class Diverging(curves(DIP, FALL)):  # type: ignore[misc]
        def next_level(self, level, states, members=None):
            seeds = [self.replicas[member].seed for member in members or range(len(self.replicas))]
            lost = {"diverged": True, "test_accuracy": None, "train_accuracy": None}
            return [
                (replace(record, **lost) if seed in (1, 2) and level >= first else record, state)
                for seed, (record, state) in zip(seeds, super().next_level(level, states, members), strict=True)
            ]

    monkeypatch.setattr(work_module, "IterativePruning", Diverging)
    names = ["sdd_appears_under_label_noise", "no_sdd_without_label_noise"]  # which share their pilots
    found = judge(mlp, DATA, claims=names, quiet=True, **QUICK)
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: 2 of 12 pilots diverged (test_own.py:mlp on own arrays, 20% noise ")
    assert warning.endswith("and only levels before the first that did can have windows; lower the learning rate")
    assert found.verdict == verdict
    said = warning.removeprefix("warning: ").removesuffix("; lower the learning rate")
    assert not first or all(said in entry["deviations"] for entry in found.entries.values())
    assert first or "2 of 12 pilots diverged; lower the learning rate with --lr." in found.answer


def test_every_claim_can_be_put_on_trial_and_each_name_by_itself(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    found = judge(mlp, DATA, claims="all", quiet=True, **QUICK)
    assert tuple(found.entries) == NAMES
    for name in ("four_phases_in_order", "sdd_under_every_pruning_criterion", "sdd_under_every_retraining"):
        assert found.entries[name]["verdict"] == "supported"
    assert {entry["id"] for entry in found.entries.values()} == {f"yours/{name}" for name in NAMES}
    again = judge(mlp, DATA, claims=["teacher_removes_the_dip"], quiet=True, **QUICK)
    (alone,) = again.entries.values()
    assert alone == {**found.entries["teacher_removes_the_dip"], "rerun": alone["rerun"]}


def test_a_claim_that_cannot_be_judged_stops_no_other_and_says_why(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    names = ["teacher_removes_the_dip", "four_phases_in_order"]
    judge(mlp, DATA, claims=names[1], quiet=True, **QUICK)
    again = judge(mlp, DATA, claims=names, pilots=5, quiet=True, **QUICK)  # another way to windows, after a look
    assert tuple(again.entries) == ("teacher_removes_the_dip",)
    (why,) = again.unjudged
    assert why.startswith("yours/four_phases_in_order with mlp on own arrays: the block of seeds 1000 has judged a ")
    assert "with --block 2000 (block=2000)" in why
    assert f"not judged: {why}" in repr(again)
    fresh = judge(mlp, DATA, claims=names, pilots=5, block=2000, quiet=True, **QUICK)
    assert tuple(fresh.entries) == tuple(names)


@pytest.mark.parametrize(
    ("network", "settings"),
    [(mlp, {"epochs": 2}), (mlp, {"noise": 0.4}), (mlp, {"lr": 0.2}), ("my.py:mlp", {}), (mlp, {"seeds": 14})],
)
def test_a_recipe_that_changed_after_a_look_needs_fresh_seeds_and_nothing_is_trained(
    folder, monkeypatch, network, settings
):
    """Else the best of many recipes could be looked for on the seeds that judge."""
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    if isinstance(network, str):
        (folder / "my.py").write_text(SOURCE.replace("build", "mlp"), encoding="utf-8")
        judge(network, DATA, quiet=True, **QUICK)
        (folder / "my.py").write_text(f"# changed\n{SOURCE.replace('build', 'mlp')}", encoding="utf-8")
    else:
        judge(network, DATA, quiet=True, **QUICK)
    stored = sorted((folder / ".sdd_store").rglob("*"))
    with pytest.raises(InputError, match=r"the block of seeds 1000 has judged a network of this name, .* --block 2000"):
        judge(network, DATA, quiet=True, **{**QUICK, **settings})
    assert sorted((folder / ".sdd_store").rglob("*")) == stored
    (entry,) = judge(network, DATA, quiet=True, block=2000, **{**QUICK, **settings}).entries.values()
    assert entry["blocks"] == [1000, 2000]


def test_a_claim_that_crashes_stops_no_other_and_the_report_says_so(folder, monkeypatch):
    (folder / "my.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))

    def crashing(verdict, *args, **options):
        if verdict.trial.claim.name == "teacher_removes_the_dip":
            raise RuntimeError("boom")
        return claim_entry_from(verdict, *args, **options)

    monkeypatch.setattr(run_module, "claim_entry_from", crashing)
    names = ["teacher_removes_the_dip", "sdd_appears_under_label_noise"]
    found = judge("my.py:build", DATA, claims=names, pilots=3, quiet=True, **QUICK)
    assert found.verdict == "supported"
    (why,) = found.unjudged
    assert why.startswith("yours/teacher_removes_the_dip: RuntimeError: boom (test_own.py, line ")
    assert json.loads((found.page.parent / "claims.json").read_text(encoding="utf-8"))["unloaded"] == [why]
    assert "Not judged: yours/teacher_removes_the_dip: RuntimeError: boom" in found.page.read_text(encoding="utf-8")
    with pytest.raises(RuntimeError, match="boom"):
        judge("my.py:build", DATA, claims=names[:1], pilots=3, quiet=True, block=2000, **QUICK)


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RuntimeError("boom")])
def test_what_is_decided_when_training_stops_is_reported_and_the_same_line_goes_on(folder, monkeypatch, capsys, stop):
    (folder / "my.py").write_text(SOURCE, encoding="utf-8")

    class Stopping(curves(DIP, FALL)):  # type: ignore[misc]
        def next_level(self, level, states, members=None):
            if any(replica.teacher for replica in self.replicas):
                raise stop
            return super().next_level(level, states, members)

    monkeypatch.setattr(work_module, "IterativePruning", Stopping)
    names = ["teacher_removes_the_dip", "sdd_appears_under_label_noise"]
    how: dict[str, Any] = {"claims": names, "pilots": 3, "report": folder / "report", "command": "check it"} | QUICK
    if isinstance(stop, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            judge("my.py:build", DATA, quiet=True, **how)
        said = capsys.readouterr().err
        assert "the same line goes on from there: check it\n" in said
        assert f"report: {folder / 'report' / 'index.html'}" in said
        why = "interrupted before its verdict; run again, and it goes on from what is kept"
    else:
        assert tuple(judge("my.py:build", DATA, quiet=True, **how).entries) == ("sdd_appears_under_label_noise",)
        why = "RuntimeError: boom (test_own.py, line "
    document = json.loads((folder / "report" / "claims.json").read_text(encoding="utf-8"))
    assert [entry["verdict"] for entry in document["claims"]] == ["supported"]
    assert document["unloaded"][0].startswith(f"yours/teacher_removes_the_dip: {why}")
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    again = judge("my.py:build", DATA, quiet=True, **how)
    assert (tuple(again.entries), again.unjudged) == (tuple(names), ())


def test_a_run_is_judged_again_from_its_evidence_alone(folder, monkeypatch):
    """Neither the store nor the network nor the criterion is asked."""
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    (folder / "score.py").write_text(
        "def score(network):\n    return {name: network.weights[name].abs() for name in network.masks}\n"
    )
    names = ["sdd_appears_under_label_noise", "penalty_removes_the_dip"]
    own: dict[str, Any] = {"criterion": "score.py:score", "penalty": "l2", "penalty_strength": 0.1}
    found = judge(mlp, DATA, claims=names, quiet=True, **own, **QUICK)
    assert found.entries[names[0]]["verdict"] == "supported"
    shutil.rmtree(folder / ".sdd_store")
    (folder / "score.py").unlink()
    said = list[str]()
    assert judge_again([str(found.page.parent)], said.append) == 0
    assert said[-1] == (
        "2\N{NO-BREAK SPACE}verdicts judged again from the evidence at 0.05 / 11 each, 0\N{NO-BREAK SPACE}claims with "
        "a difference or not judged again"
    )
    claims = found.page.parent / "claims.json"
    text = claims.read_text(encoding="utf-8")
    claims.write_text(text.replace('"verdict": "supported"', '"verdict": "refuted"'), encoding="utf-8")
    assert judge_again([str(found.page.parent)], said.append) == 1
    assert any("DIFFERS: verdict: published refuted, judged again supported" in line for line in said)


def test_what_cannot_be_judged_again_says_so_in_a_sentence(folder, monkeypatch, capsys):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    found = judge(mlp, DATA, quiet=True, command="sdd-claims check ...", **QUICK)
    where, claims = str(found.page.parent), found.page.parent / "claims.json"
    assert judge_again([where, "--retrain", "1"]) == 2
    assert "into another store: sdd-claims check ... --store DIR" in capsys.readouterr().err
    document = json.loads(claims.read_text(encoding="utf-8"))
    kept = document.pop("yours")
    for changed, why in (
        ({}, "was written by a version that kept no settings to judge again by; check again: sdd-claims check ..."),
        ({"yours": {**kept, "run": "{}"}}, "the settings of a run cannot be read"),
        ({"yours": {**kept, "run": kept["run"].replace('"schema":3', '"schema":4')}}, "are those of another version"),
    ):
        claims.write_text(json.dumps(document | changed), encoding="utf-8")
        assert judge_again([where]) == 2
        assert why in capsys.readouterr().err


def test_a_plan_trains_nothing_and_refuses_what_may_not_be_judged(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    (tier,) = planned(mlp, DATA, claims="all", **QUICK).tiers
    (look,) = tier.looks
    assert (tier.claims, look.stored) == (10, 0)
    assert not list((folder / ".sdd_store").glob("runs/*"))
    judge(mlp, DATA, quiet=True, **QUICK)
    (tier,) = planned(mlp, DATA, **QUICK).tiers
    (look,) = tier.looks
    assert look.stored == look.needed == 12 * 8 + 2 * 12 * 8  # pilots, then noisy and clean
    with pytest.raises(InputError, match=r"the block of seeds 1000 has judged a network of this name, .* --block 2000"):
        planned(mlp, DATA, **{**QUICK, "epochs": 2})


def test_claims_share_the_error_rate_with_all_on_offer_however_they_are_asked(folder, monkeypatch):
    """Who asks one after the other, with a penalty or without, asks no more of chance than who asks for all at once."""
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    names = ["sdd_appears_under_label_noise", "teacher_removes_the_dip"]
    penalised: dict[str, Any] = {"penalty": "l2", "penalty_strength": 0.1, "block": 2000}
    for claims, settings in ((names[:1], {}), (names, {}), ("all", {}), (names, penalised)):
        found = judge(mlp, DATA, claims=claims, quiet=True, **QUICK, **settings)
        assert not found.unjudged
        assert {entry["threshold"] for entry in found.entries.values()} == {0.05 / len(EVERY_NAME)}
        page = found.page.read_text(encoding="utf-8")
        assert "Each is tested at 0.05 / 11." in page
        assert "11 claims are on offer, and each gets 0.05 / 11, asked for or not" in page
        assert "The register holds" not in page


def test_all_claims_go_their_way_in_real_training(folder):
    found = judge(cnn, DATA, claims="all", quiet=True, epochs=1, levels=4, batch_size=60, pilots=2)
    assert {*found.entries} == {*NAMES}
    assert all(entry["verdict"] for entry in found.entries.values())


def test_other_processes_train_a_network_of_a_file_with_batch_norm_and_dropout(folder):
    source = """
from torch import nn

def build(shape, classes):
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(12, classes)
    )

def load():
    import numpy as np
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), np.uint8)
    return images, np.arange(60) % 2
"""
    (folder / "my.py").write_text(source, encoding="utf-8")
    how: dict[str, Any] = {"seeds": (0, 1), "epochs": 2, "levels": 4, "batch_size": 20, "quiet": True}
    together = sparsity_curve("my.py:build", "my.py:load", processes=True, store="a", **how)
    alone = sparsity_curve("my.py:build", "my.py:load", store="b", **how)
    assert np.array_equal(together.values, alone.values)
    assert np.isfinite(alone.values).all()


class Attention(nn.Module):
    """A row of pixels is a word."""

    def __init__(self, classes):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)
        self.out = nn.Linear(4, classes)

    def forward(self, images):
        return self.out(self.layer(images[:, 0]).mean(1))


def attention(shape, classes):
    return Attention(classes)


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_a_layer_of_pytorchs_attention_is_trained_and_its_fast_path_is_given_back(folder):
    torch.backends.mha.set_fastpath_enabled(True)  # as it is at first; other tests may have switched it off
    curve = sparsity_curve(attention, DATA, seeds=(0, 1), epochs=1, levels=4, batch_size=60, quiet=True)
    assert np.isfinite(curve.values).all()
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_store_is_made_in_no_folder_that_holds_something_else(folder):
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.tex").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match=r"no store can be made in .*mine, which holds something else, such as thesis"):
        judge(mlp, DATA, store=folder / "mine", quiet=True)
    assert [path.name for path in (folder / "mine").iterdir()] == ["thesis.tex"]


def test_a_curve_is_arrays_a_table_and_a_figure(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    curve = sparsity_curve(mlp, DATA, seeds=(1000, 1001), quiet=True, **QUICK)
    assert curve.values.shape == (2, 8)
    assert curve.mean == pytest.approx(np.array(DIP) + 0.001 * np.mean([1000 % 7, 1001 % 7]))
    assert repr(curve).splitlines()[1] == "  density   mean test_accuracy"
    axes = curve.plot()
    assert (len(axes.lines), axes.get_xscale()) == (3, "log")
    assert axes.get_xlim()[0] > axes.get_xlim()[1]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["2\N{NO-BREAK SPACE}seeds", "mean"]
    assert pyplot.fignum_exists(axes.figure.number)  # so that a notebook, or pyplot.show(), shows it
    pyplot.close(axes.figure)
    given = Figure().add_subplot()
    assert curve.plot(given) is given
    clean = sparsity_curve(mlp, DATA, noise=0, seeds=(1000,), measure="train_accuracy", quiet=True, **QUICK)
    assert clean.measure == "train_accuracy"
    assert "clean labels" in repr(clean)


def test_a_damaged_result_is_said_and_trained_anew(folder, monkeypatch, capsys):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    before = sparsity_curve(mlp, DATA, seeds=(0, 1), quiet=True, **QUICK)
    next((folder / ".sdd_store" / "runs").glob("*/1/levels.json")).write_bytes(b"{}")
    capsys.readouterr()
    again = sparsity_curve(mlp, DATA, seeds=(0, 1), quiet=True, **QUICK)
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: ")
    assert "will be trained anew" in warning
    assert again.values.tolist() == before.values.tolist()


def test_what_training_says_of_a_curve_is_shown(folder, monkeypatch, capsys):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    run = SerialEngine.run
    monkeypatch.setattr(SerialEngine, "run", lambda *given: [*run(*given), "a checkpoint was damaged"])
    sparsity_curve(mlp, DATA, seeds=(0,), quiet=True, **QUICK)
    assert capsys.readouterr().err == "warning: a checkpoint was damaged\n"


def test_a_measure_that_such_a_network_lacks_is_refused_before_training(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", None)
    with pytest.raises(
        InputError, match=r"sharpness is not recorded of a network of your own; use one of .*test_loss"
    ) as no:
        sparsity_curve(mlp, DATA, measure="sharpness", quiet=True, **QUICK)
    assert "validation_accuracy" not in str(no.value)


def test_a_curve_with_clean_labels_needs_no_images_for_wrong_ones(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    few = (IMAGES[:6], LABELS[:6], IMAGES[6:20], LABELS[6:20])
    with pytest.raises(InputError, match="too few for 20% label noise"):
        sparsity_curve(mlp, few, seeds=(0,), quiet=True, **QUICK)
    assert sparsity_curve(mlp, few, noise=0, seeds=(0,), quiet=True, **QUICK).values.shape == (1, 8)
    with pytest.raises(InputError, match="--noise 0: give the share of wrong labels"):
        judge(mlp, DATA, noise=0, quiet=True)


@pytest.mark.parametrize("ask", [judge, sparsity_curve])
def test_a_url_is_no_folder_of_ones_own_results(folder, ask):
    with pytest.raises(InputError, match="--store s3://bucket/r: what is yours is kept on this machine; give a folder"):
        ask(mlp, DATA, store="s3://bucket/r", quiet=True)
    assert not [*folder.iterdir()]


def test_a_table_needs_pandas_and_says_so(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    curve = sparsity_curve(mlp, DATA, seeds=(1000, 1001), quiet=True, **QUICK)
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(
        InputError, match=r"to_dataframe needs pandas, which is not installed; install it, or use \.values"
    ):
        curve.to_dataframe()


def test_a_table_has_a_row_for_every_seed_and_level(folder, monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    curve = sparsity_curve(mlp, DATA, seeds=(1000, 1001), quiet=True, **QUICK)
    table = curve.to_dataframe()
    assert isinstance(table, pandas.DataFrame)
    assert table.columns.tolist() == ["seed", "level", "density", "test_accuracy"]
    assert table["test_accuracy"].to_numpy().reshape(2, 8) == pytest.approx(curve.values)


def test_a_plain_mlp_is_trained_by_compiled_code_and_what_only_looks_like_one_is_not(folder):
    assert setting(mlp, folder).clean.training.arithmetic == "portable"
    for other in (residual, cnn):
        assert setting(other, folder).clean.training.arithmetic == "native"
    pruned_biases = setting(mlp, folder, prunable=("1.weight", "1.bias"))  # which compiled code never prunes
    assert pruned_biases.clean.training.arithmetic == "native"


def test_a_plain_mlp_that_draws_its_own_weights_keeps_its_draw_and_the_report_says_so(folder):
    """No other network is trained in its place, and nothing is called portable whose first bits are not."""
    default, other = setting(mlp, folder), setting(zeroed, folder)
    assert default.clean.model.own.default_weights
    assert not other.clean.model.own.default_weights
    assert other.clean.training.arithmetic == "native"
    assert set(other.deviations) - set(default.deviations) == {
        "the network draws its first weights in a way of its own, so PyTorch trains it: others find other bits"
    }


def test_where_nothing_can_be_compiled_pytorch_trains_a_plain_mlp_and_the_report_says_why(folder, monkeypatch):
    default = setting(mlp, folder)
    monkeypatch.setattr(arithmetic, "_why_missing", lambda: "Numba is not installed")
    other = setting(mlp, folder)
    assert other.clean.training.arithmetic == "native"
    assert set(other.deviations) - set(default.deviations) == {
        "Numba is not installed, so PyTorch trains the network in place of compiled code: others find other bits"
    }
    assert any("draws its first weights in a way of its own" in each for each in setting(zeroed, folder).deviations)


def test_runs_of_plain_mlps_that_drew_their_own_weights_in_portable_arithmetic_are_not_taken_for_others(folder):
    """So the suite once stored them."""
    now = setting(mlp, folder).clean
    before = now.but(model={"own": replace(now.model.own, default_weights=False)})
    assert '"default_weights"' not in canonical_json(before.as_dict())
    assert before.digest != now.digest
    with pytest.raises(InputError, match=r"mlp draws its weights itself; set TrainingSpec\.arithmetic to 'native'"):
        draw_setup([Replica(before, 0)], torch.device("cpu"))


def test_a_penalty_of_ones_own_is_trained_as_a_stack_and_has_a_claim_of_its_own(folder, monkeypatch, capsys):
    def penalty(weights):
        return weights["1.weight"].abs().sum()

    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    for given, expected in (("l1", "portable"), (penalty, "native")):
        assert setting(mlp, folder, penalty=given, penalty_strength=0.1).clean.training.arithmetic == expected
    found = judge(mlp, DATA, claims=["penalty_removes_the_dip"], penalty=penalty, penalty_strength=0.1, **QUICK)
    said = capsys.readouterr().err.splitlines()[0]
    assert "with penalty penalty of strength 0.1, which compiled code does not know: trained as a stack" in said
    labels = {run["label"] for run in found.entries["penalty_removes_the_dip"]["pilots"].values()}
    assert not any("strength" in label for label in labels)


def test_changed_source_is_another_run_and_the_place_of_a_file_is_none(folder):
    source = (
        "from torch import nn\ndef build(shape, classes):\n    return nn.Sequential(nn.Flatten(), nn.Linear(16, {}), "
    )
    source += "nn.ReLU(), nn.Linear({}, classes))\n"
    (folder / "elsewhere").mkdir()
    for path, width in (("my.py", 5), ("elsewhere/my.py", 5)):
        (folder / path).write_text(source.format(width, width), encoding="utf-8")
    one, moved = (setting(f"{path}:build", folder).clean.digest for path in ("my.py", "elsewhere/my.py"))
    (folder / "my.py").write_text(source.format(6, 6), encoding="utf-8")
    assert one == moved != setting("my.py:build", folder).clean.digest


def test_changed_content_behind_one_loader_is_another_run_and_another_loader_of_one_content_is_none(folder):
    loader = (
        "import numpy as np\n"
        "def load():\n"
        "    with np.load('my.npz') as file:\n"
        "        return file['images'], file['labels']\n"
    )
    (folder / "one.py").write_text(loader, encoding="utf-8")
    (folder / "other.py").write_text(f"# another\n{loader}", encoding="utf-8")

    def digest(data: str, images: np.ndarray, labels: np.ndarray = LABELS) -> str:
        np.savez(folder / "my.npz", images=images, labels=labels)
        return setting(mlp, folder, data).clean.digest

    before = digest("one.py:load", IMAGES)
    assert digest("other.py:load", IMAGES) == before
    changed = IMAGES.copy()
    changed[0, 0, 0] ^= 1
    assert len({before, digest("one.py:load", changed), digest("one.py:load", IMAGES, LABELS[::-1])}) == 3


def branching(shape, classes):
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.out = nn.Linear(16, 4), nn.Linear(4, classes)

        def forward(self, images):
            rows = self.body(images.flatten(1))
            return self.out(rows if rows.sum() > 0 else -rows)

    return Branching()


LINE_OF_THE_BRANCH = (
    next(number for number, line in enumerate(getsourcelines(branching)[0]) if "else -rows" in line)
    + (getsourcelines(branching)[1])
)


def several(shape, classes):
    network = mlp(shape, classes)
    network.forward = lambda images: (network[3](network[2](network[1](network[0](images)))), images)
    return network


def by_numpy(shape, classes):
    network = mlp(shape, classes)
    nn.init.constant_(network[1].weight, float(np.random.default_rng().random()))
    return network


def buffered(shape, classes):
    network = mlp(shape, classes)
    network.register_buffer("features", torch.from_numpy(np.random.default_rng().random(3)), persistent=False)
    return network


def idle(shape, classes):
    network = mlp(shape, classes)
    network.unused = nn.Linear(3, 3)
    network.forward = lambda images: network[3](network[2](network[1](network[0](images))))
    return network


def wide(shape, classes):
    return mlp(shape, classes + 1)


def probable(shape, classes):
    return nn.Sequential(*mlp(shape, classes), nn.Softmax(1))


def infinite(shape, classes):
    return nn.Sequential(*mlp(shape, classes), nn.Threshold(9e9, float("inf")))


def lazy(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(6), nn.ReLU(), nn.Linear(6, classes))


def tied(shape, classes):
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, classes))
    network[2].weight = network[1].weight
    return network


def exiting(shape, classes):
    raise SystemExit(3)


def normed(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, classes))


def not_seen_yet(shape, classes):
    network = mlp(shape, classes)
    network.register_buffer("seen", torch.tensor([1.0, torch.nan]))
    return network


def test_a_buffer_may_hold_nan_as_long_as_it_is_the_same_each_time(folder):
    assert setting(not_seen_yet, folder).clean.model.own.function == "not_seen_yet"


def test_a_last_batch_of_one_image_is_tried_before_training(folder):
    assert setting(normed, folder, batch_size=29).clean.training.batch_size == 29  # and 2 images at last
    with pytest.raises(
        InputError, match=r"on batches of 1: ValueError: Expected more than 1 value .* another --batch-s"
    ):
        setting(normed, folder, batch_size=59)


def test_a_network_that_fails_in_training_is_named_and_what_is_finished_is_kept(folder, monkeypatch):
    source = (
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def forward(self, images):\n"
        "        if len(images) == 20:  # of the test images\n"
        "            raise RuntimeError('too many')\n"
        "        return super().forward(images)\n"
        "def build(shape, classes):\n"
        "    return Net(nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, classes))\n"
    )
    (folder / "my.py").write_text(source, encoding="utf-8")
    with pytest.raises(
        InputError, match=r"my\.py:build fails in training: RuntimeError: too many \(line 5\); "
    ) as error:
        judge("my.py:build", DATA, quiet=True, epochs=1, levels=4, batch_size=30)
    assert "; mend it and check again" in str(error.value)
    with pytest.raises(InputError, match=r"too many \(line 5\); what is finished is kept in .*; mend it"):
        sparsity_curve("my.py:build", DATA, quiet=True, epochs=1, levels=4, batch_size=30)


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (probable, "probable: the network returns probabilities; leave its softmax out"),
        (infinite, "infinite: before any training the network gives numbers that are not finite"),
        (lazy, r"lazy: 1\.weight has no size yet; make its layer with the number of its inputs"),
        (tied, r"tied: 2\.weight is also the parameter of another layer"),
        (exiting, r"exiting.* fails: SystemExit: 3 \(line \d+\); it is called with"),
        (branching, "branching: the network cannot be trained as one of a stack, which torch.func.vmap does"),
        (branching, rf"\(line {LINE_OF_THE_BRANCH}\); use layers"),
        (several, r"got a tuple; let it return the tensor of logits alone"),
        (by_numpy, "by_numpy makes another network each time it is called"),
        (buffered, "buffered makes another network each time it is called"),
        (idle, "idle: no gradient reaches unused.weight; leave it out with --prunable"),
        (wide, r"must return logits of shape \(2, 2\), got \(2, 3\)"),
        (3, "the network is a int; give 'my.py:build', or a callable that makes it"),
        ("my.py:build", "there is no file"),
    ],
)
def test_a_network_that_cannot_be_tried_is_refused_in_a_sentence_before_training(folder, monkeypatch, network, why):
    monkeypatch.setattr(work_module, "IterativePruning", None)
    with pytest.raises(InputError, match=why) as refused:
        judge(network, DATA, quiet=True)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"seeds": 5}, "--seeds 5: give 12 to 100"),
        ({"pilots": 1}, "--pilots 1: give 2 to 12"),
        ({"block": 7}, "--block 7: blocks that judge begin with seed 1000"),
        ({"levels": 3}, "--levels 3: give 4 to 40"),
        ({"noise": 1.5}, r"--noise 1\.5: give the share of wrong labels"),
        ({"epoch": 3}, "there is no setting 'epoch'"),
        ({"epochs": 0}, "--epochs 0: give the epochs of a level, 1 or more"),
        ({"fraction": 1}, "--fraction 1: give the share of weights that goes at a level, from 0.15 on and below 1"),
        ({"fraction": 0.1}, "--fraction 0.1: give the share of weights that goes at a level, from 0.15 on"),
        ({"lr": 0}, "--lr 0: give a learning rate above 0"),
        ({"lr": float("nan")}, "--lr nan: give a learning rate above 0"),
        ({"momentum": 1}, "--momentum 1: give a number from 0 on and below 1"),
        ({"batch_size": 0}, "--batch-size 0: give the images of a step, 1 or more"),
        ({"penalty": "l1", "penalty_strength": float("nan")}, "--penalty-strength nan: give a number above 0"),
        ({"weight_decay": 0.0}, "--weight-decay 0: give a strength above 0"),
        ({"claims": "penalty_removes_the_dip"}, "no penalty is given; name one with --penalty"),
        ({"penalty": "l1"}, "--penalty l1 has no strength; give one above 0 with --penalty-strength"),
        ({"claims": "sdd_apears"}, r"--claims sdd_apears: there is no such claim \(did you mean"),
        (
            {"claims": "all,sdd_apears"},
            "--claims all,sdd_apears: all takes in every claim; give it by itself, or leave it",
        ),
        ({"claims": ["four_phases_in_order", "all"]}, "all takes in every claim; give it by itself"),
        ({"device": "cuda:99"}, "this machine shows"),
        ({"levels": "5"}, "--levels '5': give a whole number"),
        ({"pilots": 2.5}, "--pilots 2.5: give a whole number"),
        ({"penalty": "l1", "penalty_strength": "x"}, "--penalty-strength 'x': give a number"),
        ({"seeds": range(12)}, r"--seeds range\(0, 12\): give a whole number"),
        ({"prunable": "fc1"}, "prunable 'fc1' is one text; give the names in a tuple"),
        ({"prunable": 5}, "prunable 5: give the names in a tuple"),
        ({"claims": 5}, "claims 5: give names in a list, or 'all'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(folder, settings, why):
    with pytest.raises(InputError, match=why):
        judge(mlp, DATA, quiet=True, **settings)


@pytest.mark.parametrize(
    ("network", "settings", "why"),
    [
        (
            mlp,
            {},
            r"mlp: at level 10, of density 0\.002, 0 of the 96 weights that are pruned would be left for .*--levels 8 ",
        ),
        (
            cnn,
            {"levels": 8},
            "1 of the 87 weights that are pruned would be left for 2\N{NO-BREAK SPACE}layers",
        ),
        (
            mlp,
            {"levels": 4, "fraction": 0.9},
            "0 of the 96 weights that are pruned would be left for 1.layer; give a smaller --fraction",
        ),
    ],
)
@pytest.mark.parametrize("ask", [judge, sparsity_curve])
def test_levels_that_leave_a_layer_no_weight_are_refused_before_training(
    folder, monkeypatch, ask, network, settings, why
):
    monkeypatch.setattr(work_module, "IterativePruning", None)
    with pytest.raises(InputError, match=why):
        ask(network, DATA, quiet=True, **settings)


@pytest.mark.parametrize("settings", [{"criterion": "magnitud"}, {"penalty": "l3", "penalty_strength": 1.0}])
def test_a_misspelt_name_is_refused_before_there_is_a_store(folder, settings):
    with pytest.raises(InputError, match="there is no such"):
        judge(mlp, DATA, quiet=True, **settings)
    assert not [*folder.iterdir()]


def test_what_other_processes_cannot_call_is_not_given_to_them(folder):
    with pytest.raises(InputError, match="<lambda> was handed over in Python, and other processes cannot call it"):
        judge(lambda shape, classes: mlp(shape, classes), DATA, processes=True, quiet=True, **QUICK)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"notes.txt": "mine"}, "which holds something else; choose another folder with --report"),
        (
            {"claims.json": '{"claims": [{"paper": "he2022"}]}'},
            "holds verdicts on he2022, which yours are never mixed with",
        ),
        ({"claims.json": "[]"}, "which holds something else"),
        ({"index.html": "my page", "SUMMARY.md": "mine"}, "which holds something else"),
    ],
)
def test_a_report_never_replaces_something_else(folder, content, why):
    (folder / "report").mkdir()
    for name, text in content.items():
        (folder / "report" / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=why):
        judge(mlp, DATA, report=folder / "report", quiet=True)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("file", "cannot go to .*/file, which is a file; choose another folder with --report"),
        ("file/a/b", "cannot go to .*/file/a/b, since .*/file is a file; choose"),
        ("link", "cannot go to .*/link, which is a file; choose"),
        ("locked", "cannot go to .*/locked, which is read-only; choose"),
        ("locked/a/b", "cannot go to .*/locked/a/b, since .*/locked is read-only; choose"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_there_is_a_store(folder, monkeypatch, place, why):
    (folder / "locked").mkdir()
    (folder / "file").touch()
    (folder / "link").symlink_to("nowhere")
    may = os.access  # of root everything can be written
    monkeypatch.setattr(os, "access", lambda path, *how: "locked" not in str(path) and may(path, *how))
    with pytest.raises(InputError, match=why):
        judge(mlp, DATA, report=place, quiet=True)
    assert not (folder / ".sdd_store").exists()


@pytest.mark.parametrize("left", ["evidence.json.gz", ".DS_Store"])
def test_a_report_may_go_where_one_broke_off_before_its_verdicts_or_a_system_keeps_notes(folder, left):
    (folder / "report").mkdir()
    (folder / "report" / left).touch()
    assert papers_in(folder / "report") == set()


@pytest.mark.parametrize("setting", ["weight_decay", "pilots", "block"])
def test_a_curve_is_not_asked_for_what_judge_alone_does(folder, setting):
    with pytest.raises(InputError, match=f"{setting}: only judge takes it, and a curve is trained without it"):
        sparsity_curve(mlp, DATA, **{**QUICK, setting: 1})


def test_a_small_share_of_wrong_labels_is_said_as_it_was_given(folder):
    with pytest.raises(InputError, match=r"too few for 0\.15% label noise"):
        sparsity_curve(mlp, DATA, noise=0.0015, seeds=(0,), quiet=True, **QUICK)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("~nobody-of-this-name/x", "there is no such home folder here; give the whole path with --"),
        ("x" * 300, r"cannot be read \(File name too long\)"),
    ],
)
def test_a_path_that_no_system_knows_is_one_sentence(folder, path, why):
    with pytest.raises(InputError, match=why):
        judge(mlp, path, quiet=True)
    with pytest.raises(InputError, match=why):
        judge(f"{path}.py:build", DATA, quiet=True)
    if "~" in path:
        for place in ("store", "report"):
            with pytest.raises(InputError, match=why):
                judge(mlp, DATA, quiet=True, **{place: path})


def test_another_question_gets_another_report_and_the_same_one_its_own(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))

    def page(**settings):
        return judge(mlp, DATA, quiet=True, **QUICK, **settings).page

    first = page()
    pages = [page(claims="teacher_removes_the_dip"), page(block=2000), page(block=3000, noise=0.4)]
    assert len({first, *pages}) == 4
    assert page() == first
    assert page(block=2000) == pages[1]
    (kept,) = json.loads((first.parent / "claims.json").read_text(encoding="utf-8"))["claims"]
    assert (kept["id"], kept["seeds"][0]) == ("yours/sdd_appears_under_label_noise", 1000)
    (first.parent / "claims.json").write_text("[]", encoding="utf-8")
    assert page() not in {first, *pages}


@pytest.mark.parametrize("report", [None, "mine"])
def test_a_run_that_is_cut_short_or_overtaken_leaves_the_report_that_is_there(folder, monkeypatch, report):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    both = ["sdd_appears_under_label_noise", "teacher_removes_the_dip"]
    whole = judge(mlp, DATA, quiet=True, claims=both, report=report, **QUICK)
    before = (whole.page.parent / "claims.json").read_bytes()
    entry = run_module.ClaimRun.entry

    def interrupted(run, trial, path):
        if trial.claim.name == both[1]:
            raise KeyboardInterrupt
        return entry(run, trial, path)

    monkeypatch.setattr(run_module.ClaimRun, "entry", interrupted)
    monkeypatch.setattr(run_module.ClaimRun, "reached", lambda run: [])
    with pytest.raises(KeyboardInterrupt):
        judge(mlp, DATA, quiet=True, claims=both, report=report, **QUICK)
    assert (whole.page.parent / "claims.json").read_bytes() == before
    cut_short = whole.page.parent.with_name(f"{whole.page.parent.name}-2") / "claims.json"
    assert len(json.loads(cut_short.read_text(encoding="utf-8"))["claims"]) == 1
    monkeypatch.setattr(run_module.ClaimRun, "entry", entry)

    def overtaken(run, trial, path):  # by another run, which began as this one did, and has reported meanwhile
        run.settings.report.mkdir(parents=True)
        (run.settings.report / "claims.json").write_bytes(before)
        return entry(run, trial, path)

    monkeypatch.setattr(run_module.ClaimRun, "entry", overtaken)
    shutil.rmtree(whole.page.parent)
    shutil.rmtree(cut_short.parent)
    alone = judge(mlp, DATA, quiet=True, claims=both[:1], report=report, **QUICK)
    assert alone.page.parent.name.endswith("-2")


@pytest.mark.parametrize("seeds", [(0.5, 1.9), "01", 2.0, ()])
def test_seeds_of_a_curve_are_whole_numbers(folder, seeds):
    with pytest.raises(InputError, match="give different whole numbers from 0 on"):
        sparsity_curve(mlp, DATA, seeds=seeds, quiet=True, **QUICK)


def test_a_number_of_seeds_means_the_first_ones(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    assert sparsity_curve(mlp, DATA, seeds=2, quiet=True, **QUICK).seeds == (0, 1)


def test_seeds_that_judge_can_be_looked_at_with_a_warning(folder, monkeypatch, capsys):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    for seeds, warned in (((1, 999), False), ((999, 1000), True)):
        sparsity_curve(mlp, DATA, seeds=seeds, **QUICK)
        assert ("warning: seeds from 1000 on judge" in capsys.readouterr().err) == warned


def test_the_number_of_threads_is_given_back(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        sparsity_curve(mlp, DATA, seeds=(0,), quiet=True, **QUICK)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def with_width(width):
    def build(shape, classes):
        return nn.Sequential(nn.Flatten(), nn.Linear(16, width), nn.ReLU(), nn.Linear(width, classes))

    return build


def test_networks_of_one_source_that_close_over_other_values_have_curves_of_their_own(folder):
    def curve(width):
        return sparsity_curve(with_width(width), DATA, measure="learning_distance", seeds=(0,), quiet=True, **QUICK)

    small, large = curve(4), curve(9)
    assert not np.array_equal(small.values, large.values)
    assert np.array_equal(curve(4).values, small.values)


def test_a_callable_that_changes_what_it_reads_is_refused(folder):
    calls = list[int]()

    def counts(shape, classes):
        calls.append(1)
        return mlp(shape, classes)

    with pytest.raises(InputError, match="counts reads something that changes when it or its network is called"):
        judge(counts, DATA, quiet=True, **QUICK)


def test_a_callable_that_returns_what_it_has_returned_is_refused_and_leaves_it_as_it_was(folder):
    mine = mlp((1, 4, 4), 2)
    before = [value.clone() for value in mine.parameters()]
    with pytest.raises(InputError, match="returns weights, or buffers, that it has returned before; let it make new"):
        judge(lambda shape, classes: mine, DATA, quiet=True, **QUICK)
    assert all(map(torch.equal, mine.parameters(), before))
    relu = nn.ReLU()  # which has nothing to share

    def build(shape, classes):
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 4), relu, nn.Linear(4, classes))

    assert sparsity_curve(build, DATA, seeds=(0,), quiet=True, **QUICK).values.shape == (1, 8)


def begins_alike(shape, classes):
    torch.manual_seed(0)
    return mlp(shape, classes)


@pytest.mark.parametrize("everything", ["all", ["all"]])
def test_a_network_that_sets_a_seed_itself_is_not_asked_what_needs_another_start(folder, monkeypatch, everything):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    found = judge(begins_alike, DATA, claims=everything, quiet=True, **QUICK)
    assert {*NAMES} - {*found.entries} == {"sdd_under_every_retraining", "reinitialized_ticket_can_win"}
    assert "every seed begins with the same weights" in found.page.read_text(encoding="utf-8")
    with pytest.raises(
        InputError, match="--claims reinitialized_ticket_can_win: begins_alike on own arrays begins with"
    ):
        judge(begins_alike, DATA, claims="reinitialized_ticket_can_win", quiet=True, **QUICK)


@pytest.mark.parametrize(("level", "verdict"), [(0.1, "refuted"), (0.9, "supported")])
def test_what_takes_all_accuracy_away_removes_no_dip(folder, monkeypatch, level, verdict):
    """A network that has learned nothing has no dip."""
    flat = (level,) * len(DIP)
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL, decayed=flat))
    found = judge(mlp, DATA, claims="weight_decay_removes_the_dip", quiet=True, **QUICK)
    assert found.verdict == verdict


def test_a_report_on_another_question_is_not_replaced(folder, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", curves(DIP, FALL))
    first = judge(mlp, DATA, report="r", quiet=True, **QUICK)
    kept = (first.page.parent / "claims.json").read_bytes()
    for other in ({"claims": "four_phases_in_order"}, {"noise": 0.3, "block": 2000}):
        with pytest.raises(InputError, match="holds verdicts on another question, which would be lost"):
            judge(mlp, DATA, report="r", quiet=True, **QUICK, **other)
    assert (first.page.parent / "claims.json").read_bytes() == kept
    both = judge(mlp, DATA, report="r", claims=[*first.entries, "four_phases_in_order"], quiet=True, **QUICK)
    assert len(both.entries) == 2


class Odd(nn.Module):
    """A scale that is a single number, and a parameter that nothing reads."""

    def __init__(self, classes):
        super().__init__()
        self.inner, self.out = nn.Linear(16, 6), nn.Linear(6, classes)
        self.scale, self.unread = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(2))

    def forward(self, images):
        return self.scale * self.out(nn.functional.dropout(self.inner(images.flatten(1)).relu(), 0.1, self.training))


def odd(shape, classes):
    return Odd(classes)


@pytest.mark.parametrize(
    "settings", [{}, {"penalty": "l1", "penalty_strength": 0.01}, {"penalty": "matrix_norm", "penalty_strength": 0.01}]
)
def test_parameters_that_are_single_numbers_or_have_no_gradient_train_and_the_callers_draws_stay(folder, settings):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    found = sparsity_curve(odd, DATA, measure="learning_distance", seeds=(0, 1), quiet=True, **QUICK, **settings)
    assert torch.equal(torch.rand(2), expected)
    assert np.isfinite(found.values).all()
    assert (found.values[:, 0] > 0).all()
