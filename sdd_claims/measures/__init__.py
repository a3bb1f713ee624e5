"""What is measured on a trained stack."""

from sdd_claims.measures.accuracy import Evaluation, evaluate_test, evaluate_training
from sdd_claims.measures.cost import training_flops_per_image
from sdd_claims.measures.distance import learning_distance
from sdd_claims.measures.epochs import EpochWatch
from sdd_claims.measures.line import Line, along_line
from sdd_claims.measures.sharpness import losses_along_directions, sharpness

__all__ = [
    "EpochWatch",
    "Evaluation",
    "Line",
    "along_line",
    "evaluate_test",
    "evaluate_training",
    "learning_distance",
    "losses_along_directions",
    "sharpness",
    "training_flops_per_image",
]
