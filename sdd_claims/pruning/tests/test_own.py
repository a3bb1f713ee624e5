"""A pruning criterion of the user's own: found, tried before training, and part of the run's digest."""

import sys
import textwrap
from dataclasses import replace

import pytest
import torch

from sdd_claims.errors import InputError
from sdd_claims.machine.devices import CPU
from sdd_claims.planning.plan import Request, plan
from sdd_claims.pruning import CRITERIA, Candidate
from sdd_claims.pruning.level import masks_of_level
from sdd_claims.pruning.own import check, chosen, own_criterion, scores
from sdd_claims.pruning.tests.test_criteria import DENSE, GRADIENTS, WEIGHTS, network
from sdd_claims.record import Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.spec import PruningSpec
from sdd_claims.tests.tiny import SPEC
from sdd_claims.training import draw_setup

SHAPES = {name: weights.shape for name, weights in WEIGHTS.items()}
GOOD = "def score(network):\n    return {name: network.weights[name].abs() for name in network.masks}\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes a criterion into a file; returns how one names it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text: str, name: str = "my.py") -> str:
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
        return f"{name}:score"

    return write


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs a package that offers a criterion by an entry point."""

    def install(name: str, value: str = "offering:score", text: str = GOOD, package: str = "offering") -> None:
        site = tmp_path / package
        info = site / f"{package}-1.5.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[sdd_claims.criteria]\n{name} = {value}\n")
        (site / f"{package}.py").write_text(text)
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, package, raising=False)

    return install


def test_a_criterion_of_a_file_scores_as_the_suites_own_of_the_same_words(file):
    own = own_criterion(file(GOOD))
    found, magnitude = scores(own, network()), CRITERIA["magnitude"](network())
    assert all(torch.equal(found[name], magnitude[name]) for name in DENSE)
    check(own, SHAPES, tuple(DENSE))


@pytest.mark.parametrize("name", CRITERIA)
def test_the_name_of_a_criterion_of_the_suite_is_no_file(name):
    assert chosen(name) == {"criterion": name}


def test_changed_source_is_another_run_and_a_moved_file_is_not(file, tmp_path, monkeypatch):
    def digest(name: str) -> str:
        return SPEC.but(pruning=PruningSpec(**chosen(name))).digest

    before = digest(file(GOOD))
    assert digest(file(GOOD, "other.py")) == before
    changed = file(GOOD.replace("abs()", "square()"), "changed.py")
    assert digest(changed) != before != SPEC.digest
    (tmp_path / "beside.py").write_text("POWER = 2\n")
    importing = digest(file(f"import beside\n{GOOD}", "importing.py"))
    (tmp_path / "beside.py").write_text("POWER = 3\n")
    assert digest("importing.py:score") != importing


def test_a_package_offers_a_criterion_by_name_and_its_version_is_in_the_digest(package):
    package("relative")
    own = own_criterion("relative")
    assert (own.function, own.file, str(own)) == ("score", "offering", "offering:score")
    assert own.versions.endswith(", offering 1.5")
    assert scores(own, network()).keys() == DENSE.keys()


def test_a_criterion_sees_copies(file):
    own = own_criterion(
        file("def score(network):\n    return {n: network.weights[n].zero_() for n in network.masks}\n")
    )
    scores(own, network())
    assert WEIGHTS["w"][0, 0] == -3


def test_a_criterion_sees_the_weights_in_the_networks_order_though_a_state_that_was_read_has_lost_it(file):
    order = "[*network.weights].index"
    own = own_criterion(
        file(GOOD.replace("network.weights[name].abs()", f"network.weights[name].abs() + {order}(name)"))
    )
    replica = Replica(SPEC.but(model={"hidden": (8, 8)}, pruning={"criterion": "own", "own": own}), 0)
    setup = draw_setup([replica], CPU.torch)
    ((_, state),) = IterativePruning([replica], CPU.torch).next_level(0, [None])
    found = [
        masks_of_level(
            setup.architecture, [replica], setup.training, 1, [replace(state, trained=weights)], setup.initial
        )
        for weights in (state.trained, dict(reversed([*state.trained.items()])))
    ]
    assert all(torch.equal(found[0][0][name], found[1][0][name]) for name in found[0][0])


def test_replicas_of_several_criteria_train_in_one_stack(file):
    """As those of the suite's own criteria do: a mask is a number of the replica."""
    own = SPEC.but(pruning=PruningSpec(fraction=SPEC.pruning.fraction, **chosen(file(GOOD))))
    assert own.stack_key() == SPEC.stack_key()
    assert len(plan([Request(own, (1000,), 2)]).stacks) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import sdd_lacking\n", "cannot be imported: ModuleNotFoundError: No module named 'sdd_lacking' (line 1)"),
        ("def other(network): ...\n", "my.py has no callable 'score'"),
    ],
)
def test_a_file_without_a_criterion_is_refused_in_one_sentence(file, text, sentence):
    with pytest.raises(InputError) as error:
        own_criterion(file(text))
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("magnitud", "there is no such criterion (did you mean 'magnitude'?); use magnitude, gradient, random, or a"),
        ("my.py:score", "there is no file"),
        ("none", "there is no such criterion"),
    ],
)
def test_what_is_no_criterion_is_refused_in_one_sentence(file, given, sentence):
    with pytest.raises(InputError, match="--criterion") as error:
        chosen(given)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("offered", "sentence"),
    [
        ({"name": "none"}, "--criterion none: this name is taken by one of the suite's own; offer it by another"),
        ({"name": "torn", "text": "1 / 0"}, "torn: offering:score cannot be imported: ZeroDivisionError: division by"),
        ({"name": "blank", "value": "offering:scores"}, "blank: offering:scores cannot be imported: AttributeError"),
        ({"name": "number", "text": "score = 3"}, "number: offering:score names no callable of a module; mend"),
    ],
)
def test_a_bad_offer_is_refused_in_one_sentence(package, offered, sentence):
    package(**offered)
    with pytest.raises(InputError) as error:
        chosen(offered["name"])
    assert sentence in str(error.value)


