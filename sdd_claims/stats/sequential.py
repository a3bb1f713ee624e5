"""Group-sequential looks: the p to ask for at each look so that looking twice does not raise the error rate.

Pocock's design (Biometrika 64, 1977: the same nominal p at each look) for the one-sample t statistic itself; at a dozen
seeds and alpha near 0.001 the normal approximation would not do.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import chdtr, chdtri, gammaln, stdtrit, xlogy

from sdd_claims.errors import InputError

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_FAR = 9.0  # standard deviations of a normal beyond which nothing is left
_LARGE = 0.25  # a p from which on a bound will do: nobody compares it
_TAIL = 1e-14  # probability cut off either end of a chi-square


@lru_cache
def nominal_p(alpha: float, looks: tuple[int, ...]) -> float:
    """Computes the constant one-sided nominal p of a one-sample t-test that is looked at once or twice.

    Args:
        alpha: the chance, under the null hypothesis, to reject at any look.
        looks: numbers of seeds at each look, rising; at most two.

    Raises:
        InputError: alpha outside 0..0.5, more than two looks, or looks that do not rise by at least two seeds.
    """
    if not 0 < alpha < 0.5:
        raise InputError(f"the error rate must lie between 0 and 0.5, got {alpha}; 0.05 is usual")
    if len(looks) not in (1, 2):
        raise InputError(f"thresholds are computed for one or two looks, got {len(looks)}; drop the others")
    if looks[0] < 2 or (len(looks) == 2 and looks[1] < looks[0] + 2):
        raise InputError(f"looks must rise from at least two seeds, by at least two, got {looks}; give more seeds")
    if len(looks) == 1:
        return alpha

    def excess(p: float) -> float:
        return p + _second_only(p, *looks) - alpha

    return float(brentq(excess, alpha / 2, alpha, xtol=1e-6 * alpha))


@lru_cache
def sequential_p(p: float, looks: tuple[int, ...]) -> float:
    """Computes the p of a whole design from that of one look: the alpha at which it would just have rejected there.

    It is what may be compared with alpha, or adjusted for the number of claims; the inverse of `nominal_p`.

    Args:
        p: of a one-sided one-sample t-test at one of the looks.
        looks: all numbers of seeds at which the data would be looked at, as of `nominal_p`.
    """
    if len(looks) < 2 or p <= 0:
        return p
    if p >= _LARGE:
        return min(1.0, len(looks) * p)
    return p + _second_only(p, *looks)


def _second_only(p: float, n1: int, n2: int) -> float:
    """Computes P(T2 > c2, T1 <= c1) under the null, c the critical values of the nominal p.

    With W the pooled and Z1 the first block's standardized mean, D the standardized difference of the blocks (W and D
    independent standard normal), V1 and V2 the blocks' chi-squares:
    T1 = Z1 / sqrt(V1 / (n1 - 1)), T2 = W / sqrt((V1 + V2 + D^2) / (n2 - 1)), Z1 = W sqrt(n1 / n2) + D sqrt(m / n2).
    Hence T2 > c2 bounds V2 from above, which its distribution function integrates, and T1 <= c1 bounds V1 from below.
    """
    m = n2 - n1
    c1, c2 = -stdtrit(n1 - 1, p), -stdtrit(n2 - 1, p)
    width = c2 / np.sqrt(2 * n2)  # over which P(T2 > c2) rises as W passes c2
    w, w_weight = _gauss(np.unique(np.clip(c2 + width * np.array([-np.inf, -6, -3, 0, 3, 6, 12, np.inf]), 0, _FAR)))
    w, w_weight = w[:, None, None], w_weight[:, None, None]

    d_end = np.minimum(np.sqrt(n2 - 1) * w / c2, _FAR)
    d, d_weight = _gauss(np.linspace(-1, 1, 7))
    d, d_weight = d_end * d[:, None], d_end * d_weight[:, None]

    z1 = np.sqrt(n1 / n2) * w + np.sqrt(m / n2) * d
    first, last = chdtri(n1 - 1, 1 - _TAIL), chdtri(n1 - 1, _TAIL)
    room = (n2 - 1) * (w / c2) ** 2 - d**2
    low = np.maximum((n1 - 1) * (np.maximum(z1, 0) / c1) ** 2, first)
    high = np.maximum(np.minimum(room, last), low)
    v, v_weight = _gauss(np.linspace(0, 1, 4))
    v, v_weight = low + (high - low) * v, (high - low) * v_weight

    below = chdtr(m - 1, np.maximum(room - v, 0.0))
    normal = np.exp(-(w**2 + d**2) / 2) / (2 * np.pi)
    return float((w_weight * d_weight * v_weight * normal * _chi_square_density(v, n1 - 1) * below).sum())


def _chi_square_density(x: Float[np.ndarray, "*nodes"], degrees: int) -> Float[np.ndarray, "*nodes"]:
    """The density of a chi-square, as `scipy.stats` computes it, whose import takes longer than all else here."""
    return np.exp(xlogy(degrees / 2 - 1, x) - x / 2 - gammaln(degrees / 2) - (np.log(2) * degrees) / 2)


def _gauss(
    edges: Float[np.ndarray, " edges"],
) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Returns nodes and weights of Gauss-Legendre quadrature on the panels between the edges."""
    half = np.diff(edges)[:, None] / 2
    middle = (edges[:-1] + edges[1:])[:, None] / 2
    return (middle + half * _NODES).ravel(), (half * _WEIGHTS).ravel()
