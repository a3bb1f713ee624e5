import re

import numpy as np
import pytest

from sdd_claims.errors import InputError
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.tests.tiny import SPEC

ON_A_PATH = SPEC.but(pruning={"criterion": "none", "fraction": 0.2})
REFIT = ON_A_PATH.but(path={"over": "ridge_refit", "values": (1.0, 2.0, 3.0)})
EPOCHS = ON_A_PATH.but(
    data={"name": "grid", "side": None, "train_size": None},
    model={"name": "relu_network", "hidden": (9,)},
    training={"epochs": 3},
    path={"over": "epochs", "values": (1.0, 2.0, 3.0)},
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CurveOf(SPEC, "tset_accuracy", 3),
            "no measure 'tset_accuracy' (did you mean 'test_accuracy'?)",
        ),
        (lambda: CurveOf(SPEC, "sharpness", 3), "sharpness is not recorded: set RecordSpec.directions"),
        (lambda: CurveOf(SPEC, "late_drift", 3), "late_drift is not recorded: set RecordSpec.epoch_images"),
        (lambda: CurveOf(SPEC, "validation_accuracy", 3), "validation_accuracy is not recorded: set DataSpec"),
        (lambda: CurveOf(SPEC, "line_fall", 3), "line_fall is not recorded: there is a line only from a chain"),
        (lambda: CurveOf(SPEC, "rank", 3), "rank is not recorded: MLP-8 on mnist_small"),
        (lambda: CurveOf(REFIT, "learning_distance", 3), "learning_distance is not recorded"),
        (lambda: CurveOf(EPOCHS, "test_accuracy", 3), "test_accuracy is not recorded: ReLU network 9 with one hidden"),
        (lambda: CurveOf(EPOCHS, "rank", 3), "rank is not recorded: ReLU network 9 with one hidden layer"),
        (lambda: CurveOf(SPEC, "test_accuracy", 0), "CurveOf.levels must be a whole number of at least 1, got 0"),
        (lambda: CurveOf(SPEC, "test_accuracy", 3, -1), "CurveOf.offset must be a whole number of at least 0, got -1"),
    ],
)
def test_a_curve_that_training_would_not_bring_is_refused_when_it_is_registered(make, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make()


def test_an_offset_moves_the_seeds_that_are_trained():
    assert CurveOf(SPEC, "test_accuracy", 2, 500).seeds((1000, 1011)) == (1500, 1511)


def test_the_whole_of_a_curve_holds_every_level_of_it_and_no_more():
    curve = CurveOf(SPEC, "test_accuracy", 4)
    position = curve.position()
    assert list(curve.whole.levels(position)) == [0, 1, 2, 3]
    further = np.append(position, position[-1] * 0.98)
    assert list(curve.whole.levels(further)) == [0, 1, 2, 3]
