"""The compiled gradient is that of PyTorch's autograd in double precision, dense or sparse, and so is the loss.

The kernels compute in single precision throughout, so that rounding is all that may differ.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from sdd_claims.compiled.form import Form, form, live_units
from sdd_claims.compiled.network import all_logits, count_right, forward, gradient, losses, room
from sdd_claims.compiled.tests.precision import rounding
from sdd_claims.compiled.updates import add_matrix_norm

IMAGES = 40


@dataclass
class Case:
    """A random network and a random batch; one density may stand for those of all layers."""

    seed: int
    widths: tuple[int, ...] = (12, 9, 7, 4)
    densities: tuple[float, ...] = (0.4,)
    batch: int = 17
    alpha: float | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        draw = np.random.default_rng(self.seed)
        density = self.densities * (len(self.widths) - 1) if len(self.densities) == 1 else self.densities
        shapes = [(above, below) for below, above in pairwise(self.widths)]
        self.kept = [draw.random(shape) < share for shape, share in zip(shapes, density, strict=True)]
        self.weights = [
            (draw.standard_normal(mask.shape) / mask.shape[1] ** 0.5 * mask).astype(np.float32) for mask in self.kept
        ]
        signs = [draw.integers(-1, 2, shape[0]) for shape in shapes]  # some biases are zero: units that may be dead
        self.biases = [(0.3 * sign * draw.random(len(sign))).astype(np.float32) for sign in signs]
        self.images = draw.standard_normal((IMAGES, self.widths[0])).astype(np.float32)
        self.chosen = draw.integers(0, IMAGES, self.batch)
        self.labels = draw.integers(0, self.widths[-1], self.batch)
        self.teacher = (3 * draw.standard_normal((self.batch, self.widths[-1]))).astype(np.float32)

    def form(self, *, sparse: bool) -> Form:
        return form(self.weights, self.biases, self.kept, sparse=sparse)

    def gradient(self, of: Form) -> np.ndarray:
        """The compiled one; memory for these or more images, full of NaN, must not show, and is not left."""
        memory = room(of.network, self.batch + self.seed % 2 * 3)
        whole = {
            name: np.full(len(part) + 64, np.nan, np.float32)
            for name, part in memory._asdict().items()
            if name not in ("ones", "zeros", "order")
        }
        memory = memory._replace(**{name: each[:-64] for name, each in whole.items()})
        found = np.full_like(of.parameters, np.nan)
        taught = np.zeros((0, 0), np.float32) if self.alpha is None else self.teacher
        alpha, temperature = np.float32(self.alpha or 0.0), np.float32(self.temperature)
        gradient(
            of.network, of.parameters, self.images, self.chosen, self.labels, taught, alpha, temperature, memory, found
        )
        assert all(np.isnan(each[-64:]).all() for each in whole.values())
        return found

    def expected(self) -> tuple[float, list[np.ndarray], list[np.ndarray]]:
        """Loss, and its gradients by weights and by biases, in double precision."""
        weights, biases = (
            [torch.from_numpy(each).double().requires_grad_() for each in values]
            for values in (self.weights, self.biases)
        )
        active = torch.from_numpy(self.images[self.chosen]).double()
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            active = active @ weight.T + bias
            if layer < len(weights) - 1:
                active = active.relu()
        loss = cross_entropy(active, torch.from_numpy(self.labels))
        if self.alpha is not None:
            ours, theirs = (
                log_softmax(logits / self.temperature, 1)
                for logits in (active, torch.from_numpy(self.teacher).double())
            )
            soft = kl_div(ours, theirs, reduction="batchmean", log_target=True)
            loss = (1 - self.alpha) * loss + self.alpha * self.temperature**2 * soft
        slopes = [slope.numpy() for slope in torch.autograd.grad(loss, [*weights, *biases])]
        return float(loss.detach()), slopes[: len(weights)], slopes[len(weights) :]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    hidden = draw(st.lists(st.integers(1, 20), min_size=1, max_size=3))
    widths = (draw(st.integers(1, 40)), *hidden, draw(st.integers(2, 11)))
    share = st.sampled_from([0.0, 0.05, 0.2, 0.5, 1.0])
    return Case(
        seed=draw(st.integers(0, 10**6)),
        widths=widths,
        densities=tuple(draw(share) for _ in widths[1:]),
        batch=draw(st.integers(1, IMAGES)),
        alpha=draw(st.none() | st.sampled_from([0.0, 0.3, 1.0])),
        temperature=draw(st.sampled_from([1.0, 4.0, 20.0])),
    )


def assert_near(found: np.ndarray, expected: np.ndarray, scale: float) -> None:
    assert np.abs(found - expected).max(initial=0.0) <= rounding(1e-5) * scale + rounding(1e-9)


def logits_at_once(case: Case, of: Form) -> np.ndarray:
    """Those of all images in one batch, [classes, images]."""
    memory = room(of.network, case.batch)
    forward(of.network, of.parameters, case.images, case.chosen, memory)
    first, classes = of.network.active_at[-1] * case.batch, of.network.widths[-1]
    return memory.active[first : first + classes * case.batch].reshape(classes, case.batch).copy()


def pieces(of: Form, slopes: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What is trained, layer by layer: weights and biases."""
    starts = [
        (slopes[at : at + len(weights)], slopes[offset : offset + len(units)])
        for at, weights, offset, units in zip(of.network.weights, of.trained, of.network.biases, of.units, strict=True)
    ]
    return [weights for weights, _ in starts], [biases for _, biases in starts]


