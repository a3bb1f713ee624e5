"""The gradient that the gradient criterion scores weights by (He et al. 2022, A.1)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sdd_claims.randomness import Stream, numpy_stream
from sdd_claims.record import Replica
from sdd_claims.training import ReplicaStack, TrainingData, seed_dropout


def batch_gradients(
    stack: ReplicaStack, data: TrainingData, replicas: Sequence[Replica], level: int
) -> list[dict[str, Tensor]]:
    """The gradient of each replica's mean loss on one random batch of its own training set, noise included."""
    size = min(replicas[0].spec.training.batch_size, data.size)
    streams = [numpy_stream(replica.seed, Stream.PRUNING_SCORES, level) for replica in replicas]
    indices = np.stack([stream.choice(data.size, size, replace=False) for stream in streams])
    batch = torch.from_numpy(indices).to(data.subset.device)
    images = data.seen(data.subset.gather(1, batch))
    if stack.has_dropout:
        seed_dropout(replicas[0].seed, level)
    return stack.gradients(images, data.labels.gather(1, batch))
