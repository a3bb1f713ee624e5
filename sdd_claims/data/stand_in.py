"""Stand-in images for smoke runs where a data set is absent: its shapes and classes, and nothing to learn."""

import numpy as np

from sdd_claims.data.catalogue import DatasetInfo
from sdd_claims.data.prepared_form import Arrays

_TRAIN, _TEST = 512, 256


def arrays(info: DatasetInfo) -> Arrays:
    """Random images of a data set's shape with every class present, the same in every process."""
    rng = np.random.default_rng(0)
    made: dict[str, np.ndarray] = {}
    for part, count in (("train", _TRAIN), ("test", _TEST)):
        made[f"{part}_images"] = rng.integers(0, 256, (count, *info.image_shape), dtype=np.uint8)
        made[f"{part}_labels"] = (np.arange(count) % info.classes).astype(np.uint8)
    return made
