"""The p of whole batches of studies, and how the p of a claim's parts combine."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The p of a claim and of its contrary in each study of a batch.

    Attributes:
        support: p of the claim: the probability, if it is false, of data that speak for it as strongly; 1 where a
            study lacks the numbers.
        contrary: p of its contrary.
    """

    support: Float[np.ndarray, "*batch"]
    contrary: Float[np.ndarray, "*batch"]


def all_of(*p: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """Tests that all hypotheses hold, by intersection-union: every one of them must be established at full level."""
    return np.stack(p).max(axis=0)


def any_of(*p: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch"]:
    """Tests that at least one hypothesis holds, by Bonferroni: the smallest p times their number."""
    return np.minimum(1.0, len(p) * np.stack(p).min(axis=0))


def nothing(shape: tuple[int, ...]) -> Float[np.ndarray, "*batch"]:
    """Returns the p of the test that never establishes anything, for a rule that cannot refute."""
    return np.ones(shape)
