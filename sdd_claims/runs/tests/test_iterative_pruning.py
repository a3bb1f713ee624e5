"""Level by level: what a chain starts from, what it is trained on, what it leaves behind."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import combinations, pairwise

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.optim.optimizer import register_optimizer_step_pre_hook

from sdd_claims.data.datasets import load
from sdd_claims.data.human_labels import human_labels
from sdd_claims.data.label_noise import corrupt
from sdd_claims.data.preparation import prepare
from sdd_claims.data.sampling import draw_training_set
from sdd_claims.data.subset import subset
from sdd_claims.errors import InputError
from sdd_claims.judging.smoke import shrunk
from sdd_claims.measures import sharpness, training_flops_per_image
from sdd_claims.models import build, initial_weights
from sdd_claims.pruning import keep_highest, kept, scheduled_count
from sdd_claims.randomness import Stream, draws, numpy_stream
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import (
    DataSpec,
    ModelSpec,
    NoiseSpec,
    OptimizerSpec,
    PruningSpec,
    RunSpec,
    ScheduleSpec,
    TrainingSpec,
    canonical_json,
)
from sdd_claims.storage.store import Store
from sdd_claims.training import ReplicaStack, TrainingData, Weights, step
from sdd_claims.training.losses import mean_loss
from sdd_claims.training.schedules import learning_rate

CPU = torch.device("cpu")
SIZE, BATCH, EPOCHS = 100, 32, 3
STEPS = 4  # an epoch
SPEC = RunSpec(
    data=DataSpec(name="stand_in:mnist_small", side=7, train_size=SIZE),
    noise=NoiseSpec(kind="symmetric_always_wrong", rate=0.2),
    model=ModelSpec(hidden=(16, 8)),
    training=TrainingSpec(epochs=EPOCHS, batch_size=BATCH, optimizer=OptimizerSpec(lr=0.05, momentum=0.9)),
    pruning=PruningSpec(fraction=0.3),
)
REWOUND = SPEC.but(pruning={"rewind_iteration": 5}, training={"schedule": {"name": "cosine"}})
ARCHITECTURE = build(SPEC.model, (1, 7, 7), 10)
Level = list[tuple[LevelRecord, ChainState]]


@dataclass
class Witness:
    """What every optimizer step saw: images and labels [replicas, batch, ...], learning rate, weights before it."""

    images: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    weights: list[list[Tensor]] = field(default_factory=list)


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Witness]:
    seen, latest = Witness(), {}
    logits, loss = ReplicaStack.logits, mean_loss

    def seeing_images(stack, images):
        latest["images"] = images.clone()
        return logits(stack, images)

    def seeing_labels(predicted, labels):
        latest["labels"] = labels.clone()
        return loss(predicted, labels)

    def note(optimizer: torch.optim.Optimizer, *_: object) -> None:
        group = optimizer.param_groups[0]
        seen.images.append(latest["images"])
        seen.labels.append(latest["labels"])
        seen.lr.append(group["lr"])
        seen.weights.append([p.detach().clone() for p in group["params"]])

    monkeypatch.setattr(ReplicaStack, "logits", seeing_images)
    monkeypatch.setattr(step, "mean_loss", seeing_labels)
    hook = register_optimizer_step_pre_hook(note)
    yield seen
    hook.remove()


def chains(specs_and_seeds: list[tuple[RunSpec, int]], levels: int) -> list[Level]:
    """Take replicas through some levels; the results of each level."""
    pruning = IterativePruning([Replica(spec, seed) for spec, seed in specs_and_seeds], CPU)
    found: list[Level] = []
    states: list[ChainState | None] = [None] * len(specs_and_seeds)
    for level in range(levels):
        found.append(pruning.next_level(level, states))
        states = [state for _, state in found[-1]]
    return found


def initial(seed: int) -> dict[str, Tensor]:
    return initial_weights(ARCHITECTURE, draws(seed, Stream.INITIALIZATION))


def without_seconds(record: LevelRecord) -> LevelRecord:
    return replace(record, seconds=0.0)


def same_bits(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def assert_same_level(one: Level, other: Level) -> None:
    for (record, state), (other_record, other_state) in zip(one, other, strict=True):
        assert without_seconds(record) == without_seconds(other_record)
        assert same_bits(state.masks, other_state.masks)
        assert same_bits(state.trained, other_state.trained)
        assert (state.rewind_point is None) == (other_state.rewind_point is None)
        assert same_bits(state.rewind_point or {}, other_state.rewind_point or {})


# Levels


def test_every_level_keeps_the_scheduled_count_and_records_it():
    levels = chains([(SPEC, 0), (SPEC, 1)], 6)
    total = ARCHITECTURE.prunable_count
    for level, results in enumerate(levels):
        for record, state in results:
            count = scheduled_count(total, 0.7**level)
            assert record.level == level
            assert kept(state.masks) == count
            assert record.density == count / total
            assert record.remaining == {name: int(mask.sum()) for name, mask in state.masks.items()}
            assert abs(record.density - 0.7**level) <= 0.5 / total


def test_masks_are_nested_and_trained_weights_zero_off_them():
    for before, after in pairwise(chains([(SPEC, 0), (SPEC, 1)], 4)):
        for (_, old), (_, new) in zip(before, after, strict=True):
            for name, mask in new.masks.items():
                assert not (mask & ~old.masks[name]).any()
                assert not new.trained[name][~mask].any()
                assert new.trained[name][mask].any()


def test_the_weights_of_smallest_magnitude_after_training_are_pruned():
    dense, pruned = chains([(SPEC, 0)], 2)
    magnitudes = torch.cat([dense[0][1].trained[name].abs().flatten() for name in ARCHITECTURE.prunable])
    keeps = torch.cat([pruned[0][1].masks[name].flatten() for name in ARCHITECTURE.prunable])
    assert magnitudes[~keeps].max() <= magnitudes[keeps].min()


def test_gradient_pruning_looks_at_one_random_batch_of_the_noisy_training_set():
    spec = SPEC.but(pruning={"criterion": "gradient", "fraction": 0.9})  # most weights of dead units have no gradient
    (_, trained), (_, pruned) = (level[1] for level in chains([(spec, 2), (spec, 3)], 2))
    dataset = load(spec.data.name)
    images, _ = prepare(dataset, 7)
    chosen, labels = draw_training_set(dataset, Replica(spec, 3))
    batch = numpy_stream(3, Stream.PRUNING_SCORES, 1).choice(SIZE, BATCH, replace=False)
    weights = {name: value.clone().requires_grad_() for name, value in trained.trained.items()}
    logits = functional_call(ARCHITECTURE.module, weights, (images[chosen[batch]],))
    loss = cross_entropy(logits, torch.from_numpy(labels[batch]))
    gradients = dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))
    scores = torch.cat([(weights[name] * gradients[name]).abs().flatten() for name in ARCHITECTURE.prunable])
    kept_flat = torch.cat([pruned.masks[name].flatten() for name in ARCHITECTURE.prunable])
    assert scores[kept_flat].min() > scores[~kept_flat].max() - 1e-9 > 0
    assert int(kept_flat.sum()) == scheduled_count(ARCHITECTURE.prunable_count, 0.1)


def test_random_pruning_draws_anew_for_every_seed_and_level():
    spec = SPEC.but(pruning={"criterion": "random"})
    levels = chains([(spec, 3), (spec, 4)], 3)
    kept_masks = [torch.cat([state.masks[name].flatten() for name in ARCHITECTURE.prunable]) for _, state in levels[1]]
    expected = scheduled_count(ARCHITECTURE.prunable_count, 0.7) ** 2 / ARCHITECTURE.prunable_count
    both = int((kept_masks[0] & kept_masks[1]).sum())
    assert abs(both - expected) < 5 * expected**0.5  # as many in common as independent draws have
    for level in (1, 2):
        drawn = draws(4, Stream.PRUNING_SCORES, level)
        scores = {name: drawn.uniform(mask.shape) for name, mask in levels[0][1][1].masks.items()}
        kept_now, before = levels[level][1][1].masks, levels[level - 1][1][1].masks
        assert same_bits(kept_now, keep_highest(scores, before, kept(kept_now)))
    again = chains([(spec, 4)], 3)
    assert all(torch.equal(again[2][0][1].masks[n], levels[2][1][1].masks[n]) for n in ARCHITECTURE.prunable)


def test_scratch_starts_every_level_from_weights_of_its_own(witness):
    chains([(SPEC.but(pruning={"retraining": "scratch"}), 3)], 3)
    starts = [witness.weights[level * EPOCHS * STEPS][0][0] for level in range(3)]
    for level, start in enumerate(starts[1:], 1):
        fresh = initial_weights(ARCHITECTURE, draws(3, Stream.INITIALIZATION, level))
        left = start != 0
        assert torch.equal(start[left], next(iter(fresh.values()))[left])


def test_finetuning_goes_on_from_the_trained_weights(witness):
    levels = chains([(SPEC.but(pruning={"retraining": "finetuning"}), 3)], 2)
    names = list(initial(3))
    start = dict(zip(names, witness.weights[EPOCHS * STEPS], strict=True))
    before, after = levels[0][0][1], levels[1][0][1]
    for name, value in before.trained.items():
        assert torch.equal(start[name][0], value * after.masks.get(name, 1))


def test_with_a_constant_rate_and_no_rewinding_finetuning_and_learning_rate_rewinding_are_one():
    one, other = (
        chains([(SPEC.but(pruning={"retraining": name}), 3)], 3) for name in ("finetuning", "learning_rate_rewinding")
    )
    for first, second in zip(one, other, strict=True):
        assert_same_level(first, second)


def test_identity_masks_keep_all_weights_at_every_level():
    for results in chains([(SPEC.but(pruning={"criterion": "none"}), 0)], 3):
        record, state = results[0]
        assert record.density == 1
        assert all(mask.all() for mask in state.masks.values())


def test_every_level_starts_from_the_initial_weights_under_its_mask(witness):
    levels = chains([(SPEC, 3), (SPEC, 4)], 3)
    for level, results in enumerate(levels):
        first = dict(zip(initial(3), witness.weights[level * EPOCHS * STEPS], strict=True))
        for place, (seed, (_, state)) in enumerate(zip((3, 4), results, strict=True)):
            for name, value in initial(seed).items():
                assert torch.equal(first[name][place], value * state.masks.get(name, 1))


# Rewinding


def test_rewinding_starts_from_the_dense_weights_before_its_iteration(witness):
    levels = chains([(REWOUND, 3), (REWOUND, 4)], 3)
    names = list(initial(3))
    dense_before_5 = dict(zip(names, witness.weights[5], strict=True))
    for level in (1, 2):
        first_step = EPOCHS * STEPS + (level - 1) * (EPOCHS * STEPS - 5)
        first = dict(zip(names, witness.weights[first_step], strict=True))
        for place, (_, state) in enumerate(levels[level]):
            for name, value in dense_before_5.items():
                assert torch.equal(first[name][place], value[place] * state.masks.get(name, 1))
            assert state.rewind_point is not None
            assert all(torch.equal(state.rewind_point[name], dense_before_5[name][place]) for name in names)


def test_rewinding_trains_the_rest_of_the_schedule_in_the_batches_of_its_own_level(witness):
    chains([(REWOUND, 3)], 2)
    train_images, _ = prepare(load(REWOUND.data.name), 7)
    chosen, labels = draw_training_set(load(REWOUND.data.name), Replica(REWOUND, 3))
    assert len(witness.lr) == EPOCHS * STEPS + (EPOCHS * STEPS - 5)
    steps = [(0, number) for number in range(EPOCHS * STEPS)] + [(1, number) for number in range(5, EPOCHS * STEPS)]
    schedule = ScheduleSpec(name="cosine")
    for place, (level, number) in enumerate(steps):
        epoch, batch = divmod(number, STEPS)
        order = numpy_stream(3, Stream.BATCH_ORDER, level, epoch).permutation(SIZE)[batch * BATCH :][:BATCH]
        assert witness.lr[place] == learning_rate(schedule, 0.05, epoch, EPOCHS)
        assert torch.equal(witness.images[place][0], train_images[chosen[order]])
        assert witness.labels[place][0].tolist() == labels[order].tolist()


def test_cost_counts_the_images_that_were_trained_on(witness):
    per_image = training_flops_per_image(ARCHITECTURE, (1, 7, 7))
    (dense, _), (rewound, _) = (results[0] for results in chains([(REWOUND, 0)], 2))
    images = [batch.shape[1] for batch in witness.labels]
    assert dense.train_flops == per_image * sum(images[: EPOCHS * STEPS]) == per_image * SIZE * EPOCHS
    assert rewound.train_flops == per_image * sum(images[EPOCHS * STEPS :]) == per_image * (SIZE * 2 - BATCH)
    assert dense.kept_train_flops == dense.train_flops
    # Two products a kept weight of the first layer, three of the second, and of the last one, which is never pruned.
    left = 2 * (2 * rewound.remaining["1.weight"] + 3 * rewound.remaining["3.weight"] + 3 * 8 * 10)
    assert rewound.kept_train_flops == pytest.approx(left * (SIZE * 2 - BATCH))


def test_rewinding_to_the_last_iteration_trains_one_step(witness):
    chains([(SPEC.but(pruning={"rewind_iteration": EPOCHS * STEPS - 1}), 0)], 2)
    assert len(witness.lr) == EPOCHS * STEPS + 1


@pytest.mark.parametrize("iteration", [EPOCHS * STEPS, EPOCHS * STEPS + 1, 10**6])
def test_rewinding_beyond_the_end_of_training_is_refused(iteration):
    spec = SPEC.but(pruning={"rewind_iteration": iteration})
    with pytest.raises(InputError, match=rf"rewind_iteration is {iteration}, but the iterations .* are 0 to 11 \("):
        IterativePruning([Replica(spec, 0)], CPU)


def test_a_smoke_run_has_an_iteration_to_rewind_to_however_large_the_batch(witness):
    spec = SPEC.but(pruning={"rewind_iteration": 1000}, training={"epochs": 160, "batch_size": 512})
    small = shrunk(CurveOf(spec.but(data={"name": "mnist_small"}), "test_accuracy", 30), None).spec
    chains([(small.but(data={"name": SPEC.data.name}), 0)], 2)
    assert len(witness.lr) == 2 + 1  # two steps of the dense level, one of the rewound level


# Going on


@pytest.mark.parametrize("spec", [SPEC, REWOUND], ids=["to_the_start", "to_iteration_5"])
def test_going_on_from_stored_states_gives_the_bits_of_the_unbroken_run(spec, tmp_path):
    members = [Replica(spec, seed) for seed in (0, 1, 2)]
    unbroken = chains([(spec, seed) for seed in (0, 1, 2)], 3)
    store = Store(tmp_path)
    for level in (0, 1):
        store.commit([(m, *result) for m, result in zip(members, unbroken[level], strict=True)], {})
    states = [Store(tmp_path).state(member, 1) for member in members]
    assert_same_level(IterativePruning(members, CPU).next_level(2, states), unbroken[2])


def test_the_order_in_which_a_state_lists_its_tensors_changes_nothing():
    """A file gives them back in any order; ties between layers and sums over layers must not notice."""
    members = [Replica(REWOUND, seed) for seed in (0, 1, 2)]
    pruning = IterativePruning(members, CPU)
    states = [
        replace(state, trained={name: torch.ones_like(value) for name, value in state.trained.items()})
        for _, state in pruning.next_level(0, [None] * 3)
    ]
    expected = pruning.next_level(1, states)
    for shift in range(1, 6):
        shuffled = [
            ChainState(
                _rotated(state.masks, 1),
                _rotated(state.trained, shift),
                _rotated(state.rewind_point or {}, shift),
            )
            for state in states
        ]
        assert_same_level(pruning.next_level(1, shuffled), expected)


def _rotated(tensors: Weights, shift: int) -> Weights:
    items = list(tensors.items())
    return dict(items[shift:] + items[:shift])


def test_training_again_gives_the_same_bits():
    for once, again in zip(*(chains([(SPEC, 0), (SPEC, 1)], 3) for _ in range(2)), strict=True):
        assert_same_level(once, again)


def test_some_members_of_a_stack_can_go_on_without_the_others():
    members = [Replica(SPEC, seed) for seed in (0, 1, 2)]
    together = IterativePruning(members, CPU)
    dense = together.next_level(0, [None] * 3)
    some = together.next_level(1, [dense[2][1], dense[0][1]], [2, 0])
    apart = IterativePruning([members[2], members[0]], CPU).next_level(1, [dense[2][1], dense[0][1]])
    assert_same_level(some, apart)


# Batch norm

CONV = SPEC.but(model={"name": "conv", "hidden": (), "channels": (4, 6), "batch_norm": True})
CONV_REWOUND = CONV.but(pruning={"rewind_iteration": 5})


def batches_seen(state: Weights | None) -> int:
    assert state is not None
    return int(state["1.num_batches_tracked"])


@pytest.mark.parametrize("criterion", ["magnitude", "gradient", "random"])
@pytest.mark.parametrize("model", [{}, {"batch_norm": False}], ids=["batch_norm", "plain"])
def test_a_conv_net_is_pruned_to_the_scheduled_count_level_by_level(model, criterion):
    spec = CONV.but(model=model, pruning={"criterion": criterion})
    total = build(spec.model, (1, 7, 7), 10).prunable_count
    for level, results in enumerate(chains([(spec, 0), (spec, 1)], 3)):
        for record, state in results:
            assert kept(state.masks) == scheduled_count(total, 0.7**level) == round(record.density * total)
            assert not record.diverged
            assert all(not state.trained[name][~mask].any() for name, mask in state.masks.items())


def test_running_statistics_begin_anew_with_the_weights_that_are_rewound():
    for _, state in (level[0] for level in chains([(CONV, 3)], 3)):
        assert batches_seen(state.trained) == EPOCHS * STEPS
    for _, state in (level[0] for level in chains([(CONV_REWOUND, 3)], 3)):
        assert batches_seen(state.rewind_point) == 5
        assert batches_seen(state.trained) == EPOCHS * STEPS


@pytest.mark.parametrize(("retraining", "seen"), [("finetuning", 3), ("learning_rate_rewinding", 3), ("scratch", 1)])
def test_running_statistics_go_where_the_weights_go(retraining, seen):
    _, state = chains([(CONV.but(pruning={"retraining": retraining}), 3)], 3)[-1][0]
    assert batches_seen(state.trained) == seen * EPOCHS * STEPS


def test_the_gradients_of_pruning_move_no_statistics():
    magnitude, gradient = (chains([(CONV.but(pruning={"criterion": c}), 3)], 2) for c in ("magnitude", "gradient"))
    assert [batches_seen(level[0][1].trained) for level in gradient] == [EPOCHS * STEPS] * 2
    assert_same_level(magnitude[0], gradient[0])


def test_a_conv_chain_goes_on_from_stored_states_to_the_bits_of_the_unbroken_run(tmp_path):
    members = [Replica(CONV_REWOUND, seed) for seed in (0, 1)]
    unbroken = chains([(CONV_REWOUND, seed) for seed in (0, 1)], 3)
    store = Store(tmp_path)
    for level in (0, 1):
        store.commit([(m, *result) for m, result in zip(members, unbroken[level], strict=True)], {})
    states = [Store(tmp_path).state(member, 1) for member in members]
    assert_same_level(IterativePruning(members, CPU).next_level(2, states), unbroken[2])


def test_learning_distance_leaves_running_statistics_out():
    record, state = chains([(CONV, 3)], 1)[0][0]
    architecture = build(CONV.model, (1, 7, 7), 10)
    start = initial_weights(architecture, draws(3, Stream.INITIALIZATION))
    squares = [(state.trained[n] - start[n]).double().square().sum() for n, _ in architecture.module.named_parameters()]
    assert record.learning_distance == pytest.approx(math.sqrt(sum(squares)), rel=1e-9)


def test_measures_of_a_network_with_batch_norm_are_taken_with_its_running_statistics():
    record, state = chains([(CONV, 3)], 1)[0][0]
    dataset = load(CONV.data.name)
    module = build(CONV.model, (1, 7, 7), 10).module.eval()
    logits = functional_call(module, dict(state.trained), (prepare(dataset, 7)[1],))
    loss = cross_entropy(logits, torch.from_numpy(dataset.test_labels.astype("int64"))).item()
    assert record.test_loss == pytest.approx(loss, rel=1e-5)


# Replicas apart

CLEAN = SPEC.but(noise={"kind": "none", "rate": 0.0})
EIGHT = [
    (SPEC, 1000),
    (CLEAN, 1000),
    (SPEC.but(noise={"rate": 0.6}), 1000),
    (SPEC.but(training={"optimizer": {"weight_decay": 0.01}}), 1001),
    (SPEC.but(pruning={"criterion": "none"}), 1001),
    (SPEC.but(pruning={"fraction": 0.6}), 1002),
    (SPEC, 7),
    (SPEC.but(noise={"kind": "symmetric_permute"}), 1003),
]
"""Noise, criterion, fraction and weight decay mixed in one stack."""


def test_these_settings_may_share_a_stack():
    assert len({spec.stack_key() for spec, _ in EIGHT}) == 1
    assert len({(spec.digest, seed) for spec, seed in EIGHT}) == len(EIGHT)


def test_what_a_seed_draws_does_not_depend_on_the_stack(witness):
    """Images, labels, their order and the initial weights, bit for bit, at both levels."""
    chains(EIGHT, 2)
    together = replace(witness, images=[*witness.images], labels=[*witness.labels], weights=[*witness.weights])
    for place, one in enumerate(EIGHT):
        witness.images.clear(), witness.labels.clear(), witness.weights.clear()
        chains([one], 2)
        assert len(witness.images) == len(together.images) == 2 * EPOCHS * STEPS
        for alone, stacked in zip(witness.images, together.images, strict=True):
            assert torch.equal(alone[0], stacked[place])
        for alone, stacked in zip(witness.labels, together.labels, strict=True):
            assert torch.equal(alone[0], stacked[place])
        for alone, stacked in zip(witness.weights[0], together.weights[0], strict=True):
            assert torch.equal(alone[0], stacked[place])


def test_a_curve_alone_and_in_a_mixed_stack_of_eight_agree_over_the_first_epochs():
    together = chains(EIGHT, 3)
    for place, one in enumerate(EIGHT):
        for level, results in enumerate(chains([one], 3)):
            alone, stacked = asdict(results[0][0]), asdict(together[level][place][0])
            assert alone["remaining"] == stacked["remaining"]
            for measure in ("train_loss", "test_loss", "learning_distance"):
                assert alone[measure] == pytest.approx(stacked[measure], rel=1e-4)
            for measure in ("train_accuracy", "test_accuracy"):
                assert alone[measure] == pytest.approx(stacked[measure], abs=0.011)  # one training image


def test_subset_and_label_noise_come_from_streams_of_their_own():
    dataset = load("stand_in:mnist_small")
    drawn, noisy = draw_training_set(dataset, Replica(SPEC, 5))
    expected = subset(512, SIZE, numpy_stream(5, Stream.SUBSET))
    assert drawn.tolist() == expected.tolist()
    clean, rng = dataset.train_labels[expected], numpy_stream(5, Stream.LABEL_NOISE)
    corrupted = corrupt(clean, "symmetric_always_wrong", 0.2, dataset="mnist_small", classes=10, rng=rng)
    assert noisy.tolist() == corrupted.labels.tolist()


def test_settings_of_one_seed_are_paired():
    dataset = load("stand_in:mnist_small")
    (images, noisy), (clean_images, clean) = (draw_training_set(dataset, Replica(s, 5)) for s in (SPEC, CLEAN))
    assert images.tolist() == clean_images.tolist()
    assert clean.tolist() == dataset.train_labels[images].tolist()
    assert (noisy != clean).sum() == SIZE * 0.2


def test_without_a_size_all_training_images_are_drawn():
    dataset = load("stand_in:mnist_small")
    images, labels = draw_training_set(dataset, Replica(SPEC.but(data={"train_size": None}), 5))
    assert images.tolist() == list(range(512))
    assert len(labels) == 512


# Measures


def test_measures_are_those_of_the_trained_network_on_its_noisy_and_on_clean_test_labels():
    dataset = load("stand_in:mnist_small")
    train_images, test_images = prepare(dataset, 7)
    for level, results in enumerate(chains([(SPEC, 0), (SPEC, 1)], 2)):
        for seed, (record, state) in enumerate(results):
            chosen, labels = draw_training_set(dataset, Replica(SPEC, seed))
            for part, images, truth in [
                ("train", train_images[chosen], torch.from_numpy(labels)),
                ("test", test_images, torch.from_numpy(dataset.test_labels.astype("int64"))),
            ]:
                logits = functional_call(ARCHITECTURE.module, dict(state.trained), (images,))
                accuracy = (logits.argmax(1) == truth).double().mean().item()
                assert getattr(record, f"{part}_accuracy") == pytest.approx(accuracy, abs=1e-9), (level, part)
                loss = cross_entropy(logits, truth).item()
                assert getattr(record, f"{part}_loss") == pytest.approx(loss, rel=1e-5), (level, part)


def test_learning_distance_is_from_the_dense_initialization_even_when_rewound():
    for results in chains([(REWOUND, 3)], 2):
        record, state = results[0]
        squares = [(state.trained[name] - value).double().square().sum() for name, value in initial(3).items()]
        assert record.learning_distance == pytest.approx(math.sqrt(sum(squares)), rel=1e-9)


def assert_diverged(record: LevelRecord) -> None:
    assert record.diverged
    for measure in ("train_accuracy", "train_loss", "test_accuracy", "test_loss", "learning_distance"):
        assert getattr(record, measure) is None


def test_a_diverged_replica_has_no_measures_and_leaves_the_others_to_the_bit():
    specs = [SPEC.but(training={"optimizer": {"weight_decay": decay}}) for decay in (0.0, 1e20, 0.001)]
    tame = SPEC.but(training={"optimizer": {"weight_decay": 0.01}})
    with_it = chains([(spec, 0) for spec in specs], 3)
    without_it = chains([(spec, 0) for spec in (specs[0], tame, specs[2])], 3)
    for level, (mixed, sound) in enumerate(zip(with_it, without_it, strict=True)):
        assert_diverged(mixed[1][0])
        assert mixed[1][0].density == sound[1][0].density
        assert_same_level([mixed[0], mixed[2]], [sound[0], sound[2]])
        assert not any(record.diverged for record, _ in (mixed[0], mixed[2]))
        for record, _ in mixed:
            assert canonical_json(asdict(record)), level  # refuses NaN


def test_a_chain_that_diverged_stays_diverged():
    pruning = IterativePruning([Replica(SPEC, 0)], CPU)
    _, state = pruning.next_level(0, [None])[0]
    lost = replace(state, trained={name: weights * math.nan for name, weights in state.trained.items()})
    assert_diverged(pruning.next_level(1, [lost])[0][0])


def test_finite_weights_whose_loss_overflows_have_diverged_too():
    one_step = {"epochs": 1, "batch_size": SIZE, "optimizer": {"lr": 1e25, "momentum": 0.0}}
    spec = SPEC.but(training=one_step, model={"hidden": (32,)})
    record, state = chains([(spec, 0)], 1)[0][0]
    assert all(value.isfinite().all() for value in state.trained.values())
    assert_diverged(record)


# What is derived from a level

KEPT = SPEC.but(record={"weights": "every_level"}, training={"schedule": {"name": "cosine"}})
KINDS = ("redense", "same_mask", "reinitialized", "independent")
NAMES = list(initial(0))


def derive(spec: RunSpec, seeds: tuple[int, ...], parents: list[Level], kind: str, draw: int = 1) -> list[Level]:
    """What is derived from every level of some chains."""
    derived = spec.but(derivation={"kind": kind, "draw": draw})
    pruning = IterativePruning([Replica(derived, seed) for seed in seeds], CPU)
    return [pruning.next_level(level, [state for _, state in results]) for level, results in enumerate(parents)]


def steps_of(witness: Witness, train: Callable[[], list[Level]]) -> tuple[list[Level], Witness]:
    """What some trainings end with, and what their steps saw."""
    before = len(witness.lr)
    found = train()
    seen = Witness(witness.images[before:], witness.labels[before:], witness.lr[before:], witness.weights[before:])
    return found, seen


def starts_of(steps: Witness) -> list[dict[str, Tensor]]:
    """The weights [replicas, ...] from which each level begins, where all have as many steps."""
    return [dict(zip(NAMES, steps.weights[step], strict=True)) for step in range(0, len(steps.lr), EPOCHS * STEPS)]


@pytest.fixture(scope="module")
def parents():
    return chains([(KEPT, 3), (KEPT, 4)], 3)


@pytest.mark.parametrize("kind", ["redense", "same_mask"])
def test_what_goes_on_from_a_solution_trains_as_many_epochs_at_the_last_rate(witness, parents, kind):
    found, steps = steps_of(witness, lambda: derive(KEPT, (3, 4), parents, kind))
    last = learning_rate(ScheduleSpec(name="cosine"), 0.05, EPOCHS - 1, EPOCHS)
    assert steps.lr == [last] * (3 * EPOCHS * STEPS)
    for start, results, level in zip(starts_of(steps), found, parents, strict=True):
        for place, ((_, new), (_, old)) in enumerate(zip(results, level, strict=True)):
            assert all(torch.equal(start[name][place], old.trained[name]) for name in NAMES)
            assert not same_bits(new.trained, old.trained)


def test_redense_training_brings_pruned_weights_back_from_zero():
    parents = chains([(KEPT, 1), (KEPT, 2)], 3)
    for level, results in enumerate(derive(KEPT, (1, 2), parents, "redense")):
        for (record, new), (_, old) in zip(results, parents[level], strict=True):
            assert record.density == 1
            assert (record.level, sum(record.remaining.values())) == (level, ARCHITECTURE.prunable_count)
            assert all(mask.all() for mask in new.masks.values())
            back = sum(int(new.trained[name][~mask].count_nonzero()) for name, mask in old.masks.items())
            gone = sum(int((~mask).sum()) for mask in old.masks.values())
            assert 0 < back <= gone or level == 0  # not all: those between units that are never active stay


@pytest.mark.parametrize("kind", ["same_mask", "reinitialized"])
def test_what_is_trained_under_the_levels_mask_keeps_it(parents, kind):
    for level, results in enumerate(derive(KEPT, (3, 4), parents, kind)):
        for (record, new), (parent, old) in zip(results, parents[level], strict=True):
            assert (record.density, record.remaining) == (parent.density, parent.remaining)
            assert same_bits(new.masks, old.masks)
            for name, mask in old.masks.items():
                assert not new.trained[name][~mask].any()


@pytest.mark.parametrize("retraining", ["lottery_ticket_rewinding", "scratch", "finetuning"])
def test_a_reinitialized_ticket_trains_from_the_same_fresh_weights_at_every_level(witness, retraining):
    spec = KEPT.but(pruning={"retraining": retraining, "rewind_iteration": 5})
    parents, steps = steps_of(witness, lambda: chains([(spec, 3), (spec, 4)], 3))
    chain_starts = [dict(zip(NAMES, weights, strict=True)) for weights in steps.weights]
    draws = []
    for draw in (1, 2):
        _, steps = steps_of(witness, partial(derive, spec, (3, 4), parents, "reinitialized", draw))
        rates = [learning_rate(ScheduleSpec(name="cosine"), 0.05, epoch, EPOCHS) for epoch in range(EPOCHS)]
        assert steps.lr == [rate for _ in range(3) for rate in rates for _ in range(STEPS)]
        starts = starts_of(steps)
        for start, level in zip(starts, parents, strict=True):
            for place, (_, state) in enumerate(level):
                for name in NAMES:
                    assert torch.equal(start[name][place], starts[0][name][place] * state.masks.get(name, 1))
        draws.append(starts[0][NAMES[0]])
    first, second = draws
    others = [start[NAMES[0]] for start in chain_starts] + [second, torch.stack([initial(s)[NAMES[0]] for s in (3, 4)])]
    for other in others:  # not the rewinding point, nor any that the chain draws, nor the second draw
        both = (first != 0) & (other != 0)
        assert not (first[both] == other[both]).any()
    assert not torch.equal(first[0], first[1])
    assert float(first.std()) == pytest.approx(float(initial(3)[NAMES[0]].std()), rel=0.1)


def test_an_independent_network_is_dense_and_drawn_anew_at_every_level(witness, parents):
    found, steps = steps_of(witness, lambda: derive(KEPT, (3, 4), parents, "independent"))
    starts = [start[NAMES[0]] for start in starts_of(steps)]
    for one, other in combinations([torch.stack([initial(s)[NAMES[0]] for s in (3, 4)]), *starts], 2):
        assert not (one == other).any()
    rates = [learning_rate(ScheduleSpec(name="cosine"), 0.05, epoch, EPOCHS) for epoch in range(EPOCHS)]
    assert steps.lr == [rate for _ in range(3) for rate in rates for _ in range(STEPS)]
    for record, state in (each for results in found for each in results):
        assert record.density == 1
        assert all(mask.all() for mask in state.masks.values())


def test_every_training_draws_batches_in_an_order_of_its_own(witness):
    parents, chain = steps_of(witness, lambda: chains([(KEPT, 3)], 2))
    orders = [chain.images]
    for kind, draw in (*((kind, 1) for kind in KINDS), ("reinitialized", 2)):
        _, steps = steps_of(witness, partial(derive, KEPT, (3,), parents, kind, draw))
        orders.append(steps.images)
    epochs = [torch.cat([batch[0] for batch in each[i : i + STEPS]]) for each in orders for i in range(0, 24, STEPS)]
    for one, other in combinations(epochs, 2):
        assert not torch.equal(one, other)
        assert one.sum().item() == pytest.approx(other.sum().item(), rel=1e-5)  # the same images


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_derived_depends_on_its_level_alone(parents, kind):
    """Not on the levels before, on the place in the stack, or on how the level's state lists its tensors."""
    found = derive(KEPT, (3, 4), parents, kind)
    pruning = IterativePruning([Replica(KEPT.but(derivation={"kind": kind}), seed) for seed in (4, 3, 5)], CPU)
    states = [ChainState(_rotated(s.masks, 1), _rotated(s.trained, 2), None) for _, s in parents[2]]
    assert_same_level(pruning.next_level(2, states, [1, 0]), found[2])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_derived_from_a_level_on_is_what_the_whole_chain_would_have_had_there(parents, kind):
    whole = derive(KEPT, (3, 4), parents, kind)
    late = KEPT.but(derivation={"kind": kind, "from_level": 1})
    pruning = IterativePruning([Replica(late, seed) for seed in (3, 4)], CPU)
    for level, results in enumerate(parents[1:]):
        found = pruning.next_level(level, [state for _, state in results])
        assert {record.level for record, _ in found} == {level}
        assert_same_level([(replace(record, level=level + 1), state) for record, state in found], whole[level + 1])


