"""What the repository registers is what its rules say it should be."""

import json
from pathlib import Path

import numpy as np
import pytest

from fixtures.he2022 import FAST
from sdd_claims.curves import SparsityCurve
from sdd_claims.stats import VERSION, find_phases
from sdd_claims.stats.sequential import nominal_p

PILOTS = json.loads((Path(__file__).parents[2] / "fixtures" / "pilots_he2022.json").read_text(encoding="utf-8"))


def pilot_curve(setting: str, measure: str) -> SparsityCurve:
    pilots = PILOTS[setting]
    return SparsityCurve(tuple(pilots["seeds"]), np.array(pilots["density"]), np.array(pilots[measure]))


@pytest.mark.parametrize("setting", FAST.phases)
def test_the_fast_windows_are_what_the_formula_makes_of_the_pilots(setting):
    phases = find_phases(pilot_curve(setting, "test_accuracy"), pilot_curve(setting, "train_accuracy"))
    assert phases == FAST.phases[setting]


@pytest.mark.parametrize("setting", FAST.phases)
def test_the_pilots_were_run_at_the_registered_setting(setting):
    assert PILOTS[setting]["digest"] == FAST.with_windows()[setting].digest
    assert max(PILOTS[setting]["seeds"]) < 100


def test_the_calibration_is_that_of_the_rules_in_use():
    calibration = json.loads((Path(__file__).parents[2] / "fixtures" / "calibration.json").read_text(encoding="utf-8"))
    assert calibration["tests"] == VERSION
    assert calibration["threshold"] == pytest.approx(nominal_p(0.05 / 46, (12, 24)))
