"""Measures of Parhi et al. 2021 of a trained ReLU network: its nonzero weights, its inner matrix, its neurons.

A weight counts as nothing at an absolute value of 1e-3 and below (`SMALL`), the paper's own threshold, chosen because
the largest entry of a matrix was 0.1 to 0.2. Where a size is relative to the largest, 1 % of it is the same reading.
The thresholds are part of every stored measure, so a change of one needs a new `spec.PIPELINE`.

In portable arithmetic weights, loss and neurons have the same bits on every processor, and so has the nonzero fraction.
Singular values, norms and cosines follow from them in double precision by LAPACK and BLAS, whose last bits differ.
Only counts are kept of these, and a count differs only where a value lies within some 1e-15 of its threshold.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sdd_claims.measures.weights import SMALL

RELATIVE = 0.01
"""Share of the largest singular value, or of the largest row, up to which another counts as nothing."""

PARALLEL = 0.9
"""Absolute cosine of the angle to a pattern from which a row repeats it: four fifths of the row's squared norm are
along the pattern. Random rows of 64 entries reach 0.5 at most."""

SAME = 0.999
"""Cosine of the angle between two neurons' outputs from which they count as one; 0.99 and 0.9999 give the same counts
within two on pilots."""


BY_LAPACK = ("rank", "parallel_rows", "active_neurons")
"""The counts that read singular values, norms or cosines."""


def measures(
    weights: Mapping[str, Tensor], loss: float, hidden: Sequence[Float[Tensor, "batch neurons"]]
) -> dict[str, Any]:
    """The measures of a ReLU network, by the names of `LevelRecord`'s fields; none where a number is not finite.

    Args:
        weights: weights of the network.
        loss: loss on the training points, without the penalty.
        hidden: outputs of the neurons of each hidden layer on the training points.
    """
    if not all(bool(value.isfinite().all()) for value in (*weights.values(), *hidden, torch.tensor(loss))):
        return {}
    found: dict[str, Any] = {
        "train_loss": loss,
        "nonzero_fraction": nonzero_fraction(weights),
        "active_neurons": float(active_neurons(weights, hidden)),
    }
    if (values := inner_singular_values(weights)) is not None:
        found["rank"] = float(rank(values))
    if (factor := right_factor(weights)) is not None:
        found["parallel_rows"] = float(parallel_rows(factor))
    return found


def nonzero_fraction(weights: Mapping[str, Tensor]) -> float:
    """Fraction of entries above `SMALL` in absolute value, averaged over all weight matrices, each counting the same.

    The paper calls it sparsity. Its matrices are W(l), V(l) and C(l) of theorem 1; it does not say whether the skip
    connections C(l) count, and here they do.
    """
    matrices = [value for value in weights.values() if value.ndim > 1]
    return sum(float((value.abs() > SMALL).double().mean()) for value in matrices) / len(matrices)


def inner_singular_values(weights: Mapping[str, Tensor]) -> Float[Tensor, " values"] | None:
    """Singular values of the matrix between two hidden layers, the largest first; None without a second layer.

    That matrix is W(2) V(1), or W(2) where V(1) is the identity. A product has the singular values of the small one of
    its factors' triangular parts.
    """
    layers = _layers(weights)
    if len(layers) < 2:
        return None
    matrix, factor = weights[f"{layers[1]}.W"].double(), right_factor(weights)
    if factor is not None:
        matrix = torch.linalg.qr(matrix).R @ torch.linalg.qr(factor.mT).R.mT
    return torch.linalg.svdvals(matrix)


def right_factor(weights: Mapping[str, Tensor]) -> Float[Tensor, "functions neurons"] | None:
    """V(1), whose rows are the patterns that the inner matrix combines; None where that is not factored, or absent."""
    layers = _layers(weights)
    return weights[f"{layers[0]}.V"].double() if len(layers) > 1 and f"{layers[0]}.V" in weights else None


def rank(values: Float[Tensor, " values"]) -> int:
    """Number of singular values, the largest first, above `RELATIVE` times the largest and above `SMALL`.

    It is the epsilon-rank of Golub & Van Loan (Matrix Computations, 4th ed., 5.4.1), with epsilon the relative size
    below which the paper calls a weight nothing. The default tolerance of numpy's `matrix_rank`, rounding error, would
    call the jitter of the last optimizer steps a rank.
    """
    return int((values > max(RELATIVE * float(values[0]), SMALL)).sum())


def parallel_rows(matrix: Float[Tensor, "rows columns"]) -> int:
    """Number of rows that repeat the matrix's strongest pattern, its first right singular vector.

    Counted are rows of more than `RELATIVE` times the largest row's norm, and of more than `SMALL`, within `PARALLEL`.
    For V(1), 1 means that one pattern is learned once, 12 that the same one is learned twelve times; in the product
    W(2) V(1), whose rows combine those of V(1), all rows are parallel in both cases.
    """
    norms = matrix.norm(dim=1)
    _, _, right = torch.linalg.svd(matrix, full_matrices=False)
    sizeable = norms > max(RELATIVE * float(norms.max()), SMALL)
    return int(((matrix @ right[0]).abs() >= PARALLEL * norms)[sizeable].sum())


def active_neurons(weights: Mapping[str, Tensor], hidden: Sequence[Float[Tensor, "batch neurons"]]) -> int:
    """Number of hidden neurons that act on the next layer and differ.

    A neuron acts if on some input it adds more than `SMALL` to an entry of the next layer. Neurons of a layer with the
    same outputs up to a factor, within a cosine of `SAME`, count as one: splitting a neuron in two changes neither the
    network nor the sum of squares, so that weight decay cannot distinguish the two, and the theory counts distinct
    neurons. Scaling a neuron's incoming weights up and its outgoing ones down changes nothing.

    Args:
        weights: weights of the network.
        hidden: outputs of the neurons of each hidden layer on the training inputs.
    """
    count = 0
    for layer, outputs in zip(_layers(weights), hidden, strict=True):
        largest = weights[f"{layer}.V"].abs().amax(0) if f"{layer}.V" in weights else 1
        active = outputs[:, outputs.amax(0) * largest > SMALL].double()
        alike = (active.mT @ active) >= SAME * active.norm(dim=0) * active.norm(dim=0)[:, None]
        count += _groups(alike)
    return count


def _groups(alike: Bool[Tensor, "neurons neurons"]) -> int:
    """Number of groups of similar neurons: each neuron, in turn, removes all those that are like it."""
    left, count = torch.ones(len(alike), dtype=torch.bool), 0
    for neuron in range(len(alike)):
        if left[neuron]:
            left &= ~alike[neuron]
            count += 1
    return count


def _layers(weights: Mapping[str, Tensor]) -> list[str]:
    return [name.removesuffix(".W") for name in weights if name.endswith(".W")]