@pytest.mark.parametrize("kind", ["redense", "independent"])
def test_the_line_goes_from_the_levels_solution_to_the_derived_one(parents, kind):
    for level, results in enumerate(derive(KEPT, (3, 4), parents, kind)):
        for (record, _), (parent, _) in zip(results, parents[level], strict=True):
            losses, accuracies = record.line_train_loss or (), record.line_train_accuracy or ()
            assert len(losses) == len(accuracies) == 101
            ends = [(each.train_loss, each.train_accuracy) for each in (parent, record)]
            for point, (loss, accuracy) in zip((0, -1), ends, strict=True):
                assert losses[point] == pytest.approx(loss, rel=1e-5)
                assert accuracies[point] == pytest.approx(accuracy, abs=1e-9)
            assert record.measure("line_fall") == pytest.approx(parent.train_loss - record.train_loss, abs=1e-5)


def test_only_what_is_compared_has_a_line_and_a_sharpness(parents):
    spec = KEPT.but(record={"directions": 2, "epoch_images": 20})
    for kind in KINDS:
        record, _ = derive(spec, (3, 4), parents[:1], kind)[0][0]
        compared = kind in ("redense", "independent")
        assert (record.line_train_loss is not None) == (record.sharpness is not None) == compared
        assert record.epoch_test_accuracy is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_derived_from_a_diverged_chain_has_diverged_and_leaves_the_others_alone(parents, kind):
    _, lost = parents[1][0]
    lost = replace(lost, trained={name: weights * math.nan for name, weights in lost.trained.items()})
    pruning = IterativePruning([Replica(KEPT.but(derivation={"kind": kind}), seed) for seed in (3, 4)], CPU)
    mixed = pruning.next_level(1, [lost, parents[1][1][1]])
    assert_diverged(mixed[0][0])
    assert mixed[0][0].line_train_loss is mixed[0][0].line_train_accuracy is None
    assert canonical_json(asdict(mixed[0][0]))
    assert_same_level(mixed[1:], derive(KEPT, (3, 4), parents, kind)[1][1:])


