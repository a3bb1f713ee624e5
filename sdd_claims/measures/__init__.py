"""What is measured on a trained stack."""

from sdd_claims.measures.accuracy import Evaluation, evaluate_test, evaluate_training
from sdd_claims.measures.cost import training_flops_per_image
from sdd_claims.measures.distance import learning_distance

__all__ = ["Evaluation", "evaluate_test", "evaluate_training", "learning_distance", "training_flops_per_image"]
