import pytest

from sdd_claims.pruning import DERIVATIONS
from sdd_claims.pruning.derivations import initialization_branch
from sdd_claims.tests.tiny import SPEC


def test_the_numbers_of_the_derivations_are_fixed():
    """They are part of the random streams, and so of every stored result."""
    assert {name: found.number for name, found in DERIVATIONS.items()} == {
        "redense": 0,
        "same_mask": 1,
        "reinitialized": 2,
        "independent": 3,
    }


@pytest.mark.parametrize("level", [0, 3])
def test_a_reinitialized_ticket_has_the_weights_of_another_draw_at_every_level(level):
    """Those of the dense network that another draw of the same seed would have begun with."""
    kept = SPEC.but(record={"weights": "every_level"})
    spec = kept.but(derivation={"kind": "reinitialized", "draw": 2})
    assert initialization_branch(spec, level) == (0, 2)
    assert initialization_branch(SPEC, level) == (level,)
    assert initialization_branch(spec.but(derivation={"kind": "independent"}), level) == (level, 3, 2)
