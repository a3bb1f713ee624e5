"""What the repository registers is what its rules say it should be."""

import json
from pathlib import Path

import numpy as np

from fixtures.he2022 import FAST
from sdd_claims.curves import SparsityCurve
from sdd_claims.stats import find_phases

PILOTS = json.loads((Path(__file__).parents[2] / "fixtures" / "pilots_he2022.json").read_text(encoding="utf-8"))


def pilot_curve(measure: str) -> SparsityCurve:
    return SparsityCurve(tuple(PILOTS["seeds"]), np.array(PILOTS["density"]), np.array(PILOTS[measure]))


def test_the_fast_windows_are_what_the_formula_makes_of_the_pilots():
    assert find_phases(pilot_curve("test_accuracy"), pilot_curve("train_accuracy")) == FAST.phases


def test_the_pilots_were_run_at_the_registered_setting():
    assert PILOTS["digest"] == FAST.noisy().digest
    assert max(PILOTS["seeds"]) < 100
