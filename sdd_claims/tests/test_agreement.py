"""Two runs of the same seeds agree, differ or leave it open, by what their claims read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.agreement import OfClaim, _apart, between, main
from sdd_claims.errors import InputError
from sdd_claims.locations import checkout
from sdd_claims.registration.trials import all_trials
from sdd_claims.report import claims_json, evidence

pytestmark = pytest.mark.skipif(checkout() is None, reason="published runs lie in the repository, not in the wheel")
CLAIMS = ("he2022/high_sparsity_beats_dense", "he2022/noise_moves_critical_phase_denser")
"""The margin of the first is a point of accuracy; the second has none. The first is taken for refuted here."""


@pytest.fixture(scope="module")
def published():
    folder = (checkout() or Path()) / "reports" / "published" / "fast"
    document = claims_json.read(folder / "claims.json")
    document["claims"] = [claim for claim in document["claims"] if claim["id"] in CLAIMS]
    first: Any = document["claims"][0]
    first.update(verdict="refuted", openness=None, proxy=False)
    return document, evidence.read(folder)


@pytest.fixture
def folder(tmp_path, published):
    """Writes a run whose accuracies are moved, each by its own amount, into a folder of its own."""

    def write(name, move=lambda shape: np.zeros(shape), **claim):
        document, held = published
        claims: Any = [{**each, **claim} for each in document["claims"]]
        read = {(run["digest"], run["measure"]) for each in claims for run in evidence.curves_of(each)}
        runs = {}
        for key in read:
            run = held.runs[key]
            moved = move((len(run.rows), len(run.position)))
            rows = {
                seed: [value if value is None else value + by for value, by in zip(row, some, strict=False)]
                for (seed, row), some in zip(run.rows.items(), moved.tolist(), strict=True)
            }
            runs[key] = replace(run, rows=rows)
        path = tmp_path / name
        path.mkdir()
        changed: Any = {**document, "claims": claims}
        claims_json.write(path / "claims.json", changed)
        evidence.write(path, evidence.Evidence(runs, ""))
        return path

    return write


def compared(old, new) -> dict[str, OfClaim]:
    return {claim.old["id"]: claim for claim in between(old, new, all_trials())}


def noise(size):
    return lambda shape: np.random.default_rng(0).normal(0, size, shape)


def at_the_dense_level(by):
    return lambda shape: np.where(np.arange(shape[1]) == 0, by, 0.0) + np.zeros(shape)


def test_a_run_agrees_with_itself(folder):
    found = compared(folder("old"), folder("new"))
    tested, without = (found[name] for name in CLAIMS)
    assert (tested.agrees, without.agrees) == ("agree", None)
    for claim in found.values():
        assert claim.same_verdict
        assert claim.parts
        assert {(part.mean, part.largest) for part in claim.parts} == {(0.0, 0.0)}
        assert {(curve.mean, curve.largest) for curve in claim.curves} == {(0.0, 0.0)}
        assert all(curve.within in (None, curve.levels) for curve in claim.curves)


def test_small_scatter_agrees_and_large_scatter_leaves_it_open(folder):
    old = folder("old")
    small, large = (compared(old, folder(f"{size}", noise(size)))[CLAIMS[0]] for size in (0.001, 0.1))
    assert (small.agrees, large.agrees) == ("agree", "open")
    assert 0 < small.curves[0].largest < large.curves[0].largest
    assert (small.curves[0].within, large.curves[0].within) == (small.curves[0].levels, 0)


def test_a_shift_that_the_claim_reads_differs_and_one_of_all_levels_does_not(folder):
    old = folder("old")
    shifted = compared(old, folder("dense", at_the_dense_level(0.05)))[CLAIMS[0]]
    assert shifted.agrees == "differ"
    assert [part.mean for part in shifted.parts] == pytest.approx([-0.05])
    assert shifted.curves[0].position == 1.0
    everywhere = compared(old, folder("everywhere", lambda shape: np.full(shape, 0.05)))[CLAIMS[0]]
    assert everywhere.agrees == "agree"
    assert everywhere.curves[0].mean == pytest.approx(0.05)
    assert everywhere.curves[0].within == 0


def test_a_seed_without_a_place_in_both_runs_is_the_same_in_both():
    old, new = np.array([1.0, -np.inf, np.nan]), np.array([1.5, -np.inf, np.nan])
    assert _apart(old, new).tolist() == [0.5, 0.0, 0.0]
    assert _apart(old[:2], np.array([1.0, 0.5])).tolist() == [0.0, np.inf]


def test_a_replica_that_diverged_in_one_run_alone_agrees_with_nothing(folder, published):
    old, new = folder("old"), folder("new")
    held = evidence.read(new)
    (first,) = {each["seeds"][0] for each in published[0]["claims"] if each["id"] == CLAIMS[0]}
    lost = {
        key: replace(run, rows={seed: [None] * len(row) if seed == first else row for seed, row in run.rows.items()})
        for key, run in held.runs.items()
    }
    evidence.write(new, evidence.Evidence(lost, ""))
    assert compared(old, new)[CLAIMS[0]].agrees == "open"
    of_both = compared(new, new)[CLAIMS[0]]
    assert (of_both.agrees, of_both.curves[0].largest) == ("agree", 0)


def test_where_one_run_looked_at_fewer_seeds_those_of_both_are_compared(folder, published):
    (half,) = {tuple(each["seeds"][:12]) for each in published[0]["claims"] if each["id"] == CLAIMS[0]}
    old, new = folder("old"), folder("new")
    document = claims_json.read(new / "claims.json")
    for claim in document["claims"]:
        for of in (claim, *claim["runs"].values(), *claim["control"]["runs"].values()):
            of["seeds"] = of["seeds"][:12]
    claims_json.write(new / "claims.json", document)
    for one, other in ((old, new), (new, old)):
        found = compared(one, other)[CLAIMS[0]]
        assert (found.seeds, found.curves[0].seeds, found.agrees) == (len(half), 12, "agree")


def test_the_page_has_a_section_a_run_and_the_status_says_whether_all_is_well(folder, capsys):
    old, same, other = folder("old"), folder("same", noise(1e-6)), folder("other", at_the_dense_level(0.05))
    page = old / "AGREEMENT.md"
    assert main([str(old), str(same), "--about", "the same again", "--write", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "## the same again\n" in text
    assert "1 of 1 claims with a margin agree; 2 of 2 verdicts are the same" in text
    assert f"| `{CLAIMS[0]}` | the verdict | 24 | | | | | agree; refuted, then refuted |" in text
    assert main([str(old), str(same), str(other)]) == 1
    assert "## same\n" in (out := capsys.readouterr().out)
    assert "differ; refuted, then refuted |" in out.partition("## other\n")[2]


def test_claims_with_the_same_numbers_are_counted_and_left_out(folder, capsys):
    assert main([str(folder("old")), str(folder("same"))]) == 0
    assert "2 of 2 verdicts are the same" in (out := capsys.readouterr().out)
    assert "2 of 2 have the same verdict and numbers, to the last bit" in out
    assert "the verdict |" not in out


def test_another_verdict_from_the_same_numbers_is_in_the_table(folder, capsys):
    assert main([str(folder("old", stability=1.0)), str(folder("new", verdict="inconclusive"))]) == 1
    out = capsys.readouterr().out
    assert "have the same verdict and numbers" not in out
    assert all(f"| `{name}` | the verdict |" in out for name in CLAIMS)


def test_a_verdict_that_should_be_certain_and_is_another_fails(folder):
    old, new = folder("old", stability=1.0), folder("new", verdict="inconclusive")
    assert not compared(old, new)[CLAIMS[0]].same_verdict
    assert main([str(old), str(new)]) == 1
    assert main([str(folder("unsure", stability=0.9)), str(new)]) == 0


def test_a_run_that_was_read_from_another_ones_evidence_is_refused(folder):
    old, new = folder("old"), folder("new")
    document: Any = claims_json.read(new / "claims.json")
    entry = {"run": "old", "commit": "", "started": "", "sha256": "", "machine": "", "levels": 1}
    document["environment"]["taken"] = [entry]
    claims_json.write(new / "claims.json", document)
    with pytest.raises(InputError, match="new was read in part from other runs' evidence"):
        between(old, new, all_trials())


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"seeds": [11000]}, "have judged other seeds or settings; train the same ones"),
        ({"verdict": None}, "no judged"),
        ({"verdict": "inconclusive", "openness": "open so far"}, "no judged"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(folder, claim, message):
    with pytest.raises(InputError, match=message):
        between(folder("old"), folder("new", **claim))
