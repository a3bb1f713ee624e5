"""What tests say of whole batches of studies, and how the tests of a claim's parts combine."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True, slots=True, eq=False)
class Significance:
    """One hypothesis tested in each study of a batch.

    Attributes:
        p: probability, under the hypothesis' negation, of data that speak for it as strongly; 1 where a study lacks
            the numbers.
        skewed: `p` is small, but the sample is skewed the way that makes it too small, so it must not be believed.
    """

    p: Float[np.ndarray, "*batch"]
    skewed: Bool[np.ndarray, "*batch"]

    def rejects(self, threshold: float) -> Bool[np.ndarray, "*batch"]:
        """Says in which studies the hypothesis counts as established."""
        return (self.p < threshold) & ~self.skewed

    def where(self, condition: Bool[np.ndarray, "*batch"]) -> Self:
        """Keeps the test where the condition holds; elsewhere nothing is established (p = 1)."""
        return type(self)(np.where(condition, self.p, 1.0), self.skewed & condition)


def all_of(*tests: Significance) -> Significance:
    """Tests that all hypotheses hold, by intersection-union: every one of them must be established at full level."""
    p = np.stack([test.p for test in tests])
    skewed = np.stack([test.skewed for test in tests])
    return Significance(p.max(axis=0), np.asarray(skewed.any(axis=0)))


def any_of(*tests: Significance) -> Significance:
    """Tests that at least one hypothesis holds, by Bonferroni: the smallest p times their number."""
    p = np.stack([test.p for test in tests])
    skewed = np.stack([test.skewed for test in tests])
    best = np.expand_dims(p.argmin(axis=0), 0)
    return Significance(
        np.minimum(1.0, len(tests) * np.take_along_axis(p, best, 0)[0]), np.take_along_axis(skewed, best, 0)[0]
    )


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a rule finds in each study of a batch: a test of the claim, and one of its contrary."""

    support: Significance
    contrary: Significance


def nothing(shape: tuple[int, ...]) -> Significance:
    """Returns the test that never establishes anything, for a rule that cannot refute."""
    return Significance(np.ones(shape), np.zeros(shape, dtype=bool))
