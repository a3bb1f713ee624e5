"""Weight decay in a sparse form moves every number of a network as it does in the dense form, bit for bit."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sdd_claims.compiled.form import form
from sdd_claims.compiled.tests.test_network import IMAGES, Case, cases
from sdd_claims.compiled.trainer import Trainer

OPTIMIZERS = [("sgd", 0.0), ("sgd", 0.9), ("adam", 0.0), ("adamw", 0.0)]


def trained(case: Case, optimizer: tuple[str, float], decay: float, lr: float, steps: int, *, sparse: bool):
    """All weights and biases after some steps, the pruned and the dead as well."""
    of = form(case.weights, case.biases, case.kept, sparse=sparse, decays=True)
    name, momentum = optimizer
    trainer = Trainer(of, case.batch, optimizer=name, momentum=momentum, weight_decay=decay)
    draw = np.random.default_rng(case.seed)
    count = max(1, steps * case.batch - case.batch // 2)  # the last batch is smaller
    chosen, labels = draw.integers(0, IMAGES, count), draw.integers(0, case.widths[-1], count)
    taught = None if case.alpha is None else draw.standard_normal((count, case.widths[-1])).astype(np.float32)
    trainer.take(case.images, chosen, labels, lr, taught, case.alpha or 0.0, case.temperature)
    weights, biases = [each.copy() for each in case.weights], [each.copy() for each in case.biases]
    of.write(weights, biases)
    return [*weights, *biases]


@settings(max_examples=200)
@given(
    case=cases(),
    optimizer=st.sampled_from(OPTIMIZERS),
    decay=st.sampled_from([1e-4, 0.05, 2.0]),
    lr=st.sampled_from([0.001, 0.1]),
    steps=st.integers(1, 30),
)
@example(Case(0, densities=(0.0,)), ("sgd", 0.9), 2.0, 0.1, 30)
@example(Case(1, widths=(40, 20, 20, 4), densities=(0.05,), batch=40), ("sgd", 0.9), 0.05, 0.1, 30)
@example(Case(2, widths=(40, 20, 20, 4), densities=(0.2,), batch=40), ("adamw", 0.0), 0.05, 0.1, 30)
def test_weight_decay_has_the_bits_of_the_dense_form(case, optimizer, decay, lr, steps):
    dense, sparse = (trained(case, optimizer, decay, lr, steps, sparse=each) for each in (False, True))
    for one, other in zip(dense, sparse, strict=True):
        assert one.tobytes() == other.tobytes()


def small(bias: float) -> Case:
    """A pixel, a unit that no kept weight reaches, and two classes."""
    case = Case(4, widths=(1, 1, 2), densities=(0.0, 1.0))
    case.biases[0][0] = bias
    return case


@pytest.mark.parametrize(("bias", "revived"), [(-0.1, True), (0.0, False)])
def test_a_bias_that_decays_beyond_zero_with_momentum_revives_its_unit(bias, revived):
    """In both forms. A bias of zero stays zero, and its unit is left out."""
    case = small(bias)
    for sparse in (False, True):
        *_, hidden, _ = trained(case, ("sgd", 0.9), 2.0, 0.1, 6, sparse=sparse)
        assert (hidden[0] > 0) == revived
    assert form(case.weights, case.biases, case.kept, sparse=True, decays=True).network.widths[1] == revived


def test_numbers_that_no_gradient_reaches_decay_and_pruned_ones_stay():
    """Two units are kept in the first layer, and the first of them is used by nothing."""
    case = Case(5, widths=(3, 2, 2), densities=(1.0,))
    case.kept[1][:, 0] = False
    case.weights[1][:, 0] = 0
    weights, classes, hidden, _ = trained(case, ("sgd", 0.0), 0.5, 0.1, 1, sparse=True)
    np.testing.assert_allclose(weights[0], case.weights[0][0] * 0.95, rtol=1e-6)
    assert hidden[0] == pytest.approx(case.biases[0][0] * 0.95, rel=1e-6)
    assert not classes[:, 0].any()
    assert form(case.weights, case.biases, case.kept, sparse=True, decays=True).network.widths.tolist() == [3, 1, 2]
