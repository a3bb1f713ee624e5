"""The p of a mean in one study by the definitions of its tests: slow, and apart from what it checks."""

from itertools import product

import numpy as np
from scipy.stats import skew
from scipy.stats import t as student

from sdd_claims.stats.one_sample import SCREEN, adverse_skewness


def enumerated(excess: np.ndarray) -> float:
    """The sign-flip p."""
    signs = np.array(list(product((1, -1), repeat=len(excess))))
    return float(np.mean(signs @ excess >= excess.sum() - 1e-9))


def t_tests(excess: np.ndarray) -> float:
    """The larger p of the t-test and, under adverse skew, of Hall's (1992).

    Hall's slope, (1 + g t / (3 sqrt n))^2, is held at a half from where it has fallen to that.
    """
    n = len(excess)
    t = excess.mean() / (excess.std(ddof=1) / np.sqrt(n))
    g = skew(excess, bias=False)
    if g >= -adverse_skewness(n):
        return float(student.sf(t, n - 1))
    bend = 3 * np.sqrt(n) * (1 - np.sqrt(0.5)) / -g
    low = min(t, bend)
    hall = low + g * low**2 / (3 * np.sqrt(n)) + g**2 * low**3 / (27 * n) + g / (6 * np.sqrt(n))
    return float(student.sf(min(t, hall + (t - low) / 2), n - 1))


def p_above(numbers: np.ndarray, margin: float = 0.0) -> float:
    """The p of "the mean exceeds the margin"; 1 where a seed has no number."""
    excess = numbers - margin
    if np.isnan(excess).any():
        return 1.0
    if np.ptp(excess) < 1e-9:  # of equal numbers there is no t
        return enumerated(excess) if excess.mean() > 1e-9 else 1.0
    t = t_tests(excess)
    return max(t, min(enumerated(excess), SCREEN)) if t < SCREEN else t


def p_below(numbers: np.ndarray, margin: float = 0.0) -> float:
    """The p of "the mean is below the margin"."""
    return p_above(-numbers, -margin)
