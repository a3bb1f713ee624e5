"""A student's loss: the labels and the teacher, each by its weight, and every replica by itself."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

from sdd_claims.spec import OptimizerSpec, TrainingSpec
from sdd_claims.training import Distillation, Weights, mean_loss, train
from sdd_claims.training.batches import Batch as TrainingBatch
from sdd_claims.training.distillation import distilled_loss
from sdd_claims.training.tests import plain

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
temperatures = st.floats(0.5, 40)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """A student's logits, labels, the teacher's logits and one alpha a replica."""
    replicas, batch, classes = draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(2, 11))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    size = draw(st.floats(0.01, 30))
    student, teacher = (
        size * torch.randn(replicas, batch, classes, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    labels = torch.randint(classes, (replicas, batch), generator=generator)
    alpha = torch.tensor(draw(st.lists(st.floats(0, 1), min_size=replicas, max_size=replicas)), dtype=torch.float64)
    return student, labels, teacher, alpha


def plainly(logits: Tensor, labels: Tensor, teacher: Tensor, alpha: float, temperature: float) -> Tensor:
    """The loss of one replica as the textbooks write it."""
    hard = cross_entropy(logits, labels)
    soft = kl_div(log_softmax(logits / temperature, 1), softmax(teacher / temperature, 1), reduction="batchmean")
    return (1 - alpha) * hard + alpha * temperature**2 * soft


def gradient(batch: Batch, temperature: float) -> Tensor:
    student, labels, teacher, alpha = batch
    student = student.clone().requires_grad_()
    (found,) = torch.autograd.grad(distilled_loss(student, labels, teacher, alpha, temperature), student)
    return found


@given(batches(), temperatures)
def test_loss_and_gradient_are_those_of_each_replica_by_itself(batch, temperature):
    student, labels, teacher, alpha = batch
    alone = [logits.clone().requires_grad_() for logits in student]
    losses = [plainly(*parts, temperature) for parts in zip(alone, labels, teacher, alpha.tolist(), strict=True)]
    together = distilled_loss(student, labels, teacher, alpha, temperature)
    torch.testing.assert_close(together, torch.stack(losses).sum(), rtol=1e-9, atol=1e-9)
    expected = torch.stack(torch.autograd.grad(torch.stack(losses).sum(), alone))
    torch.testing.assert_close(gradient(batch, temperature), expected, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 10.0])
def test_the_gradient_is_that_of_finite_differences(temperature):
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(2, 3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    student.requires_grad_()
    labels, alpha = torch.tensor([[0, 1, 3], [2, 2, 0]]), torch.tensor([0.3, 1.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda logits: distilled_loss(logits, labels, teacher, alpha, temperature), student)


@given(batches(), temperatures)
def test_at_alpha_0_only_the_labels_count(batch, temperature):
    student, labels, teacher, alpha = batch
    silent = torch.zeros_like(alpha)
    logits = student.clone().requires_grad_()
    loss = mean_loss(logits, labels)
    torch.testing.assert_close(distilled_loss(student, labels, teacher, silent, temperature), loss.detach())
    (expected,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(gradient((student, labels, teacher, silent), temperature), expected)


@given(batches(), temperatures)
def test_at_alpha_1_the_labels_do_not_count(batch, temperature):
    student, labels, teacher, alpha = batch
    alone, others = torch.ones_like(alpha), (labels + 1) % student.shape[2]
    one, other = ((student, each, teacher, alone) for each in (labels, others))
    assert distilled_loss(*one, temperature) == distilled_loss(*other, temperature)
    assert torch.equal(gradient(one, temperature), gradient(other, temperature))


@given(batches())
def test_at_high_temperature_the_teacher_is_half_the_mean_square_of_centred_logits(batch):
    """Hinton et al. 2015, 2.1: of p with logits v/T, KL(p || q) ~ variance over classes of (v - z)/T, halved."""
    student, labels, teacher, alpha = batch
    temperature = 1e4 * float(torch.stack([student, teacher]).abs().max().clamp(min=1e-3))
    difference = teacher - student
    centred = difference - difference.mean(2, keepdim=True)
    expected = 0.5 * centred.square().mean(2).mean(1).sum()
    found = distilled_loss(student, labels, teacher, torch.ones_like(alpha), temperature)
    # Rounding of logarithms of about 1 / classes is multiplied by the square of the temperature.
    rounding = 1e-15 * len(alpha) * temperature**2
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=rounding)


@given(batches(), temperatures)
def test_a_teacher_who_says_the_same_teaches_nothing_more(batch, temperature):
    student, labels, _, alpha = batch
    hard = torch.stack([cross_entropy(*pair) for pair in zip(student, labels, strict=True)])
    found = distilled_loss(student, labels, student, alpha, temperature)
    torch.testing.assert_close(found, ((1 - alpha) * hard).sum(), rtol=1e-9, atol=1e-9)
    assert gradient((student, labels, student, torch.ones_like(alpha)), temperature).abs().max() < 1e-12 * temperature


@given(batches(), temperatures)
def test_what_one_teacher_says_moves_no_other_student(batch, temperature):
    student, labels, teacher, alpha = batch
    changed = teacher.clone()
    changed[0] = math.nan
    before, after = gradient(batch, temperature), gradient((student, labels, changed, alpha), temperature)
    assert torch.equal(before[1:], after[1:])
    assert after[0].isnan().all()


def test_a_batch_is_told_what_the_teacher_says_of_its_images():
    logits = torch.arange(2 * 5 * 3.0).view(2, 5, 3)
    indices = torch.tensor([[4, 0], [1, 1]])
    batch = TrainingBatch(torch.zeros(2, 2, 1, 3, 3), torch.zeros(2, 2, dtype=torch.long), indices)
    told = Distillation(logits, torch.zeros(2), 1.0).teacher_logits(batch)
    assert told.tolist() == [[logits[0, 4].tolist(), logits[0, 0].tolist()], [logits[1, 1].tolist()] * 2]


# Training

SPEC = TrainingSpec(epochs=4, batch_size=8, optimizer=OptimizerSpec(lr=0.1, momentum=0.9))


def taught(alpha: list[float], teacher: Tensor | None = None, temperature: float = 4.0) -> list[dict[str, Tensor]]:
    """Three replicas that learn from random teachers."""
    told = torch.randn(3, plain.SIZE, 4, generator=torch.Generator().manual_seed(9)) if teacher is None else teacher
    stack = plain.stack(3)
    distillation = Distillation(told, torch.tensor(alpha), temperature)
    train(stack, plain.data(3, torch.float32), SPEC, plain.numbers([0.0] * 3), distillation=distillation)
    return stack.unstacked()


def same_bits(one: Weights, other: Weights) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("place", range(3))
def test_alpha_acts_on_its_own_replica_only(place):
    without, changed = taught([0.5] * 3), taught([0.9 if r == place else 0.5 for r in range(3)])
    assert [same_bits(a, b) for a, b in zip(without, changed, strict=True)] == [r != place for r in range(3)]


def test_a_stack_of_several_alphas_is_each_of_them_by_itself():
    mixed, plainly_labelled, taught_by = taught([0.0, 0.8, 0.0]), taught([0.0] * 3), taught([0.8] * 3)
    assert same_bits(mixed[0], plainly_labelled[0])
    assert same_bits(mixed[1], taught_by[1])
    assert same_bits(mixed[2], plainly_labelled[2])
    assert not same_bits(plainly_labelled[1], taught_by[1])


def test_a_teacher_who_is_sure_of_each_label_teaches_the_labels():
    """Only if every image is taught by what the teacher says of that image."""
    labels = plain.data(3, torch.float32).labels
    sure = 400.0 * torch.nn.functional.one_hot(labels, 4).float()
    by_labels, by_teacher = (taught([alpha] * 3, sure, temperature=1.0) for alpha in (0.0, 1.0))
    for one, other in zip(by_labels, by_teacher, strict=True):
        for name, value in one.items():
            torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-5)


def test_a_teacher_that_sees_every_batch_is_in_evaluation_mode():
    teacher = plain.stack(2, architecture=plain.BATCH_NORM)
    images = torch.randn(2, 6, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    nothing = torch.zeros(2, 6, dtype=torch.int64)
    before = {name: value.clone() for name, value in teacher.buffers.items()}
    told = Distillation(teacher, torch.tensor([0.5, 1.0]), 2.0).teacher_logits(TrainingBatch(images, nothing, nothing))
    assert all(torch.equal(teacher.buffers[name], value) for name, value in before.items())
    with teacher.evaluating():
        torch.testing.assert_close(told, teacher.logits(images))
