"""Sparse products train the network that masks train, and leave alone what is pruned or dead."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sdd_claims import measures
from sdd_claims.models import Architecture
from sdd_claims.pruning import dense_masks
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import DataSpec, ModelSpec, NoiseSpec, OptimizerSpec, PruningSpec, RunSpec, TrainingSpec
from sdd_claims.training import ReplicaStack, SparseStack, TrainingData, Weights, form, sparse_where_faster, train
from sdd_claims.training.sparse import is_plain_mlp, live_units
from sdd_claims.training.tests import plain

CPU = torch.device("cpu")
MOMENTUM = TrainingSpec(epochs=3, batch_size=8, optimizer=OptimizerSpec(lr=0.1, momentum=0.9))
ADAM = TrainingSpec(epochs=3, batch_size=8, optimizer=OptimizerSpec(name="adam", lr=0.01))
NONE = [0.0, 0.0, 0.0]


def network(seed: int, density: float) -> tuple[Weights, Weights]:
    """A random network with random masks and with biases of both signs, some zero."""
    generator = torch.Generator().manual_seed(seed)
    weights, masks = {}, {}
    for name, parameter in plain.ARCHITECTURE.module.named_parameters():
        weights[name] = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        if name in plain.ARCHITECTURE.prunable:
            masks[name] = torch.rand(parameter.shape, generator=generator) < density
        elif parameter.ndim == 1:
            weights[name] *= torch.randint(2, parameter.shape, generator=generator)
    return weights, masks


def pair(networks: Sequence[tuple[Weights, Weights]]) -> tuple[ReplicaStack, SparseStack]:
    """The networks as a masked and as a sparse stack."""
    weights, masks = zip(*networks, strict=True)
    one, other = (ReplicaStack(plain.ARCHITECTURE, weights, masks, CPU) for _ in range(2))
    return one, SparseStack(other)


def dead_by_hand(weights: Weights, masks: Weights) -> dict[str, list[bool]]:
    """For each hidden unit whether it is dead, by following kept weights from unit to unit: 9 pixels, 7 units, 5, 4."""
    into = {"1": masks["1.weight"].tolist(), "3": masks["3.weight"].tolist()}
    sounds = {"1": [any(row) or b > 0 for row, b in zip(into["1"], weights["1.bias"].tolist(), strict=True)]}
    sounds["3"] = [
        any(kept and sounds["1"][i] for i, kept in enumerate(row)) or b > 0
        for row, b in zip(into["3"], weights["3.bias"].tolist(), strict=True)
    ]
    idle = [not any(row[i] for row in into["3"]) for i in range(7)]
    return {
        "1": [not s or i for s, i in zip(sounds["1"], idle, strict=True)],
        "3": [not s for s in sounds["3"]],  # the last layer is never pruned: everything that sounds is heard
    }


def on_test(stack: ReplicaStack, data: TrainingData) -> measures.Evaluation:
    return measures.evaluate_test(stack, data.images, torch.arange(len(data.images)) % 4)


densities = st.sampled_from([0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0])


@settings(max_examples=40, deadline=None)
@given(
    seeds=st.lists(st.integers(0, 10**6), min_size=3, max_size=3),
    density=st.lists(densities, min_size=3, max_size=3),
    spec=st.sampled_from([MOMENTUM, ADAM]),
)
def test_sparse_and_masked_training_agree_and_what_is_pruned_or_dead_never_moves(seeds, density, spec):
    networks = [network(seed, share) for seed, share in zip(seeds, density, strict=True)]
    masked, sparse = pair(networks)
    data = plain.data(3, torch.float64)
    start = masked.unstacked()
    for stack in (masked, sparse):
        train(stack, data, spec, plain.numbers(NONE))
    for (weights, masks), began, one, other in zip(
        networks, start, masked.unstacked(), sparse.unstacked(), strict=True
    ):
        for name, value in one.items():
            torch.testing.assert_close(other[name], value, rtol=1e-9, atol=1e-11)
            if name in masks:
                assert not other[name][~masks[name]].any()
        for layer, dead in dead_by_hand(weights, masks).items():
            for name in (f"{layer}.weight", f"{layer}.bias"):
                assert torch.equal(other[name][dead], began[name][dead])
                assert torch.equal(one[name][dead], began[name][dead])
    for measured in (measures.evaluate_training, on_test):
        expected, found = measured(masked, data), measured(sparse, data)
        torch.testing.assert_close(found.accuracy, expected.accuracy)
        torch.testing.assert_close(found.loss, expected.loss, rtol=1e-9, atol=1e-11)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), density=densities)
def test_dead_are_the_units_that_nothing_hears_and_those_that_stay_silent(seed, density):
    weights, masks = network(seed, density)
    kept = [masks["1.weight"], masks["3.weight"], torch.ones(4, 5, dtype=torch.bool)]
    live = live_units([k[None] for k in kept], [weights[f"{layer}.bias"][None] > 0 for layer in (1, 3, 5)])
    dead = dead_by_hand(weights, masks)
    heard = [not all(masks["3.weight"].T[unit].logical_not()) for unit in range(7)]
    assert live[0].tolist() == [
        [any(h and row[i] for h, row in zip(heard, masks["1.weight"], strict=True)) for i in range(9)]
    ]
    assert live[1].tolist() == [[not d for d in dead["1"]]]
    assert live[2].tolist() == [[not d for d in dead["3"]]]
    assert live[3].tolist() == [[True] * 4]


def test_death_spreads_backwards_from_idle_and_forwards_from_silent_units():
    """One unit a layer, four layers: pixel -> a -> b -> c -> output; whether pixel, a, b and c live."""
    on, off = torch.ones(1, 1, 1, dtype=torch.bool), torch.zeros(1, 1, 1, dtype=torch.bool)

    def alive(kept: list[Tensor], positive: list[Tensor]) -> list[bool]:
        return [bool(live) for live in live_units(kept, [p[:, 0] for p in positive])[:-1]]

    assert alive([on, on, on, on], [off] * 4) == [True, True, True, True]
    assert alive([on, on, off, on], [off] * 4) == [False, False, False, False]
    assert alive([on, on, off, on], [off, off, on, off]) == [False, False, False, True]
    assert alive([off, on, on, on], [off] * 4) == [False, False, False, False]
    assert alive([off, on, on, on], [off, on, off, off]) == [False, False, True, True]


def test_only_live_units_and_kept_weights_between_them_are_trained():
    networks = [network(seed, 0.15) for seed in (1, 2)]
    _, sparse = pair(networks)
    dead = [dead_by_hand(*each) for each in networks]
    assert any(any(each["1"]) for each in dead)
    for layer, width in (("1", 7), ("3", 5)):
        assert len(sparse.parameters[f"{layer}.bias"]) == sum(width - sum(each[layer]) for each in dead)
    expected = [
        int(masks["3.weight"][[not d for d in gone["3"]]][:, [not d for d in gone["1"]]].sum())
        for (_, masks), gone in zip(networks, dead, strict=True)
    ]
    assert len(sparse.parameters["3.weight"]) == sum(expected)


def test_a_replica_trains_to_the_same_bits_whatever_trains_beside_it():
    spec = replace(MOMENTUM, epochs=2)
    data, networks = plain.data(3, torch.float64), [network(seed, 0.2) for seed in (1, 2, 3)]

    def trained(of: list[tuple[Weights, Weights]]) -> Weights:
        stack = pair(of)[1]
        train(stack, data, spec, plain.numbers(NONE))
        return stack.unstacked()[0]

    one, other = trained(networks), trained([networks[0], network(4, 1.0), network(5, 0.0)])
    assert all(torch.equal(one[name], other[name]) for name in one)


# Where it is faster


def sparse_enough(architecture: Architecture = plain.ARCHITECTURE) -> ReplicaStack:
    names = {name: torch.randn(p.shape) for name, p in architecture.module.named_parameters()}
    masks = {n: torch.rand(m.shape) < 0.1 for n, m in dense_masks(names, architecture.prunable).items()}
    return ReplicaStack(architecture, [names], [masks], CPU)


def test_a_sparse_mlp_is_trained_by_sparse_products():
    assert isinstance(sparse_where_faster(sparse_enough(), plain.ARCHITECTURE, plain.numbers([0.0])), SparseStack)


def test_a_dense_network_and_one_with_weight_decay_or_a_penalty_are_left_as_they_are():
    stack = plain.stack(1)
    assert sparse_where_faster(stack, plain.ARCHITECTURE, plain.numbers([0.0])) is stack
    stack = sparse_enough()
    assert sparse_where_faster(stack, plain.ARCHITECTURE, plain.numbers([0.1])) is stack
    assert sparse_where_faster(stack, plain.ARCHITECTURE, plain.numbers([0.0], [0.1])) is stack


@pytest.mark.parametrize(
    "module",
    [
        [nn.Flatten(), nn.Linear(9, 7), nn.Tanh(), nn.Linear(7, 4)],
        [nn.Flatten(), nn.Linear(9, 7), nn.Linear(7, 4)],
        [nn.Flatten(), nn.Linear(9, 7, bias=False), nn.ReLU(), nn.Linear(7, 4)],
        [nn.Conv2d(1, 7, 3), nn.ReLU(), nn.Flatten(), nn.Linear(7, 4)],
    ],
)
def test_a_network_that_is_no_plain_mlp_is_left_as_it_is(module):
    architecture = Architecture(
        nn.Sequential(*module).to("meta"), (f"{0 if len(module[0]._parameters) else 1}.weight",)
    )
    stack = sparse_enough(architecture)
    assert sparse_where_faster(stack, architecture, plain.numbers([0.0])) is stack


def test_a_plain_mlp_whose_biases_are_pruned_or_whose_layers_have_hooks_is_none():
    def of(prunable=("1.weight",)):
        layers = nn.Flatten(), nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 4)
        return Architecture(nn.Sequential(*layers).to("meta"), prunable)

    assert is_plain_mlp(of())
    assert not is_plain_mlp(of(("1.weight", "1.bias")))
    for place in ("register_forward_hook", "register_forward_pre_hook"):
        for layer in (0, slice(None)):
            hooked = of()
            getattr(hooked.module[layer] if layer == 0 else hooked.module, place)(lambda *_: None)
            assert not is_plain_mlp(hooked)


# Iterative pruning

SPEC = RunSpec(
    data=DataSpec(name="stand_in:mnist_small", side=7, train_size=100),
    noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.2),
    model=ModelSpec(hidden=(16, 8)),
    training=TrainingSpec(epochs=3, batch_size=32, optimizer=OptimizerSpec(lr=0.05, momentum=0.9)),
    pruning=PruningSpec(fraction=0.5),
)
LEVELS = 8


def chain() -> list[list[tuple[LevelRecord, ChainState]]]:
    pruning = IterativePruning([Replica(SPEC, seed) for seed in (0, 1)], CPU)
    states: list[ChainState | None] = [None, None]
    found = []
    for level in range(LEVELS):
        found.append(pruning.next_level(level, states))
        states = [state for _, state in found[-1]]
    return found


def test_a_chain_of_pruning_has_the_records_that_masks_alone_give(monkeypatch):
    chosen = []

    def noting(*arguments):
        chosen.append(sparse_where_faster(*arguments))
        return chosen[-1]

    monkeypatch.setattr(form, "sparse_where_faster", noting)
    with_sparse = chain()
    assert [isinstance(stack, SparseStack) for stack in chosen] == [False] * 2 + [True] * (LEVELS - 2)
    monkeypatch.setattr(form, "sparse_where_faster", lambda stack, *_: stack)
    for one, other in zip(with_sparse, chain(), strict=True):
        for (record, state), (expected, masked) in zip(one, other, strict=True):
            assert record.remaining == expected.remaining
            for name in ("train_loss", "test_loss", "learning_distance"):
                assert getattr(record, name) == pytest.approx(getattr(expected, name), rel=1e-4)
            for name in ("train_accuracy", "test_accuracy"):
                assert getattr(record, name) == pytest.approx(getattr(expected, name), abs=0.011)
            for name, value in masked.trained.items():
                torch.testing.assert_close(state.trained[name], value, rtol=1e-3, atol=1e-5)


def test_a_sparse_network_that_diverged_stays_diverged():
    levels = chain()
    pruning = IterativePruning([Replica(SPEC, seed) for seed in (0, 1)], CPU)
    sound, lost = (state for _, state in levels[4])
    lost = replace(lost, trained={name: weights * float("nan") for name, weights in lost.trained.items()})
    assert [record.diverged for record, _ in pruning.next_level(5, [sound, lost])] == [False, True]