@settings(max_examples=250)
@given(case=cases())
@example(Case(0, batch=1))
@example(Case(1, densities=(0.0,)))
@example(Case(2, densities=(1.0,), alpha=0.5, temperature=4.0))
@example(Case(3, widths=(1, 1, 2), densities=(1.0,), batch=16))
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_the_gradient_is_that_of_autograd_and_what_is_left_out_has_none(sparse, case):
    of = case.form(sparse=sparse)
    _, by_weights, by_biases = case.expected()
    found = pieces(of, case.gradient(of))
    scale = max(np.abs(slopes).max() for slopes in (*by_weights, *by_biases))
    for layer, (weights, biases) in enumerate(zip(*found, strict=True)):
        chosen, units = of.trained[layer], of.units[layer]
        assert_near(weights, by_weights[layer].reshape(-1)[chosen], scale)
        assert_near(biases, by_biases[layer][units], scale)
        # Kept weights that are not trained, and biases, have a gradient of exactly zero.
        idle = case.kept[layer].reshape(-1).copy()
        idle[chosen] = False
        assert not by_weights[layer].reshape(-1)[idle].any()
        assert not np.delete(by_biases[layer], units).any()


@settings(max_examples=150)
@given(case=cases())
def test_the_sparse_form_trains_what_the_dense_form_trains(case):
    dense, sparse = case.form(sparse=False), case.form(sparse=True)
    of_dense, of_sparse = (pieces(each, case.gradient(each)) for each in (dense, sparse))
    scale = max((np.abs(slopes).max(initial=0.0) for slopes in (*of_dense[0], *of_dense[1])), default=0.0)
    for layer, (chosen, units) in enumerate(zip(sparse.trained, sparse.units, strict=True)):
        assert_near(of_sparse[0][layer], of_dense[0][layer][chosen], scale)
        assert_near(of_sparse[1][layer], of_dense[1][layer][units], scale)


@settings(max_examples=150)
@given(case=cases(), batch=st.integers(1, IMAGES + 3), sparse=st.booleans())
def test_loss_and_accuracy_are_those_of_double_precision(case, batch, sparse):
    of = case.form(sparse=sparse)
    logits = all_logits(of.network, of.parameters, case.images[case.chosen], room(of.network, batch), batch)
    found = np.empty(case.batch)
    right = losses(logits, case.labels, found)
    plain = Case(case.seed, case.widths, case.densities, case.batch)
    assert found.mean() == pytest.approx(plain.expected()[0], rel=rounding(1e-5), abs=rounding(1e-7))
    assert np.array_equal(logits, logits_at_once(case, of))
    assert right == count_right(logits, case.labels) == int((logits.argmax(0) == case.labels).sum())


def test_among_equal_logits_the_first_class_counts():
    logits = np.array([[1, 0, 2], [1, 3, 2], [0, 3, 2]], np.float32)
    found = np.empty(3)
    assert losses(logits, np.array([0, 1, 0]), found) == 3
    assert losses(logits, np.array([1, 2, 2]), found) == 0


