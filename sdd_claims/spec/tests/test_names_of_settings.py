"""Every name that a spec takes is one that training knows, and the reverse."""

from typing import get_args

import pytest

from sdd_claims import spec
from sdd_claims.data import catalogue, regression
from sdd_claims.models import architecture
from sdd_claims.pruning import CRITERIA, DERIVATIONS, IDENTITY, RETRAINING
from sdd_claims.training.penalties import PENALTIES


@pytest.mark.parametrize(
    ("names", "known"),
    [
        (spec.DataName, {*catalogue.CATALOGUE, *regression.PROBLEMS}),
        (spec.Network, {*architecture._MODULES, spec.OWN}),
        (spec.Initialization, set(architecture._INITIALIZATIONS)),
        (spec.Criterion, {*CRITERIA, IDENTITY, spec.OWN}),
        (spec.RetrainingMethod, set(RETRAINING)),
        (spec.DerivationKind, {*DERIVATIONS, "none"}),
        (spec.PathOver, {*spec.PATHS, "none"}),
    ],
)
def test_a_spec_takes_the_names_that_training_knows(names, known):
    assert set(get_args(names)) == known


def test_every_penalty_that_is_a_term_of_the_loss_has_a_name():
    assert set(PENALTIES) <= set(get_args(spec.PenaltyName))
