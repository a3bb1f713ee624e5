"""Network architectures by name, each with the tensors that pruning may touch."""

from sdd_claims.models.architecture import Architecture, build, initial_weights

__all__ = ["Architecture", "build", "initial_weights"]
