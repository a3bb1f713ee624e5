import json
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.judging.claim_entry import adjust_p_values, claim_entry_from, trained_on
from sdd_claims.judging.verdict import Verdict, judge
from sdd_claims.machine.energy import footprint
from sdd_claims.planning.plan import Request, plan
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control
from sdd_claims.report.claims_json import ClaimEntry
from sdd_claims.stats import AllOf, Contrast, DipFree, Effect, Greater, Outcome, Term, Window
from sdd_claims.stats.sequential import sequential_p
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import NOISY, SPEC, YES, fill, trial_named

SEEDS = (1000, 1001)
P_VALUES = (("claim", 0.001), ("contrary", 0.002), ("claim", 0.004))


@pytest.fixture
def store(tmp_path):
    filled = Store(tmp_path)
    fill(filled, plan([Request(spec, (1000, 1001, 1500, 1501), 6) for spec in (SPEC, NOISY)]))
    return filled


def entry_of(verdict, store) -> ClaimEntry:
    trial = verdict.trial
    return claim_entry_from(verdict, store, trial.curves, trial.control_curves, "pytest -m fast")


def judged(trial, store) -> Verdict:
    def read(curves):
        return {n: store.curve(c.spec.digest, c.measure, c.seeds(SEEDS), c.levels) for n, c in curves.items()}

    return judge(trial, read(trial.curves), read(trial.control_curves), SEEDS, (2,), 0.001)


def test_a_control_that_could_test_nothing_says_why(store):
    verdict = judged(trial_named("obedience"), store)
    assert verdict.control_outcome is not None
    lacking = replace(verdict, control_outcome=replace(verdict.control_outcome, open_reason="1 of 2 seeds has no dip"))
    assert entry_of(lacking, store)["control"]["unmeasured"] == "1 of 2 seeds has no dip"
    assert "unmeasured" not in entry_of(verdict, store)["control"]


def test_an_entry_has_every_field_of_the_schema_and_plain_values_only(store):
    made = entry_of(judged(trial_named("obedience"), store), store)
    assert made.keys() == ClaimEntry.__required_keys__ | ClaimEntry.__optional_keys__
    assert made["foreseen"] == []  # these seeds judge
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert (made["id"], made["verdict"], made["expected"]) == ("nobody2026/obedience", "supported", "supported")
    assert made["windows"] == {"light": [0.9, 1.0], "critical": [0.4, 0.6]}
    assert made["window_axes"] == {"light": "density", "critical": "density"}
    assert not made["exploratory"]
    assert made["control"]["verdict"] == "inconclusive"
    of_control = store.curve(SPEC.digest, "test_accuracy", (1500, 1501), 2).values.mean()
    shown, own = made["control"]["effect"], made["effect"]
    assert shown is not None
    assert own is not None
    assert shown["value"] == of_control != own["value"]
    assert made["runs"]["accuracy"]["seeds"] == [1000, 1001]
    assert made["control"]["runs"]["accuracy"]["seeds"] == [1500, 1501]


def test_the_cost_counts_every_level_of_trial_and_control_once(store):
    shared = trial_named("obedience", control=Control("the noisy chain", {"accuracy": CurveOf(NOISY, "test_loss", 3)}))
    two_measures = replace(shared, curves={**shared.curves, "train": CurveOf(SPEC, "train_accuracy", 3)})
    verdict = Verdict(two_measures, None, None, None, None, SEEDS, (2,), None)
    # Three levels of the trial's chain, whose other curve needs two of them, and three of the control's; two seeds.
    cost = entry_of(verdict, store)["cost"]
    assert (cost["seconds"], cost["train_flops"]) == (0.25 * 12, 1e6 * 12)
    assert cost["kept_train_flops"] is None  # not known of every level
    assert cost["energy_kwh"] == footprint([(0.25 * 12, {"device": "cpu"})]).energy_kwh


def test_the_p_of_claims_and_those_of_contraries_are_adjusted_apart():
    entries = [cast(ClaimEntry, {"tier": "fast", "decisive": {"of": of, "p": p}}) for of, p in P_VALUES]
    adjust_p_values(entries, 50)
    assert [each["p_holm"] for each in entries] == pytest.approx([0.05, 0.1, 49 * 0.004])


def test_numbers_that_are_missing_are_null(store):
    trial = trial_named("obedience")
    nothing = Outcome(1.0, 1.0, Effect(float("nan"), float("-inf"), float("inf"), "accuracy"), "", "seed 1000 diverged")
    verdict = Verdict(trial, "inconclusive", nothing, "inconclusive", nothing, SEEDS, (2,), 0.001, "seed 1000 diverged")
    made = entry_of(verdict, store)
    assert made["effect"] == {"value": None, "low": None, "high": None, "unit": "accuracy"}
    assert made["reason"] == "seed 1000 diverged"


def test_a_trial_that_judged_nothing_has_no_p_and_no_verdict(store):
    accuracy = CurveOf(SPEC, "test_accuracy", 2)
    trial = trial_named("waiting", FromPilots(lambda at: YES, {"noisy": (accuracy, accuracy)}))
    made = entry_of(Verdict(trial, None, None, None, None, (0, 1), (2,), None), store)
    assert (made["verdict"], made["p"], made["margin"], made["protocol"]) == (None, None, None, None)
    assert (made["rule"], made["windows"], made["parts"]) == ("from pilots", {}, [])


