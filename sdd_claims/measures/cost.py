"""What training costs."""

import torch
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from sdd_claims.models import Architecture


def training_flops_per_image(architecture: Architecture, input_shape: tuple[int, int, int]) -> int:
    """Floating-point operations of the matrix products in one forward and backward pass, by PyTorch's own counter.

    Counted dense: a pruned weight costs what it costs without sparse kernels.
    """
    count = 2  # batch norm in training refuses a single value a channel
    images = torch.empty(count, *input_shape, device="meta")
    labels = torch.zeros(count, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter:
        cross_entropy(architecture.module(images), labels).backward()  # type: ignore[no-untyped-call]
    for parameter in architecture.module.parameters():
        parameter.grad = None
    return int(counter.get_total_flops()) // count
