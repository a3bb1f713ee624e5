import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError
from sdd_claims.stats import find_phases, four_phases
from sdd_claims.stats.tests.studies import SEEDS, THRESHOLD

TEST = np.array([0.76, 0.76, 0.75, 0.74, 0.73, 0.72, 0.70, 0.69, 0.68, 0.70, 0.73, 0.75, 0.76, 0.75, 0.72, 0.65])
TRAIN = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.999, 0.998, 0.97, 0.94, 0.86, 0.79, 0.75, 0.72, 0.69, 0.64, 0.45])
DENSITY = 0.64 ** np.arange(len(TEST))
LIGHT, TRAIN_FALLS, COLLAPSED = 1, 2, 3
"""The parts after the one on test accuracy, by their place."""


def drawn(mean: np.ndarray, seed: int = 0) -> SparsityCurve:
    noise = 0.003 * np.random.default_rng(seed).standard_normal((len(SEEDS), len(mean)))
    return SparsityCurve(SEEDS, DENSITY[: len(mean)], mean + noise)


PHASES = find_phases(drawn(TEST), drawn(TRAIN))


def judged(test: np.ndarray, train: np.ndarray):
    return four_phases(PHASES).evaluate({"accuracy": drawn(test), "train accuracy": drawn(train, 1)}, THRESHOLD)


def changed(curve: np.ndarray, **to: float) -> np.ndarray:
    changed = curve.copy()
    for level, value in to.items():
        changed[int(level.removeprefix("at"))] = value
    return changed


def test_a_chain_with_all_four_phases_is_supported():
    assert judged(TEST, TRAIN).p < THRESHOLD


@pytest.mark.parametrize(
    ("test", "train", "part"),
    [
        (changed(TEST, at1=0.73), TRAIN, LIGHT),
        (TEST, changed(TRAIN, at1=0.95, at2=0.95, at3=0.95, at4=0.95, at5=0.95, at6=0.95, at7=0.95), TRAIN_FALLS),
        (TEST, changed(TRAIN, at14=0.72, at15=0.72), COLLAPSED),
    ],
)
def test_each_phase_asks_for_what_the_paper_says_of_it(test, train, part):
    found = judged(test, train)
    parts = list(found.parts.values())
    assert found.p >= THRESHOLD
    assert [each.p < THRESHOLD for each in parts] == [place != part for place in range(4)]


def test_without_a_pruned_network_in_the_light_phase_of_the_pilots_none_is_asked_for():
    falls_at_once = np.array([0.76, 0.68, 0.73, 0.76, 0.75, 0.72, 0.65])
    train = np.array([1.0, 0.9, 0.8, 0.75, 0.7, 0.6, 0.45])
    phases = find_phases(drawn(falls_at_once), drawn(train, 1))
    assert list(phases.light.levels(DENSITY)) == [0]
    found = four_phases(phases).evaluate({"accuracy": drawn(falls_at_once), "train accuracy": drawn(train)}, THRESHOLD)
    assert len(found.parts) == 3
    assert not any("light phase is as accurate" in part for part in found.parts)


def test_without_a_collapsed_phase_in_the_pilots_nothing_is_asked():
    rising = changed(TEST, at13=0.77, at14=0.78, at15=0.79)
    with pytest.raises(InputError, match="there is no collapsed phase to set a window by"):
        four_phases(find_phases(drawn(rising), drawn(TRAIN)))