def test_only_what_the_register_holds_has_rows_of_it(store):
    claim = registered("he2022/four_phases_in_order")
    trial = replace(trial_named("obedience"), claim=claim, block=7000)
    rows = entry_of(judged(trial, store), store)["registrations"]
    assert [row["block"] for row in rows] == [row.block for row in claim.registrations["fast"]]
    edited = replace(trial, claim=replace(claim, statement="Otherwise said."))
    assert entry_of(judged(edited, store), store)["registrations"] == []


def test_parts_carry_their_own_rule_margin_and_verdict(store):
    free = DipFree("accuracy")
    trial = trial_named("parts", AllOf({"one": free, "other": replace(free, margin=0.02)}), levels=3, looks=(12, 24))
    seeds = tuple(range(1000, 1012))
    flat = {
        "accuracy": SparsityCurve(
            seeds, np.array([1, 0.5, 0.25]), np.random.default_rng(0).normal(0.5, 1e-4, (len(seeds), 3))
        )
    }
    made = entry_of(judge(trial, flat, flat, seeds, (12,), 0.001), _Anything())
    assert [(part["name"], part["rule"], part["margin"]) for part in made["parts"]] == [
        ("one", "dip_free", 0.01),
        ("other", "dip_free", 0.02),
    ]
    assert [part["verdict"] for part in made["parts"]] == ["supported", "supported"]
    assert made["verdict"] == "inconclusive"  # the control is the same flat curve


def test_the_effect_shown_is_that_of_the_part_that_refutes(store):
    """Both lie below beyond any doubt, one of them farther."""
    dense = Term(-1.0, "accuracy", Window(1, 1))
    weak, strong = (Greater(Contrast((Term(1.0, "accuracy", Window(at, at)), dense))) for at in (0.5, 0.25))
    trial = trial_named("parts", AllOf({"weak": weak, "strong": strong}), levels=3, looks=(12, 24))
    seeds = tuple(range(1000, 1012))
    scatter = np.linspace(-0.001, 0.001, len(seeds))
    falling = np.column_stack([np.full(12, 0.9), 0.87 + scatter, 0.5 + scatter / 100])
    curves = {"accuracy": SparsityCurve(seeds, np.array([1, 0.5, 0.25]), falling)}
    made = entry_of(judge(trial, curves, curves, seeds, (12,), 0.001), _Anything())
    shown = made["decisive"]
    assert shown is not None
    assert (made["verdict"], shown["of"]) == ("refuted", "contrary")
    assert made["effect"] == made["parts"][1]["effect"]
    of_strong = replace(trial, rule=AllOf({"strong": strong}))
    alone = entry_of(judge(of_strong, curves, curves, seeds, (12,), 0.001), _Anything())["decisive"]
    assert alone is not None
    assert shown["t"] == alone["t"]


def test_a_claim_is_compared_with_its_control_seed_by_seed():
    trial = trial_named("falls", Greater(Contrast((Term(1.0, "accuracy", Window(1, 1)),))), levels=1, looks=(12, 24))
    seeds = tuple(range(1000, 1012))

    def dense(mean):
        return {"accuracy": SparsityCurve(seeds, np.ones(1), mean + np.linspace(-0.01, 0.01, 12)[:, None] * mean)}

    verdict = judge(trial, dense(0.9), dense(0.3), seeds, (12,), 0.001, (12, 24))
    found, told = verdict.control_difference, entry_of(verdict, _Anything())["control"]["difference"]
    assert found is not None
    assert told == {"part": "", "beyond": 12, "seeds": 12, "t": found.t, "p": sequential_p(found.p, (12, 24))}
    assert found.p < told["p"]
    assert "difference" not in entry_of(replace(verdict, decision=None), _Anything())["control"]


class _Anything:
    def records(self, digest, seed):
        return ()

    def provenance(self, digest, seed):
        return ()


@pytest.mark.parametrize(("left", "remark"), [(3, ""), (0, "emptied a layer of 2 of 2 networks, from density 0.25 on")])
def test_a_run_says_where_pruning_has_emptied_a_layer(store, left, remark):
    class Source:
        def records(self, digest, seed):
            *denser, sparsest = store.records(digest, seed)[:3]
            return (*denser, replace(sparsest, remaining={"w": left, "v": 9}))

        def provenance(self, digest, seed):
            return store.provenance(digest, seed)

    trial = trial_named("emptied", levels=3)
    run = entry_of(Verdict(trial, None, None, None, None, SEEDS, (2,), None), Source())["runs"]["accuracy"]
    assert remark in run.get("remark", "")
    assert ("remark" in run) == bool(remark)


def test_where_the_levels_were_trained_is_counted_each_level_once(store, monkeypatch):
    one, other = (
        {"hardware": name, "capability": "AVX2", "versions": {"torch": "2.14.1"}, "commit": "abc"} for name in "ab"
    )
    monkeypatch.setattr(store, "provenance", lambda digest, seed: (one, one, other) if seed < 1500 else (other, {}))
    entries = [entry_of(judged(trial_named(name), store), store) for name in ("obedience", "again")]
    # Two levels of two judged seeds, and the first of two levels of the control's, of whose second nothing is known.
    assert [(place["hardware"], place["levels"]) for place in trained_on(entries, store)] == [("a", 4), ("b", 2)]
