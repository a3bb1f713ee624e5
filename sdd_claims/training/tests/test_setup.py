"""In portable arithmetic stacks share the images of their data set."""

import torch

from sdd_claims.data.datasets import load
from sdd_claims.data.preparation import prepare
from sdd_claims.record import Replica
from sdd_claims.runs.penalty_path import train_path
from sdd_claims.runs.tests.portable_numbers import ADAM, CHAIN, MATRIX_NORM, levels
from sdd_claims.spec import PathSpec, PruningSpec, RecordSpec, RunSpec
from sdd_claims.training import draw_setup

CPU = torch.device("cpu")
SIDE = CHAIN.data.side


def images(spec: RunSpec, seed: int = 0) -> tuple[int, int]:
    """Where a setup has its training and test images."""
    setup = draw_setup([Replica(spec, seed)], CPU)
    return setup.training.images.data_ptr(), setup.test_images.data_ptr()


def test_images_are_prepared_once_for_stacks_that_follow_each_other():
    assert images(CHAIN) == images(CHAIN.but(noise={"rate": 0.4}), seed=1)
    other = CHAIN.but(data={"side": 14})
    assert draw_setup([Replica(other, 0)], CPU).input_shape == (1, 14, 14)
    assert draw_setup([Replica(CHAIN, 0)], CPU).input_shape == (1, SIDE, SIDE)


def test_neither_training_nor_measures_write_into_shared_images():
    before = images(CHAIN)
    for spec in (CHAIN, ADAM):
        levels(spec, 2)
    path = MATRIX_NORM.but(
        training={"penalty": {"strength": 0.0}},
        path=PathSpec(over="penalty_strength", values=(0.0, 0.01, 0.1)),
        pruning=PruningSpec(criterion="none"),
        record=RecordSpec(),
    )
    train_path([Replica(path, 0)], CPU)
    setup = draw_setup([Replica(CHAIN, 0)], CPU)
    shared = setup.training.images, setup.test_images
    assert (shared[0].data_ptr(), shared[1].data_ptr()) == before
    for one, fresh in zip(shared, prepare(load("mnist_small"), SIDE), strict=True):
        assert torch.equal(one, fresh)
