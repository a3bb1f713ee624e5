"""A made-up judged run: one document with every case that a page must show, and a store that answers from memory."""

from collections.abc import Mapping

import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import StoreError
from sdd_claims.report.claims_json import CalibrationEntry, ClaimEntry, ClaimsDocument, EffectEntry, RunEntry

SEEDS = list(range(1000, 1012))
LEVELS = 16
NETWORK = "mlp 128-64 on mnist_small"
DENSITY = 0.64 ** np.arange(LEVELS)


class FakeSource:
    """Curves by (digest, measure), along density where `axes` does not say otherwise."""

    def __init__(self, curves: Mapping[tuple[str, str], np.ndarray]) -> None:
        self.curves = curves
        self.axes: dict[str, str] = {}

    def curve(self, digest: str, measure: str, seeds: tuple[int, ...], levels: int, /) -> SparsityCurve:
        if (digest, measure) not in self.curves:
            raise StoreError(f"no run {digest[:12]} in the store; train it")
        axis = self.axes.get(digest, "density")
        position = DENSITY[:levels] if axis == "density" else DENSITY[:levels][::-1]
        return SparsityCurve(seeds, position, self.curves[digest, measure][:, :levels], axis)


def accuracy(dip: float, rng: np.random.Generator) -> np.ndarray:
    """Test accuracies [12, 16] with a dip of that depth near density 0.02, a peak near 0.004, then collapse."""
    x = np.log(DENSITY)
    mean = 0.77 - dip * np.exp(-(((x - np.log(0.025)) / 0.9) ** 2)) - 0.55 / (1 + np.exp((x - np.log(0.0016)) / 0.12))
    return np.asarray(mean + rng.normal(0, 0.008, (12, 1)) + rng.normal(0, 0.006, (12, LEVELS)))


def distance(peak: float, rng: np.random.Generator) -> np.ndarray:
    """Learning distances [12, 16] with a peak near density 0.025."""
    x = np.log(DENSITY)
    mean = 11.0 + 0.4 * x + peak * np.exp(-(((x - np.log(0.025)) / 0.9) ** 2))
    return np.asarray(mean + rng.normal(0, 0.15, (12, LEVELS)))


def run(digest: str, measure: str, label: str) -> RunEntry:
    return {"digest": digest * 8, "measure": measure, "seeds": SEEDS, "levels": LEVELS, "label": f"{NETWORK}, {label}"}


def effect(value: float, low: float, high: float, unit: str = "accuracy") -> EffectEntry:
    return {"value": value, "low": low, "high": high, "unit": unit}


@pytest.fixture
def source() -> FakeSource:
    rng = np.random.default_rng(7)
    noise = {10: 0.05, 20: 0.09, 40: 0.16}
    curves = {(f"noise{rate:03d}" * 8, "test_accuracy"): accuracy(dip, rng) for rate, dip in noise.items()}
    curves["noise020" * 8, "train_accuracy"] = (
        1 - 0.9 / (1 + np.exp((np.log(DENSITY) - np.log(0.02)) / 0.5)) + (rng.normal(0, 0.004, (12, LEVELS)))
    )
    curves["noise020" * 8, "learning_distance"] = distance(3.0, rng)
    curves["clean000" * 8, "test_accuracy"] = accuracy(0.0, rng) + 0.1
    curves["clean000" * 8, "learning_distance"] = distance(0.0, rng)
    curves["clean000" * 8, "train_accuracy"] = curves["noise020" * 8, "train_accuracy"]
    return FakeSource(curves)


@pytest.fixture
def claim() -> ClaimEntry:
    """A supported claim with two parts."""
    return {
        "id": "he2022/sdd_appears_under_label_noise",
        "paper": "he2022",
        "title": "He et al. 2022, Sparse Double Descent: Where Network Pruning Aggravates Overfitting (ICML)",
        "statement": "With noisy labels, test accuracy falls, rises, and falls again as sparsity grows.",
        "source": "Figs 1, 13-30, poster",
        "tier": "fast",
        "verdict": "supported",
        "expected": "supported",
        "rule": "dip_then_rise",
        "words": "Mean test accuracy in the critical window lies 8.3 points below the light window and 8.9 points "
        "below the sweet window; the smaller of the two drops exceeds the margin of 1 point (t = 21.4, 12 seeds).",
        "effect": effect(0.083, 0.071, 0.095),
        "margin": 0.01,
        "p": 1e-7,
        "p_contrary": 1.0,
        "threshold": 0.00063,
        "p_holm": 4.6e-6,
        "seeds": SEEDS,
        "looks": [12],
        "reason": None,
        "parts": [
            {
                "name": "dip",
                "verdict": "supported",
                "rule": "greater",
                "words": "light - critical",
                "effect": effect(0.083, 0.071, 0.095),
                "margin": 0.01,
                "p": 1e-7,
                "p_contrary": 1.0,
            },
            {
                "name": "rise",
                "verdict": "supported",
                "rule": "greater",
                "words": "sweet - critical",
                "effect": effect(0.089, 0.074, 0.104),
                "margin": 0.01,
                "p": 0.0,
                "p_contrary": 1.0,
            },
        ],
        "control": {
            "setting": "no label noise",
            "verdict": "inconclusive",
            "words": "The light window lies 0.3 points above the critical one, less than the margin.",
            "p": 0.99,
            "effect": effect(-0.003, -0.011, 0.005),
            "runs": {
                "noisy": run("clean000", "test_accuracy", "no noise"),
                "train": run("clean000", "train_accuracy", "no noise"),
            },
        },
        "basis": "paper",
        "proxy": False,
        "deviations": ["1,000 images instead of 60,000, averaged down to 14 × 14", "a network of 128-64 hidden units"],
        "paper_value": None,
        "cost": {"seconds": 31.0, "train_flops": 2.9e12},
        "rerun": "pytest -m fast claims/he2022/test_sdd_appears_under_label_noise.py",
        "runs": {
            "noisy": run("noise020", "test_accuracy", "20 % symmetric noise"),
            "train": run("noise020", "train_accuracy", "20 % symmetric noise"),
        },
        "windows": {"light": [0.3, 1.0], "critical": [0.018, 0.036], "sweet": [0.003, 0.006]},
        "protocol": "c0ffee" * 10 + "c0ff",
    }


