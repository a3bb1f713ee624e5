"""Stacked training: all seeds of a setting, and settings that differ only in numbers, train at once as one tensor."""

from sdd_claims.training.arithmetic import portable
from sdd_claims.training.batches import CHUNK, TrainingData, iterations_per_epoch
from sdd_claims.training.checkpoint import Checkpointer, CheckpointSlot, StackCheckpointer
from sdd_claims.training.distillation import Distillation, Teachers
from sdd_claims.training.form import StackForms
from sdd_claims.training.forward import Weights
from sdd_claims.training.loop import Replays, seed_dropout, train
from sdd_claims.training.losses import count_right, mean_loss, summed_loss
from sdd_claims.training.mlp_stack import MlpStack, mlp_stack_where_faster
from sdd_claims.training.portable_form import stack_of
from sdd_claims.training.precision import products_in
from sdd_claims.training.schedules import learning_rate
from sdd_claims.training.setup import Setup, built, draw_setup
from sdd_claims.training.sparse import SparseStack, sparse_where_faster
from sdd_claims.training.stack import ReplicaStack
from sdd_claims.training.step import ReplicaNumbers

__all__ = [
    "CHUNK",
    "CheckpointSlot",
    "Checkpointer",
    "Distillation",
    "MlpStack",
    "Replays",
    "ReplicaNumbers",
    "ReplicaStack",
    "Setup",
    "SparseStack",
    "StackCheckpointer",
    "StackForms",
    "Teachers",
    "TrainingData",
    "Weights",
    "built",
    "count_right",
    "draw_setup",
    "iterations_per_epoch",
    "learning_rate",
    "mean_loss",
    "mlp_stack_where_faster",
    "portable",
    "products_in",
    "seed_dropout",
    "sparse_where_faster",
    "stack_of",
    "summed_loss",
    "train",
]
