from sdd_claims.pruning import DERIVATIONS


def test_the_numbers_of_the_derivations_are_fixed():
    """They are part of the random streams, and so of every stored result."""
    assert {name: found.number for name, found in DERIVATIONS.items()} == {
        "redense": 0,
        "same_mask": 1,
        "reinitialized": 2,
        "independent": 3,
    }