@pytest.fixture
def calibration() -> CalibrationEntry:
    rng = np.random.default_rng(3)
    nulls = ["flat", "stepped", "monotone", "autocorrelated", "unequal_variance", "left_skewed", "collapsed"]
    size_keys = [
        (rule, verdict, seeds, null)
        for rule in ("dip_then_rise", "dip_free", "same_place")
        for verdict in ("supported", "refuted")
        for seeds in (12, 24)
        for null in nulls
    ]
    return {
        "schema": 1,
        "tests": 1,
        "threshold": 0.00063,
        "looks": [12, 24],
        "command": "python -m benchmarks.calibration --studies 100000",
        "measured": "Measured on 2026-11-28, commit 0123456, 2 cores",
        "size": [
            {
                "rule": rule,
                "null": null,
                "seeds": seeds,
                "verdict": "supported" if verdict == "supported" else "refuted",
                "rate": (rate := float(rng.integers(20, 75)) / 1e5),
                "upper": rate + 1.6e-4,
                "repetitions": 100_000,
            }
            for rule, verdict, seeds, null in size_keys
        ],
        "power": [
            {"rule": rule, "alternative": alternative, "seeds": seeds, "rate": rate, "repetitions": 100_000}
            for rule in ("dip_then_rise", "dip_free")
            for alternative, seeds, rate in (("dip of 3 points", 12, 0.71), ("dip of 3 points", 24, 0.994))
        ],
    }


@pytest.fixture
def document(claim: ClaimEntry, calibration: CalibrationEntry) -> ClaimsDocument:
    """Four claims: supported, inconclusive with three curves, an unexpected refuted one, a proxy without curves."""
    distances = ClaimEntry(
        **claim
        | {
            "id": "he2022/learning_distance_peaks_at_critical_phase",
            "statement": "The distance of a network from its initialization peaks where test accuracy is lowest.",
            "rule": "same_place",
            "verdict": "refuted",
            "p": 0.97,
            "p_contrary": 3.1e-4,
            "words": "The distance peaks 1.4 levels sparser than accuracy dips, beyond the margin of 0.67.",
            "effect": effect(1.02, 0.71, 1.33, "log density"),
            "margin": 0.67,
            "parts": [],
            "runs": {
                "accuracy": run("noise020", "test_accuracy", "20 % symmetric noise"),
                "distance": run("noise020", "learning_distance", "20 % symmetric noise"),
            },
            "windows": {"dip bracket": [0.006, 0.1], "peak bracket": [0.008, 0.12]},
            "control": claim["control"]
            | {
                "runs": {
                    "accuracy": run("noise020", "test_accuracy", "20 % symmetric noise"),
                    "distance": run("clean000", "learning_distance", "no noise"),
                }
            },
        }
    )
    shifts = ClaimEntry(
        **claim
        | {
            "id": "he2022/noise_moves_critical_phase_denser",
            "statement": "The more label noise, the lower the sparsity of the critical phase.",
            "rule": "shifts",
            "verdict": "inconclusive",
            "expected": "inconclusive",
            "reason": "seed 1003 shows no dip in the bracket",
            "basis": "ours",
            "p": 0.0031,
            "effect": effect(0.31, -0.02, 0.64, "log density a doubling"),
            "margin": 0.0,
            "parts": [],
            "runs": {f"{rate} %": run(f"noise{rate:03d}", "test_accuracy", f"{rate} % noise") for rate in (10, 20, 40)},
            "windows": {"bracket": [0.006, 0.1]},
            "control": claim["control"]
            | {
                "setting": "three blocks of equal noise",
                "runs": {f"{rate} %": run("noise020", "test_accuracy", "20 % noise") for rate in (10, 20, 40)},
            },
        }
    )
    proxy = ClaimEntry(
        **claim
        | {
            "id": "quetu2023/vanilla_student_shows_sdd",
            "title": "Quétu & Tartaglione 2023, The Quest of Finding the Antidote to Sparse Double Descent",
            "statement": "A student trained without distillation shows a dip in test accuracy & <recovers> from it.",
            "proxy": True,
            "paper_value": "71.5 % against 68.1 % (Table 1)",
            "runs": {"student": run("lost0000", "test_accuracy", "student")},
            "control": claim["control"] | {"runs": {}},
            "deviations": [],
        }
    )
    return {
        "schema": 1,
        "environment": {
            "commit": "abc1234 (clean)",
            "versions": {"python": "3.11.7", "torch": "2.9.0", "numpy": "2.4.6"},
            "hardware": "AMD EPYC, 2 cores, 24 GiB",
            "started": "2026-11-20T04:20:00+00:00",
            "duration": 171.2,
            "device": "cpu",
            "command": "pytest -m fast",
        },
        "alpha": 0.05,
        "registered": 46,
        "calibration": calibration,
        "claims": [claim, distances, shifts, proxy],
    }
