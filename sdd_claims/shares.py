"""The exact interval of a share that was counted."""

from scipy.special import betaincinv


def share_interval(count: int, of: int, beyond: float = 0.025) -> tuple[float, float]:
    """Compute both ends of the interval of a share (Clopper & Pearson 1934).

    Args:
        count: of how many something holds.
        of: their number.
        beyond: the chance on either side; the interval's level is 1 - 2 * beyond.
    """
    low = float(betaincinv(count, of - count + 1, beyond)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - beyond)) if count < of else 1.0
    return low, high
