"""What the repository registers is what its rules say it should be."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from claims.he2022 import settings as he2022
from claims.quetu2023 import settings as quetu2023
from claims.zhang2024 import settings as zhang2024
from fixtures.scripts.make_pilot_curves import PAPERS
from sdd_claims.curves import SparsityCurve
from sdd_claims.locations import bundled
from sdd_claims.registration.register import the_register
from sdd_claims.registration.trials import all_trials
from sdd_claims.registration.windows import as_json
from sdd_claims.stats import VERSION, best_without_dip, find_phases
from sdd_claims.stats.alternatives import alternatives
from sdd_claims.stats.calibration import DESIGNS, digest, pilots_covariance
from sdd_claims.stats.nulls import nulls
from sdd_claims.stats.sequential import nominal_p

FIXTURES = Path(__file__).parents[2] / "fixtures"
PILOTS = {paper: json.loads((FIXTURES / f"pilots_{paper}.json").read_text(encoding="utf-8")) for paper in PAPERS}
SETTINGS = {
    "he2022": he2022.FAST,
    "he2022_lenet": he2022.LENET,
    "quetu2023": quetu2023.FAST,
    "quetu2023_lenet": quetu2023.LENET,
    "zhang2024": zhang2024.FAST,
    "zhang2024_full": zhang2024.FULL,
}
WITH_WINDOWS = [(paper, name) for paper, setting in SETTINGS.items() for name in setting.phases]
DECAY = quetu2023.FAST.decay


def pilot_curve(paper: str, setting: str, measure: str) -> SparsityCurve:
    pilots, axis = PILOTS[paper][setting], PAPERS[paper]()[setting][0].axis
    return SparsityCurve(tuple(pilots["seeds"]), np.array(pilots[axis]), np.array(pilots[measure]), axis)


@pytest.mark.parametrize(("paper", "setting"), WITH_WINDOWS)
def test_the_windows_are_what_the_formula_makes_of_the_pilots(paper, setting):
    curves = (pilot_curve(paper, setting, measure) for measure in ("test_accuracy", "train_accuracy"))
    found = find_phases(*curves)
    assert found == SETTINGS[paper].phases[setting]
    folder = bundled("claims") / paper.partition("_")[0]
    assert as_json(setting, found) in (folder / "windows.json").read_text(encoding="utf-8")


def test_the_windows_of_lenet_lie_at_the_bottom_at_the_top_and_at_the_end_of_its_pilots_mean_curve():
    test, phases = pilot_curve("he2022_lenet", "noisy", "test_accuracy"), he2022.LENET.phases["noisy"]
    mean = test.values.mean(axis=0)
    assert int(mean.argmin()) in phases.critical.levels(test.position)
    assert int(mean.argmax()) in phases.sweet.levels(test.position)
    assert len(mean) - 1 in phases.last_fall().levels(test.position)


@pytest.mark.parametrize("setting", he2022.FULL, ids=lambda setting: setting.network)
def test_no_network_takes_over_what_the_pilots_of_another_have_set(setting):
    piloted = {PILOTS["he2022_lenet"][name]["digest"] for name in he2022.LENET.phases}
    assert {setting.with_windows()[name].digest for name in setting.phases} <= piloted


@pytest.mark.parametrize("paper", PAPERS)
def test_the_pilots_were_run_at_the_registered_settings(paper):
    # Most were trained in native arithmetic: what windows are read from is the same but for its draws.
    registered = {name: curves[0].spec for name, curves in PAPERS[paper]().items()}
    assert PILOTS[paper].keys() == registered.keys()
    for name, spec in registered.items():
        assert PILOTS[paper][name]["digest"] in {spec.digest, spec.but(training={"arithmetic": "native"}).digest}, name
    assert max(seed for pilots in PILOTS[paper].values() for seed in pilots["seeds"]) < 100


def validation_of_weight_decays(rate: float) -> dict[float, np.ndarray]:
    return {
        strength: pilot_curve(
            "quetu2023", quetu2023.at(f"weight decay {strength:g}", rate), "validation_accuracy"
        ).values.mean(axis=0)
        for strength in DECAY.tried[rate]
    }


@pytest.mark.parametrize("rate", DECAY.tried)
def test_the_weight_decay_without_a_dip_is_what_the_formula_makes_of_the_pilots(rate):
    assert best_without_dip(validation_of_weight_decays(rate)) == DECAY.without_dip[rate]


def test_the_optimal_weight_decay_is_the_most_accurate_whether_it_dips_or_not():
    curves = validation_of_weight_decays(DECAY.rate)
    assert max(curves, key=lambda strength: curves[strength].max()) == DECAY.optimal


def test_the_optimal_weight_decay_of_lenet_is_the_most_accurate_of_those_tried_on_its_pilot():
    setting, pilots = quetu2023.LENET, PILOTS["quetu2023_lenet_decays"]
    reached = {
        strength: np.max(pilots[quetu2023.at(f"weight decay {strength:g}", setting.decay.rate)]["validation_accuracy"])
        for strength in setting.decay.tried[setting.decay.rate]
    }
    assert max(reached, key=lambda strength: reached[strength]) == setting.decay.optimal


def test_the_tolerance_of_turns_is_four_times_what_pilots_change_from_a_strength_to_the_next():
    tables = [pilot_curve("zhang2024", name, "test_accuracy").values for name in PILOTS["zhang2024"]]
    largest = max(float(np.diff(table, axis=1).std(axis=0, ddof=1).max()) / math.sqrt(2) for table in tables)
    assert zhang2024.FAST.tolerance == math.ceil(100 * 4 * largest) / 100


def test_the_calibration_is_that_of_the_rules_in_use():
    calibration = json.loads((FIXTURES / "calibration.json").read_text(encoding="utf-8"))
    assert calibration["tests"] == VERSION
    assert calibration["threshold"] == pytest.approx(the_register().alpha / the_register().registered)
    assert {tuple(design["looks"]): design["threshold"] for design in calibration["designs"]} == {
        trial.looks: pytest.approx(nominal_p(calibration["threshold"], trial.looks)) for trial in all_trials().values()
    }


def test_the_calibration_is_that_of_the_populations_as_they_are():
    """If not, measure again: `.ci/long calibration`."""
    calibration = json.loads((FIXTURES / "calibration.json").read_text(encoding="utf-8"))
    cases = [*nulls(pilots_covariance(FIXTURES / "pilots_he2022.json")), *alternatives()]
    assert calibration["populations"] == digest(cases)


def test_the_calibration_measures_the_schemes_of_looks_of_all_trials():
    assert set(DESIGNS) == {trial.looks for trial in all_trials().values()}
