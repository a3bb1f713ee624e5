"""A penalty of the user's own: found, tried before training, part of the run's digest, and trained with."""

import sys
import textwrap

import pytest
import torch

from sdd_claims.errors import InputError
from sdd_claims.record import Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import PenaltySpec
from sdd_claims.tests.tiny import SPEC
from sdd_claims.training.own import check, chosen, penalty_of

CPU = torch.device("cpu")
SHAPES = {"0.weight": torch.Size((3, 4)), "0.bias": torch.Size((3,)), "2.weight": torch.Size((2, 3, 1, 1))}
L1 = "def penalty(weights):\n    return sum(weight.abs().sum() for weight in weights.values())\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes a penalty into a file; returns how one names it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text: str, name: str = "my.py") -> str:
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
        return f"{name}:penalty"

    return write


def penalised(penalty: PenaltySpec, seed: int = 0) -> Replica:
    return Replica(SPEC.but(training={"penalty": penalty, "epochs": 2}), seed)


def weights_after(replicas):
    pruning = IterativePruning(replicas, CPU)
    return [state.trained for _, state in pruning.next_level(0, [None] * len(replicas))]


def test_a_penalty_of_a_file_trains_as_the_suites_own_of_the_same_words(file):
    own, suites = (
        weights_after([penalised(chosen(given, 0.01), seed) for seed in (0, 1)]) for given in (file(L1), "l1")
    )
    without = weights_after([penalised(PenaltySpec())])[0]
    for mine, theirs in zip(own, suites, strict=True):
        for name, value in mine.items():
            torch.testing.assert_close(value, theirs[name])
    assert not torch.allclose(own[0]["1.weight"], without["1.weight"])


def test_replicas_of_several_strengths_train_in_one_stack_and_never_touch_each_other(file):
    given = file(L1)
    weak, strong = (penalised(chosen(given, strength)) for strength in (0.001, 0.1))
    assert weak.spec.stack_key() == strong.spec.stack_key() != penalised(chosen("l1", 0.1)).spec.stack_key()
    together = weights_after([weak, strong])
    for one, other in zip(together, [*weights_after([weak]), *weights_after([strong])], strict=True):
        for name, value in one.items():
            torch.testing.assert_close(value, other[name])


def test_changed_source_is_another_run_and_a_moved_file_is_not(file):
    def digest(name: str) -> str:
        return penalised(chosen(name, 0.01)).spec.digest

    before = digest(file(L1))
    assert digest(file(L1, "other.py")) == before
    assert digest(file(L1.replace("abs()", "square()"), "changed.py")) != before


def test_a_package_offers_a_penalty_by_name_and_its_version_is_in_the_digest(tmp_path, monkeypatch):
    info = tmp_path / "offering_penalties-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offering_penalties\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[sdd_claims.penalties]\nmine = offering_penalties:penalty\n")
    (tmp_path / "offering_penalties.py").write_text(L1)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "offering_penalties", raising=False)
    spec = chosen("mine", 0.01)
    assert spec.own is not None
    assert str(spec) == "penalty offering_penalties:penalty of strength 0.01"
    assert spec.own.versions.endswith(", offering_penalties 1.5")
    check(spec, SHAPES, ("0.weight",))


@pytest.mark.parametrize(
    ("given", "strength", "sentence"),
    [
        (None, 0.1, "--penalty-strength 0.1 is given without a penalty; name one with --penalty"),
        ("l1", 0.0, "--penalty l1 has no strength; give one above 0 with --penalty-strength, such as 0.001"),
        ("matrixnorm", 0.1, "--penalty matrixnorm: there is no such penalty (did you mean 'matrix_norm'?); use l1, l2"),
        ("off", 0.1, "--penalty off: there is no such penalty"),
        ("my.py:penalty", 0.1, "--penalty my.py:penalty: there is no file"),
    ],
)
def test_what_is_no_penalty_is_refused_in_one_sentence(file, given, strength, sentence):
    with pytest.raises(InputError) as error:
        chosen(given, strength)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return weights['x'].sum()", "fails: KeyError: 'x' (line 3); it is called with the parameters of a network"),
        ("return 3.0", "must return one number, a tensor of shape (), got float; sum it up"),
        (
            "return weights['0.weight'].abs()",
            "must return one number, a tensor of shape (), got torch.float32 of shape",
        ),
        ("return (weights['0.bias'] > 0).sum()", "got torch.int64 of shape (); sum it up"),
        ("return weights['0.bias'].abs().sum().item()", "fails: RuntimeError: vmap:"),
        ("return weights['0.weight'].sum() / 0", "for a network of finite weights; give a finite number"),
        ("return weights['0.weight'].detach().sum()", "has no gradient; compute it from the weights by PyTorch"),
        ("return weights['0.weight'].sum() * next(numbers)", "gives the same network another number each time"),
        ("return torch.rand(()) * weights['0.weight'].sum()", "fails: RuntimeError: vmap:"),
        (
            "return (weights['0.weight']**2).sum(1).sqrt().sum()",
            "the gradient by 0.weight is not finite where pruned weights are 0; add a small number under a root",
        ),
    ],
)
def test_a_bad_penalty_is_refused_in_one_sentence_before_anything_is_trained(file, body, sentence):
    named = file(f"import itertools, torch; numbers = itertools.count()\ndef penalty(weights):\n    {body}\n")
    with pytest.raises(InputError, match=r"the penalty my\.py:penalty") as error:
        check(chosen(named, 0.1), SHAPES, ("0.weight", "2.weight"))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_the_suites_own_penalties_are_tried_as_well():
    check(chosen("l1", 0.1), SHAPES, ("0.weight",))
    with pytest.raises(InputError, match="the matrix norm is that of vectors and matrices"):
        check(chosen("matrix_norm", 0.1), SHAPES, ("0.weight",))


def test_portable_arithmetic_refuses_it_and_names_the_remedy(file):
    spec = penalised(chosen(file(L1), 0.01)).spec.but(training={"arithmetic": "portable"})
    with pytest.raises(InputError, match=r"no penalty of one's own, and my\.py:penalty is one; set TrainingSpec.arith"):
        IterativePruning([Replica(spec, 0)], CPU)


def test_a_penalty_in_place_changes_no_weight(file):
    own = chosen(file("def penalty(weights):\n    return weights['w'].zero_().sum()\n"), 0.1)
    with pytest.raises(InputError, match="fails: RuntimeError"):
        penalty_of(own)({"w": torch.ones(2, 3, requires_grad=True)})
