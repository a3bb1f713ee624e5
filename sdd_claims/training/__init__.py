"""Stacked training: all seeds of a setting, and settings that differ only in numbers, in one pass."""

from sdd_claims.training.distillation import Lesson
from sdd_claims.training.loop import ReplicaNumbers, TrainingData, iterations_per_epoch, mean_loss, seed_dropout, train
from sdd_claims.training.mlp_stack import MlpStack, mlp_stack_where_penalised
from sdd_claims.training.schedules import learning_rate
from sdd_claims.training.sparse import SparseStack, sparse_where_faster
from sdd_claims.training.stack import ReplicaStack, Weights

__all__ = [
    "Lesson",
    "MlpStack",
    "ReplicaNumbers",
    "ReplicaStack",
    "SparseStack",
    "TrainingData",
    "Weights",
    "iterations_per_epoch",
    "learning_rate",
    "mean_loss",
    "mlp_stack_where_penalised",
    "seed_dropout",
    "sparse_where_faster",
    "train",
]
