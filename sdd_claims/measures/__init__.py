"""Measures of trained networks: accuracy, distance, sharpness, loss along a line, weights, training cost."""

from sdd_claims.measures.accuracy import Evaluation, evaluate_test, evaluate_training
from sdd_claims.measures.cost import TrainingCost, training_cost, training_flops_per_image
from sdd_claims.measures.distance import learning_distance
from sdd_claims.measures.epochs import EpochWatch
from sdd_claims.measures.level import TrainedLevel
from sdd_claims.measures.line import Line, along_line
from sdd_claims.measures.sharpness import losses_along_directions, sharpness
from sdd_claims.measures.weights import small_fraction, weight_variance, zero_fraction

__all__ = [
    "EpochWatch",
    "Evaluation",
    "Line",
    "TrainedLevel",
    "TrainingCost",
    "along_line",
    "evaluate_test",
    "evaluate_training",
    "learning_distance",
    "losses_along_directions",
    "sharpness",
    "small_fraction",
    "training_cost",
    "training_flops_per_image",
    "weight_variance",
    "zero_fraction",
]