def test_two_packages_with_one_name_are_refused(package):
    package("twin")
    package("twin", "second:score", package="second")
    with pytest.raises(InputError, match=r"--criterion twin: .*:score and .*:score both have this name; uninstall one"):
        chosen("twin")


RETURNS = "import torch\ndef score(network):\n    return "


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def score(network):\n    return {}['w']\n", "my.py:score fails: KeyError: 'w' (line 2); it is called with"),
        (
            "def score(network):\n"
            "    return {n: network.weights[n] / (1 if m.all() else 1 // 0) for n, m in network.masks.items()}\n",
            "my.py:score fails: ZeroDivisionError",  # of a network of which some is pruned already
        ),
        (f"{RETURNS}torch.ones(3)\n", "must return a mapping with scores of w, v, got a Tensor"),
        (f"{RETURNS}{{'w': network.weights['w']}}\n", "must return a mapping with scores of w, v, got w"),
        (
            f"{RETURNS}dict.fromkeys(network.masks, 1.0)\n",
            "the scores of w must be a tensor of shape (2, 2), got a float",
        ),
        (
            f"{RETURNS}dict.fromkeys(network.masks, torch.ones(2))\n",
            "the scores of w must be a tensor of shape (2, 2), got one of shape (2,)",
        ),
        (f"{RETURNS}{{n: 0 / (0 * network.weights[n]) for n in network.masks}}\n", "some scores of w are NaN; give"),
        (
            f"{RETURNS}{{n: torch.rand_like(network.weights[n]) for n in network.masks}}\n",
            "gives the same network other scores each time; let it draw from network.draws alone",
        ),
    ],
)
def test_a_bad_criterion_is_refused_in_one_sentence_before_anything_is_trained(file, text, sentence):
    own = own_criterion(file(text))
    with pytest.raises(InputError, match=r"the criterion my\.py:score") as error:
        check(own, SHAPES, tuple(DENSE))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_network_that_diverged_may_have_scores_that_are_none(file):
    """Its chain stays diverged, openly."""
    diverged = {name: weights * torch.nan for name, weights in WEIGHTS.items()}
    found = scores(own_criterion(file(GOOD)), Candidate(diverged, DENSE, lambda: GRADIENTS, network().draws))
    assert found["w"].isnan().all()
