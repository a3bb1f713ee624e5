"""The last layer of a trained network, refitted on the features of the layers before it (the learned kernel).

Zhang 2024, 4.1, names the direction and no details. Here both refits are regressions of targets +1 (an image's class)
and -1 (all other classes) on standardised features, with an intercept that is not penalised, in units that do not
depend on the number of images:

    ridge: sum over classes of |target - prediction|^2 / (2 images) + strength / 2 x |w|^2
    lasso: sum over classes of |target - prediction|^2 / (2 images) + strength x |w|_1
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call

from sdd_claims.errors import InputError
from sdd_claims.models import Architecture
from sdd_claims.training import Weights, products_in

_ITERATIONS = 20_000  # of the lasso, each over all weights


@dataclass(frozen=True, eq=False)
class Refit:
    """The last layer fitted at one strength.

    Attributes:
        weights: weights of the standardised features.
        intercept: intercept of each class.
        train_scores: scores of the images it was fitted to.
        test_scores: scores of the other images.
    """

    weights: Float[np.ndarray, "classes features"]
    intercept: Float[np.ndarray, " classes"]
    train_scores: Float[np.ndarray, "images classes"]
    test_scores: Float[np.ndarray, "others classes"]


def last_layer(architecture: Architecture) -> nn.Linear:
    """The layer to refit.

    Raises:
        InputError: the network is no sequence of layers that ends with a linear one.
    """
    *_, last = architecture.module.children()
    if not isinstance(architecture.module, nn.Sequential) or not isinstance(last, nn.Linear):
        raise InputError(
            "only a network that is a sequence of layers, the last one linear, has a last layer to refit; choose "
            "another model, such as 'mlp'"
        )
    return last


@torch.no_grad()
@products_in("float32")
def learned_features(
    architecture: Architecture,
    weights: Weights,
    images: Float[Tensor, "images channels height width"],
    *,
    portable: bool = False,
) -> Float[np.ndarray, "images features"]:
    """The inputs of a trained network's last layer for some images.

    Args:
        architecture: the network's form; a plain MLP in portable arithmetic.
        weights: its weights.
        images: the images.
        portable: whether they are computed in portable arithmetic.

    Raises:
        InputError: the network is no sequence of layers that ends with a linear one.
    """
    last_layer(architecture)
    if portable:
        from sdd_claims.training.compiled_stack import last_hidden_units  # late: it needs Numba

        return last_hidden_units(architecture, weights, images).astype(np.float64)
    # The layers keep the names that they have in the whole network.
    kernel = nn.Sequential(*list(architecture.module.children())[:-1]).eval()
    own = {name: weights[name].to(images.device) for name in kernel.state_dict()}
    features = functional_call(kernel, own, (images,))
    return features.double().cpu().numpy()


def refits(
    kind: str,
    features: Float[np.ndarray, "images features"],
    labels: Int[np.ndarray, " images"],
    others: Float[np.ndarray, "others features"],
    classes: int,
    strengths: Sequence[float],
) -> list[Refit]:
    """Fit the last layer at every strength.

    At strength 0 both kinds are the least-squares fit of the smallest weights.

    Args:
        kind: "ridge" or "lasso".
        features: features of the training images.
        labels: labels of the training images.
        others: features of the images to predict.
        classes: number of classes.
        strengths: strengths in the units of this module.

    Raises:
        InputError: the lasso has not converged.
    """
    centre, scale = features.mean(0), features.std(0)
    # A feature that is constant over the training images predicts nothing.
    varies = scale > 0
    scale = np.where(varies, scale, 1.0)
    train, test = ((rows - centre) / scale * varies for rows in (features, others))
    targets = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)
    fit = _ridge if kind == "ridge" else _lasso
    found = {
        strength: Refit(weights, intercept, train @ weights.T + intercept, test @ weights.T + intercept)
        for strength, weights, intercept in fit(train, targets, sorted(strengths, reverse=True))
    }
    return [found[strength] for strength in strengths]


_Fits = Iterator[tuple[float, Float[np.ndarray, "classes features"], Float[np.ndarray, " classes"]]]


def _ridge(rows: Float[np.ndarray, "images features"], targets: np.ndarray, strengths: Sequence[float]) -> _Fits:
    from sklearn.linear_model import Ridge  # late: most runs fit none, and it takes a second

    for strength in strengths:
        # Of scikit-learn's solvers this one handles strength 0 and linearly dependent features.
        model = Ridge(alpha=len(rows) * strength, solver="svd").fit(rows, targets)
        yield strength, model.coef_, model.intercept_


def _lasso(rows: Float[np.ndarray, "images features"], targets: np.ndarray, strengths: Sequence[float]) -> _Fits:
    """From the greatest strength down, each fit starts where the one before it ended."""
    from sklearn.exceptions import ConvergenceWarning  # late, as above
    from sklearn.linear_model import Lasso

    model = Lasso(warm_start=True, max_iter=_ITERATIONS, precompute=True)
    for strength in strengths:
        if strength == 0:
            yield from _ridge(rows, targets, [0.0])
            return
        model.set_params(alpha=strength)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(rows, targets)
            except ConvergenceWarning as warning:
                raise InputError(
                    f"the lasso has not converged at strength {strength:g} within {_ITERATIONS} iterations "
                    f"({warning}); begin the path at a greater strength"
                ) from warning
        yield strength, model.coef_.copy(), np.array(model.intercept_)