@pytest.mark.parametrize("level", [1, 2])
def test_every_level_but_the_dense_one_needs_the_state_before(level):
    pruning = IterativePruning([Replica(SPEC, seed) for seed in (3, 4)], CPU)
    state = chains([(SPEC, 3)], 1)[0][0][1]
    with pytest.raises(InputError, match=f"level {level} starts from the state that the level before had"):
        pruning.next_level(level, [state, None])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_derived_needs_the_state_of_its_level(parents, kind):
    pruning = IterativePruning([Replica(KEPT.but(derivation={"kind": kind}), seed) for seed in (3, 4)], CPU)
    with pytest.raises(
        InputError, match="starts from the state that this level's chain had; give it for every replica"
    ):
        pruning.next_level(0, [parents[0][0][1], None])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_derived_from_stored_states_has_the_bits_of_the_unbroken_run(tmp_path, parents, kind):
    members, store = [Replica(KEPT, seed) for seed in (3, 4)], Store(tmp_path)
    for results in parents:
        store.commit([(m, *result) for m, result in zip(members, results, strict=True)], {})
    stored = [
        [(record, store.state(m, level)) for m, (record, _) in zip(members, results, strict=True)]
        for level, results in enumerate(parents)
    ]
    for one, other in zip(derive(KEPT, (3, 4), stored, kind), derive(KEPT, (3, 4), parents, kind), strict=True):
        assert_same_level(one, other)


