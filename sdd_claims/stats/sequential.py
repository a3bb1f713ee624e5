"""Group-sequential looks: the p to ask for at each look so that looking several times does not raise the error rate.

Pocock's design (Biometrika 64, 1977: the same nominal p at each look) for the one-sample t statistic itself; at a dozen
seeds and alpha near 0.001 the normal approximation would not do.

Under the null u = t / sqrt(t^2 + n - 1), the cosine of the angle between a normal sample and the line of equal values,
depends on the sample's direction alone, and the sample's length is independent of it. So the u of the looks are a
Markov chain: with B ~ Beta(n / 2, m / 2) the share of the squared length that the first n seeds keep when m more come,
and w the cosine of the m new seeds alone, the next is u' = (sqrt(n B) u + sqrt(m (1 - B)) w) / sqrt(n + m). The chance
to cross at a later look is computed backwards, from the last look to the first.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy.polynomial import chebyshev
from scipy.special import betaln, roots_jacobi, stdtr, stdtrit

from sdd_claims.errors import InputError

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_SHARES = 48  # nodes over B
_SHARES_OF_FEW = 400  # where so few seeds come that their cosine is not smooth at its ends
_FEW = 6
_DEGREE = 60  # of the polynomial that stands for the chance to cross later
_LARGE = 0.25  # a p from which on a bound will do: nobody compares it

Later = Callable[[Float[np.ndarray, "*at"]], Float[np.ndarray, "*at"]]
"""The chance, given u at a look that did not cross, to cross at a later one."""


@lru_cache
def nominal_p(alpha: float, looks: tuple[int, ...]) -> float:
    """Computes the constant one-sided nominal p of a one-sample t-test that is looked at several times.

    Args:
        alpha: the chance, under the null hypothesis, to reject at any look.
        looks: numbers of seeds at each look, rising.

    Raises:
        InputError: alpha outside 0..0.5, no look, or looks that do not rise by at least two seeds.
    """
    if not 0 < alpha < 0.5:
        raise InputError(f"the error rate must lie between 0 and 0.5, got {alpha}; 0.05 is usual")
    if not looks:
        raise InputError("thresholds are computed for one or more looks, got none; give the numbers of seeds")
    if any(later < earlier + 2 for earlier, later in pairwise((0, *looks))):
        raise InputError(f"looks must rise from at least two seeds, by at least two, got {looks}; give more seeds")
    if len(looks) == 1:
        return alpha
    from scipy.optimize import brentq  # late: whoever only trains needs none of it

    return float(
        brentq(lambda p: _chance_to_cross(p, looks) - alpha, 0.9 * alpha / len(looks), alpha, xtol=1e-6 * alpha)
    )


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
    return _chance_to_cross(p, looks)


def _chance_to_cross(p: float, looks: tuple[int, ...]) -> float:
    """The chance under the null to fall below the nominal p at any look."""
    edges = [_cosine(p, seeds) for seeds in looks]
    later: Later = np.zeros_like
    for place in range(len(looks) - 1, 0, -1):
        later = _one_look_earlier(looks[place - 1], looks[place], edges[place - 1], edges[place], later)
    return p + float(_mean_below(looks[0], np.array(edges[0]), later))


def _cosine(p: float, seeds: int) -> float:
    t = -float(stdtrit(seeds - 1, p))
    return t / float(np.sqrt(t * t + seeds - 1))


def _one_look_earlier(seeds: int, next_seeds: int, edge: float, next_edge: float, later: Later) -> Later:
    """The chance to cross at the next look or after it, as a function of u at this one, up to this one's edge."""
    more = next_seeds - seeds
    # Gauss-Jacobi in 1 - 2 B: the weights are the density of B.
    nodes, weights = roots_jacobi(_SHARES_OF_FEW if more < _FEW else _SHARES, seeds / 2 - 1, more / 2 - 1)
    share, weights = (1 - nodes) / 2, weights / weights.sum()

    def chance(u: Float[np.ndarray, " at"]) -> Float[np.ndarray, " at"]:
        kept = np.sqrt(seeds * share) * u[:, None]
        room = np.sqrt(more * (1 - share))
        needed = (np.sqrt(next_seeds) * next_edge - kept) / room
        crosses = np.where(needed >= 1, 0.0, _beyond(more, np.clip(needed, -1, 1)))
        after = _mean_below(
            more, needed, lambda w: later((kept[..., None] + room[..., None] * w) / np.sqrt(next_seeds))
        )
        return np.asarray((crosses + after) @ weights)

    at = (1 - np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))) / 2 * (edge + 1) - 1
    series = chebyshev.Chebyshev.fit(at, chance(at), _DEGREE, domain=[-1, edge])
    return lambda u: np.asarray(series(np.minimum(u, edge)))


def _beyond(seeds: int, w: Float[np.ndarray, "*at"]) -> Float[np.ndarray, "*at"]:
    """The chance of so many seeds that their cosine lies above w."""
    with np.errstate(divide="ignore"):
        return np.asarray(stdtr(seeds - 1, -np.sqrt(seeds - 1) * w / np.sqrt(1 - w * w)))


def _mean_below(seeds: int, edge: Float[np.ndarray, "*at"], of: Later) -> Float[np.ndarray, "*at"]:
    """The mean of a function of the cosine of so many seeds, over those below an edge; those above count as zero.

    With w = sin(angle) the density is smooth to its ends.
    """
    end = np.arcsin(np.clip(edge, -1, 1))[..., None]
    half = (end + np.pi / 2) / 2
    angle = half * (_NODES + 1) - np.pi / 2
    density = np.cos(angle) ** (seeds - 2) / np.exp(betaln(0.5, (seeds - 1) / 2))
    return np.asarray((half * _WEIGHTS * density * of(np.sin(angle))).sum(axis=-1))