def test_far_apart_logits_have_the_loss_of_their_distance():
    found = np.empty(3)
    losses(np.array([[1e4, 0, 3e38], [-1e4, 900, -3e38]], np.float32), np.array([1, 0, 1]), found)
    assert found == pytest.approx([2e4, 900, 6e38], rel=1e-6)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_a_pixel_that_is_no_number_spoils_its_image_and_the_gradient_and_no_other_image(sparse):
    case = Case(5, densities=(0.3,))
    of = case.form(sparse=sparse)
    logits = logits_at_once(case, of)
    case.images[case.chosen[0], of.network.pixels[0]] = np.nan
    found = logits_at_once(case, of)
    other = case.chosen != case.chosen[0]
    assert other.sum() > 1
    assert np.array_equal(found[:, other], logits[:, other])
    assert np.isnan(found[:, 0]).any()
    assert np.isnan(case.gradient(of)).any()


def test_a_weight_that_is_no_number_makes_every_loss_and_the_gradient_nan():
    case = Case(6, densities=(1.0,))
    case.weights[-1][0, 0] = np.nan
    of = case.form(sparse=False)
    found = np.empty(case.batch)
    losses(logits_at_once(case, of), case.labels, found)
    assert np.isnan(found).all()
    assert np.isnan(case.gradient(of)).any()


@settings(max_examples=150)
@given(case=cases())
def test_what_is_written_back_is_what_was_read(case):
    for sparse in (False, True):
        of = case.form(sparse=sparse)
        weights, biases = [each.copy() for each in case.weights], [each.copy() for each in case.biases]
        for before, after in ((0, 1), (1, 2)):
            of.parameters[:] *= after / max(before, 1)
            of.write(weights, biases)
        for layer, (chosen, units) in enumerate(zip(of.trained, of.units, strict=True)):
            factor = np.ones(case.weights[layer].size, np.float32)
            factor[chosen] = 2
            assert np.array_equal(weights[layer].reshape(-1), case.weights[layer].reshape(-1) * factor)
            factor = np.ones(len(case.biases[layer]), np.float32)
            factor[units] = 2
            assert np.array_equal(biases[layer], case.biases[layer] * factor)


@settings(max_examples=150)
@given(case=cases())
def test_only_kept_weights_between_live_units_are_trained_and_pruned_ones_are_masked(case):
    live = live_units(case.kept, [bias > 0 for bias in case.biases])
    sparse, dense = case.form(sparse=True), case.form(sparse=False)
    assert sparse.network.widths.tolist() == [int(units.sum()) for units in live]
    for mask, (below, above), chosen in zip(case.kept, pairwise(live), sparse.trained, strict=True):
        assert chosen.tolist() == np.flatnonzero(mask & above[:, None] & below).tolist()
    assert sparse.mask.all()
    assert (dense.mask == 0).sum() == sum(int((~mask).sum()) for mask in case.kept)
    assert not dense.parameters[dense.mask == 0].any()


@settings(max_examples=100)
@given(
    seed=st.integers(0, 10**6), units=st.integers(1, 6), below=st.integers(1, 6), strength=st.sampled_from([0.5, 2.0])
)
def test_the_matrix_norm_has_the_subgradient_of_pytorch_among_ties_as_well(seed, units, below, strength):
    """Of small whole numbers, whose sums are exact and often equal."""
    draw = np.random.default_rng(seed)
    values = draw.integers(-2, 3, units * below + units).astype(np.float32)
    found = np.ones_like(values)
    places = np.array([below, units]), np.array([0]), np.array([units * below])
    add_matrix_norm(values, np.float32(strength), places, np.full(max(units, below), np.nan, np.float32), found)
    whole = torch.from_numpy(values.astype(np.float64)).requires_grad_()
    weights, bias = whole[: units * below].view(units, below), whole[units * below :]
    (strength * (torch.linalg.norm(weights, 1) + torch.linalg.norm(bias, 1))).backward()
    assert whole.grad is not None
    assert found == pytest.approx(1 + whole.grad.numpy(), rel=1e-6)