# Recorded in detail


CONVOLUTIONAL = SPEC.but(model={"name": "conv", "hidden": (), "channels": (3, 4), "batch_norm": True})
IN_DETAIL = {"epoch_images": 20, "directions": 2, "weights": "every_level"}


@pytest.mark.parametrize("spec", [SPEC, REWOUND, CONVOLUTIONAL], ids=["plain", "rewound", "batch norm"])
def test_recording_in_detail_changes_no_other_number(spec):
    plainly, in_detail = (chains([(each, 3), (each, 4)], 3) for each in (spec, spec.but(record=IN_DETAIL)))
    for one, other in zip(plainly, in_detail, strict=True):
        assert all(record.sharpness is not None and record.epoch_test_accuracy for record, _ in other)
        bare = [(replace(record, sharpness=None, epoch_test_accuracy=None), state) for record, state in other]
        assert_same_level(one, bare)


@pytest.mark.parametrize("images", [1, 20, 10**6])
def test_the_accuracy_after_each_epoch_is_on_the_first_test_images_and_ends_where_training_does(images):
    dataset = load(SPEC.data.name)
    _, test_images = prepare(dataset, 7)
    truth = torch.from_numpy(dataset.test_labels.astype("int64"))[:images]
    for results in chains([(SPEC.but(record={"epoch_images": images}), seed) for seed in (3, 4)], 2):
        for record, state in results:
            logits = functional_call(ARCHITECTURE.module, dict(state.trained), (test_images[:images],))
            right = (logits.argmax(1) == truth).double().mean().item()
            assert len(record.epoch_test_accuracy or ()) == EPOCHS
            assert record.measure("last_epoch_test_accuracy") == pytest.approx(right, abs=1e-9)
            if images == 10**6:
                assert record.measure("last_epoch_test_accuracy") == record.test_accuracy


