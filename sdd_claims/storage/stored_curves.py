"""From stored records to the curve of one measure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.record import LevelRecord
from sdd_claims.spec import PathSpec, PruningSpec


def curve_of(
    seeds: Sequence[int], records: Sequence[Sequence[LevelRecord]], settings: Mapping[str, Any], measure: str
) -> SparsityCurve:
    """The table seed x level of one measure; NaN where a replica diverged.

    Args:
        seeds: one a row.
        records: records of each seed, with equally many levels.
        settings: settings of the run, as JSON.
        measure: name of the measure.

    Raises:
        InputError: no such measure, one that was not recorded, or settings of another version.
        StoreError: what is stored as the measure is no number.
    """
    try:
        table = [[record.measure(measure) for record in row] for row in records]
    except InputError:
        raise
    except (ArithmeticError, IndexError, TypeError, ValueError) as error:
        raise StoreError(f"a stored {measure} is no number ({error}); use the version that wrote it") from error
    values = np.array([[np.nan if value is None else value for value in row] for row in table])
    axis, position = _positions(settings, values.shape[1])
    return SparsityCurve(tuple(seeds), position, values, axis)


def _positions(settings: Mapping[str, Any], levels: int) -> tuple[str, np.ndarray]:
    """The axis of the levels and their positions on it: the values of a path, else the scheduled density.

    That is the density counted to within one weight, and defined for identity masks too.
    """
    try:
        path = PathSpec(**settings.get("path", {}))  # settings stored before there were paths have none
        at = PruningSpec(fraction=settings["pruning"]["fraction"]).density if path.over == "none" else path.position
        first = settings.get("derivation", {}).get("from_level", 0)  # not written where it is
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"the stored settings of the run cannot be read ({error!r}); use the version that wrote them"
        ) from error
    return path.axis, np.array([at(level) for level in range(first, first + levels)])