def test_the_accuracy_after_an_epoch_is_that_of_training_no_longer():
    long, short = (
        chains([(SPEC.but(record={"epoch_images": 10**6}, training={"epochs": n}), 3)], 1)[0][0][0] for n in (3, 2)
    )
    assert (long.epoch_test_accuracy or ())[:2] == short.epoch_test_accuracy
    assert short.measure("last_epoch_test_accuracy") == short.test_accuracy


def test_a_rewound_level_is_watched_over_the_epochs_that_it_trains():
    dense, rewound = (level[0][0] for level in chains([(REWOUND.but(record={"epoch_images": 20}), 3)], 2))
    assert [len(record.epoch_test_accuracy or ()) for record in (dense, rewound)] == [3, 2]


def test_without_images_or_directions_nothing_is_watched():
    record, _ = chains([(SPEC, 3)], 1)[0][0]
    assert (record.epoch_test_accuracy, record.sharpness, record.line_train_loss) == (None, None, None)


def test_a_diverged_network_has_no_series_either():
    wild = SPEC.but(record={"epoch_images": 20, "directions": 1}, training={"optimizer": {"weight_decay": 1e20}})
    record, _ = chains([(wild, 0)], 1)[0][0]
    assert_diverged(record)
    assert (record.epoch_test_accuracy, record.sharpness) == (None, None)


def test_sharpness_draws_other_directions_at_every_level_and_the_same_again():
    spec = SPEC.but(record={"directions": 2}, pruning={"criterion": "none"})
    dense, again = (chains([(spec, 3)], 1)[0][0] for _ in range(2))
    assert dense[0].sharpness == again[0].sharpness
    assert dense[0].sharpness != chains([(spec.but(record={"directions": 3}), 3)], 1)[0][0][0].sharpness


def test_sharpness_is_that_along_the_directions_of_its_seed_and_level_where_weights_are_left():
    spec = SPEC.but(record={"directions": 2})
    record, state = chains([(spec, 3), (spec, 4)], 2)[1][1]
    dataset = load(spec.data.name)
    images, _ = prepare(dataset, 7)
    chosen, labels = (torch.from_numpy(part)[None] for part in draw_training_set(dataset, Replica(spec, 4)))
    directions = [draws(4, Stream.DIRECTIONS, 1)]
    found = sharpness(ARCHITECTURE, [state.trained], [state.masks], TrainingData(images, chosen, labels), directions, 2)
    assert record.sharpness == pytest.approx(found.item(), rel=1e-4)


# Bad settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": {"train_size": 10**6}}, "a training subset of 1000000 images was asked of 512"),
        ({"data": {"side": 5}}, "cannot be averaged from 28 x 28 down to 5 x 5"),
    ],
)
def test_a_setting_that_its_images_cannot_meet_is_refused_before_training(change, message):
    with pytest.raises(InputError, match=message):
        IterativePruning([Replica(SPEC.but(**change), 0)], CPU)


def test_replicas_that_cannot_share_a_stack_are_refused():
    with pytest.raises(InputError, match="put the others into a stack of their own"):
        IterativePruning([Replica(SPEC, 0), Replica(SPEC.but(training={"epochs": EPOCHS + 1}), 0)], CPU)


def test_a_replica_trains_on_the_annotators_labels_of_its_own_images():
    spec = SPEC.but(data={"name": "stand_in:cifar10", "side": 8}, noise={"kind": "human", "rate": 0.0})
    dataset = load("stand_in:cifar10")
    chosen, labels = draw_training_set(dataset, Replica(spec, 3))
    assert labels.tolist() == human_labels("stand_in:cifar10")[chosen].tolist()
    assert labels.tolist() != dataset.train_labels[chosen].tolist()
    assert len(chosen) == SIZE
