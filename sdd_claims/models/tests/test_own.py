"""A network of one's own: found, checked, and what of it is pruned."""

import importlib
import linecache
import os
import random
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from textwrap import dedent
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sdd_claims.errors import InputError
from sdd_claims.models import build, initial_weights, own
from sdd_claims.randomness import Stream, draws
from sdd_claims.spec import ModelSpec, OwnNetwork

SHAPE = (1, 4, 4)
BUILD = """
from torch import nn

def build(shape, classes):
    return nn.Sequential(
        nn.Conv2d(shape[0], 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(12, classes)
    )
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])  # importing the file puts its folder there

    def write(text, name="my.py"):
        (tmp_path / name).write_text(dedent(text), encoding="utf-8")
        return tmp_path / name

    return write


def spec_of(path, function="build", prunable=("0.weight",)):
    network = OwnNetwork(function=function, source=own.source_of(path), versions="", prunable=prunable, file=str(path))
    return ModelSpec(name="own", hidden=(), initialization="pytorch", own=network)


def test_an_own_network_is_built_as_it_draws_itself_and_the_same_for_the_same_seed(module):
    architecture = build(spec_of(module(BUILD)), SHAPE, 5)
    assert (architecture.prunable, architecture.prunable_count, architecture.random) == (("0.weight",), 27, True)
    first, again, other = (
        initial_weights(architecture, draws(seed, Stream.INITIALIZATION), "pytorch") for seed in (0, 0, 1)
    )
    assert first.keys() == dict(architecture.module.state_dict()).keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["0.weight"], other["0.weight"])


def test_default_weights_of_an_own_mlp_are_drawn_as_those_of_the_suites(module):
    path = module("""
        from torch import nn

        def build(shape, classes):
            return nn.Sequential(nn.Flatten(), nn.Linear(16, 7), nn.ReLU(), nn.Linear(7, classes))
    """)
    spec = spec_of(path, prunable=("1.weight",))
    assert spec.own is not None
    here = replace(spec, own=replace(spec.own, default_weights=True))
    ours = ModelSpec(hidden=(7,), initialization="pytorch")
    own_draw, default, same = (
        initial_weights(build(each, SHAPE, 5), draws(3, Stream.INITIALIZATION, portable=True), "pytorch")
        for each in (spec, here, ours)
    )
    assert list(default) == list(same)
    assert all(torch.equal(default[name], same[name]) for name in same)
    assert not torch.equal(default["1.weight"], own_draw["1.weight"])


def mlp(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, classes))


def kaiming(shape, classes):
    network = mlp(shape, classes)
    nn.init.kaiming_normal_(network[1].weight)
    return network


def without_biases(shape, classes):
    network = mlp(shape, classes)
    nn.init.zeros_(network[3].bias)
    return network


def seeded(shape, classes):
    torch.manual_seed(0)
    return mlp(shape, classes)


def last_first(shape, classes):
    last = nn.Linear(4, classes)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU(), last)


def normed(shape, classes):
    network = mlp(shape, classes)
    network[1].register_buffer("scale", torch.ones(1))
    return network


@pytest.mark.parametrize(
    ("network", "default"),
    [(mlp, True), (kaiming, False), (without_biases, False), (seeded, False), (last_first, False), (normed, False)],
)
def test_only_weights_that_pytorch_gives_by_default_count_as_default(network, default):
    """Also of a seed of the callable's own, and of an order of draws of its own."""
    assert own.draws_default_weights(network, "net", SHAPE, 3) == default


def test_what_is_pruned_are_linear_and_convolutional_layers_but_the_one_that_is_called_last():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.norm, self.body = nn.Linear(8, 3), nn.LayerNorm(8), nn.Linear(16, 8)

        def forward(self, images):
            return self.head(self.norm(self.body(images.flatten(1))))

    network = Backwards()
    called = own.seen_in_use(network, "net", SHAPE, 3)
    assert called == ["body", "head"]
    assert own.prunable(network, called, "net") == ("body.weight",)
    assert own.prunable(network, called, "net", ["head", "norm.weight"]) == ("head.weight", "norm.weight")
    with pytest.raises(InputError, match=r"--prunable boddy: net has no such parameter.*it has head\.weight"):
        own.prunable(network, called, "net", ["boddy"])


def test_the_source_covers_the_modules_beside_it_that_it_imports(module):
    path = module("import helper\nimport torch\n" + BUILD)
    alone = own.source_of(path)
    module("import deeper\n", "helper.py")
    with_helper = own.source_of(path)
    module("width = 3\n", "deeper.py")
    with_both = own.source_of(path)
    module("width = 4\n", "deeper.py")
    changed = own.source_of(path)
    module("unrelated = 1\n", "other.py")
    assert len({alone, with_helper, with_both, changed}) == 4
    assert own.source_of(path) == changed


def test_a_folder_beside_it_counts_with_and_without_an_init_file_and_an_installed_package_does_not(module, tmp_path):
    path = module("from helpers.layers import width\nimport numpy\n" + BUILD)
    (tmp_path / "helpers").mkdir()
    (tmp_path / "numpy").mkdir()
    module("width = 3\n", "helpers/layers.py")
    module("", "numpy/other.py")
    before = own.source_of(path)
    module("changed = 1\n", "numpy/other.py")
    assert own.source_of(path) == before
    module("width = 4\n", "helpers/layers.py")
    namespace = own.source_of(path)
    module("there = 1\n", "helpers/__init__.py")
    package = own.source_of(path)
    module("import of_all\n", "helpers/layers.py")
    module("width = 5\n", "of_all.py")
    above = own.source_of(path)
    module("width = 6\n", "of_all.py")
    assert len({before, namespace, package, above, own.source_of(path)}) == 5


def test_a_module_comes_before_a_folder_of_its_name_without_an_init_file(module, tmp_path):
    path = module("import data\n" + BUILD)
    (tmp_path / "data").mkdir()
    module("def broken(:\n", "data/odd.py")
    with pytest.raises(InputError, match=r"odd\.py cannot be imported: SyntaxError"):
        own.source_of(path)
    module("width = 3\n", "data.py")
    assert own.source_of(path)


WIDE = """
from torch import nn
import {name}

def build(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, {name}.width), nn.ReLU(), nn.Linear({name}.width, classes))
"""


def test_code_beside_it_that_has_changed_is_run_anew(module):
    path = module(WIDE.format(name="a_helper_beside"))
    found = []
    for width in (3, 4):  # of one length and at one time: bytecode would be taken for up to date
        os.utime(module(f"width = {width}\n", "a_helper_beside.py"), (10**9, 10**9))
        found.append(build(spec_of(path, prunable=("1.weight",)), SHAPE, 5).prunable_count)
    assert found == [48, 64]


LATE = """
from torch import nn

def build(shape, classes):
    import {name}

    return nn.Sequential(nn.Flatten(), nn.Linear(16, {name}.width), nn.ReLU(), nn.Linear({name}.width, classes))
"""


BOTH = "import {name}\n{name}.width += 1\n" + LATE  # what is imported later is what was imported first


@pytest.mark.parametrize(
    ("text", "more", "name"), [(WIDE, 0, "in_two"), (LATE, 0, "in_two_late"), (BOTH, 1, "in_both")]
)
def test_two_files_that_import_two_modules_by_one_name_each_have_their_own_but_not_in_one_run(
    module, tmp_path, text, more, name
):
    specs, files = [], []
    for folder, width in (("one", 3), ("two", 4)):
        (tmp_path / folder).mkdir()
        module(f"width = {width}\n", f"{folder}/{name}.py")
        files.append(module(text.format(name=name), f"{folder}/my.py"))
        specs.append(spec_of(files[-1], prunable=("1.weight",)))
    counts = [build(spec, SHAPE, 5).prunable_count for spec in specs]
    assert counts == [16 * (width + more) for width in (3, 4)]
    assert more or [build(spec, SHAPE, 5).prunable_count for spec in specs] == counts
    own.check_names(files[0], files[0], None)
    with pytest.raises(InputError, match=rf"imports .*one/{name}\.py, and .*two/{name}\.py has this name, too; rename"):
        own.check_names(files[0], None, files[1])
    module(BUILD, "two/my.py")  # it need not import what another file would find there
    with pytest.raises(InputError, match="has this name, too"):
        own.check_names(*files)


def test_a_helper_that_is_imported_later_and_has_changed_is_run_anew(module):
    path = module(LATE.format(name="later_beside"))
    found = []
    for width in (3, 4, 4):
        module(f"width = {width}  # {'and so on' * width}\n", "later_beside.py")
        found.append(build(spec_of(path, prunable=("1.weight",)), SHAPE, 5).prunable_count)
    assert found == [48, 64, 64]


def test_what_this_process_has_imported_itself_is_used_until_it_changes(module, tmp_path):
    path = module(WIDE.format(name="of_the_session"))
    helper = module("width = 3\n", "of_the_session.py")
    sys.path.insert(0, str(tmp_path))
    session: Any = importlib.import_module("of_the_session")
    assert build(spec_of(path, prunable=("1.weight",)), SHAPE, 5).prunable_count == 48
    assert sys.modules["of_the_session"] is session
    helper.write_text("width = 4\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"of_the_session\.py has changed since this process imported it; start Python"
    ):
        build(spec_of(path, prunable=("1.weight",)), SHAPE, 5)


@pytest.mark.parametrize("name", ["taken_by_another", "json", "torch"])
def test_a_module_beside_it_that_has_the_name_of_another_one_of_this_process_is_refused(module, monkeypatch, name):
    path = module(f"import {name}\n" + BUILD)
    if name not in sys.modules:
        monkeypatch.setitem(sys.modules, name, other := ModuleType(name))
        other.__file__ = f"/elsewhere/{name}.py"
    assert own.from_file(f"{path}:build", "--network")
    module("here = 1\n", f"{name}.py")
    with pytest.raises(InputError, match=rf"and .*{name}\.py lies beside it, but Python has another module"):
        own.from_file(f"{path}:build", "--network")


def test_in_a_package_the_modules_of_python_are_meant_and_built_in_ones_everywhere(module):
    path = module("import json\nimport time\n" + BUILD)
    module("1 / 0\n", "time.py")
    assert own.from_file(f"{path}:build", "--network")
    module("1 / 0\n", "json.py")
    module("", "__init__.py")
    assert own.from_file(f"{path}:build", "--network")


def test_a_file_whose_import_is_interrupted_can_be_imported_again(module):
    path = module("raise KeyboardInterrupt\n" + BUILD)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            own.from_file(f"{path}:build", "--network")


def test_what_lies_beside_an_installed_module_is_another_package(module, monkeypatch, tmp_path):
    path = module("import other_package\n" + BUILD)
    module("width = 3\n", "other_package.py")
    beside = own.source_of(path)
    monkeypatch.setattr(own, "INSTALLED", frozenset({tmp_path}))
    assert own.source_of(path) != beside


def test_the_versions_are_those_of_all_packages_that_the_module_and_those_beside_it_import(module):
    path = module("import json\nimport numpy.linalg\nimport helper\nfrom torch import nn\n" + BUILD)
    module("from scipy.special import expit\nimport not_installed_anywhere\n", "helper.py")
    packages = [part.split(" ")[0] for part in own.versions(str(path)).split(", ")]
    assert packages == ["numpy", "scipy", "torch"]
    assert own.versions("") == f"torch {torch.__version__.partition('+')[0]}"


def test_source_that_has_changed_since_the_run_was_planned_is_not_trained(module):
    spec = spec_of(module(BUILD))
    module(BUILD + "\n# another\n")
    with pytest.raises(InputError, match="has changed since this run began"):
        build(spec, SHAPE, 5)


def test_a_callable_of_an_importable_module_goes_by_its_file_and_one_of_a_script_by_itself(tmp_path):
    (tmp_path / "beside.py").write_text(BUILD, encoding="utf-8")
    script = """
from torch import nn
import beside
from sdd_claims.models import own

def here(shape, classes):
    return nn.Linear(2, 2)

print(own.from_object(beside.build)[:2])
print(own.from_object(here)[:2])
"""
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    assert ran.stdout.splitlines() == [f"('{tmp_path / 'beside.py'}', 'build')", "('', 'here')"]


CELL = """
from torch import nn

class Base(nn.Module):
    scale = 1

    def nothing(self):
        pass

class Net(Base):
    width = 4

    def __init__(self, shape, classes):
        super().__init__()
        self.body, self.out = nn.Linear(16, self.width), nn.Linear(self.width, classes)

    def forward(self, images):
        return self.out(self.act(self.body(images.flatten(1)))) * self.factor

    @property
    def factor(self):
        return self.scale

    @staticmethod
    def act(rows):
        return rows.relu()

def build(shape, classes):
    return Net(shape, classes)
"""


@pytest.fixture
def cell(monkeypatch):
    """Runs a cell as a notebook does: its source is in `linecache` alone, and its module has no file."""
    count = iter(range(100))

    def run(text):
        notebook, name = ModuleType("a_notebook"), f"<a cell, {next(count)}>"
        monkeypatch.setitem(sys.modules, "a_notebook", notebook)
        monkeypatch.setitem(linecache.cache, name, (len(text), None, text.splitlines(keepends=True), name))
        exec(compile(text, name, "exec"), vars(notebook))
        return notebook

    return run


@pytest.mark.parametrize("made_by", ["build", "Net"])
def test_a_class_of_a_notebook_is_told_from_another_by_its_source(cell, made_by):
    def digest(text):
        given = getattr(cell(text), made_by)
        file, name, source = own.from_object(given)
        assert (file, name) == ("", made_by)
        return own.with_classes(source, given(SHAPE, 3))

    changes = [("width = 4", "width = 5"), ("scale = 1", "scale = 2"), ("self.scale", "2"), (".relu()", ".tanh()")]
    digests = [digest(CELL), *(digest(CELL.replace(*change)) for change in changes)]
    assert len({*digests}) == 5
    assert digest(f"# another comment above\n{CELL}") == digests[0]


def test_a_method_from_elsewhere_counts_and_a_class_without_methods_is_told_too(cell):
    notebook = cell(CELL)
    plain = own.with_classes(own.from_object(notebook.build)[2], notebook.build(SHAPE, 3))
    elsewhere = "def forward(self, images):\n    return self.out(self.body(images.flatten(1)))\n"
    notebook.Net.forward = cell(elsewhere).forward
    assert own.with_classes(own.from_object(notebook.build)[2], notebook.build(SHAPE, 3)) != plain
    bare, other = (cell(CELL.replace("def nothing(self):\n        ", f"width = {width}\n    ")) for width in (1, 2))
    digests = {own.with_classes(own.from_object(each.build)[2], each.build(SHAPE, 3)) for each in (bare, bare, other)}
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("text", "named", "why"),
    [
        (BUILD, "my.py", "give a file and the name of a callable in it, such as my.py:build"),
        (BUILD, "other.py:build", "there is no file"),
        (BUILD, "my.py:bild", r"my.py has no callable 'bild' \(did you mean 'build'\?\); name one"),
        ("build = 3", "my.py:build", "has no callable 'build'"),
        ("1 / 0", "my.py:build", r"cannot be imported: ZeroDivisionError: division by zero \(line 1\)"),
        (
            "from sdd_claims.models import own\nown.from_file('my.py:build', '--network')",
            "my.py:build",
            "asks for itself while it is imported; put what it runs under `if __name__ == '__main__':`",
        ),
        ("import sys; sys.exit(3)", "my.py:build", r"cannot be imported: SystemExit: 3 \(line 1\); mend it"),
        ("import nothing_of_that_name", "my.py:build", "cannot be imported: ModuleNotFoundError: No module named"),
        ("def build(:", "my.py:build", "cannot be imported: SyntaxError"),
    ],
)
def test_a_callable_that_cannot_be_had_is_refused_in_a_sentence(module, monkeypatch, tmp_path, text, named, why):
    module(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=why) as refused:
        own.from_file(named, "--network")
    assert "\n" not in str(refused.value)


def doubles(shape, classes):
    return nn.Linear(2, 2).double()


def frozen(shape, classes):
    return nn.Linear(2, 2).requires_grad_(False)


@pytest.mark.parametrize(
    ("build_it", "why"),
    [
        (
            lambda shape: nn.Linear(2, 2),
            r"net\(\(1, 4, 4\), 3\) fails: TypeError.*it is called with the shape of an image",
        ),
        (lambda shape, classes: "a network", "net returns a str; it must return an nn.Module"),
        (doubles, "the parameter weight is no float32"),
        (frozen, "some parameters are frozen"),
    ],
)
def test_what_makes_no_network_is_refused(build_it, why):
    with pytest.raises(InputError, match=why):
        own.made(build_it, "net", SHAPE, 3)


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(9, 3)), r"cannot take images of shape \(1, 4, 4\): RuntimeError"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(16, 7)),
            r"must return logits of shape \(2, 3\), got \(2, 7\); make its last layer 3 wide",
        ),
        (nn.Sequential(nn.Conv2d(1, 3, 1)), r"got \(2, 3, 4, 4\)"),
    ],
)
def test_a_network_whose_outputs_do_not_fit_is_refused(network, why):
    with pytest.raises(InputError, match=why):
        own.seen_in_use(network, "net", SHAPE, 3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def build(shape, classes):\n    return 1 / 0\n", r"ZeroDivisionError: division by zero \(line 2\); it is"),
        (
            "from torch import nn\nclass Net(nn.Module):\n    def forward(self, images):\n        images.nothing\n"
            "def build(shape, classes):\n    return nn.Sequential(Net())\n",
            r"'nothing' \(line 4\)",
        ),
    ],
)
def test_where_code_of_the_users_fails_its_line_is_said(module, text, why):
    path, _, build_it = own.from_file(f"{module(text)}:build", "--network")
    with pytest.raises(InputError, match=why):
        own.seen_in_use(own.made(build_it, "net", SHAPE, 3), "net", SHAPE, 3, path)


def test_a_network_of_one_layer_has_nothing_to_prune():
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    with pytest.raises(InputError, match="there is nothing to prune: besides its last layer"):
        own.prunable(network, own.seen_in_use(network, "net", SHAPE, 3), "net")


PASSES: list[int] = []


class Beside(nn.Module):
    """A network that changes something in a forward pass, and that names a layer of its own twice."""

    mean: torch.Tensor
    passes = 0

    def __init__(self, changes):
        super().__init__()
        self.changes, self.count, self.cache = changes, 0, None
        self.inner, self.out, self.norm = nn.Linear(4, 3), nn.Linear(3, 3), nn.BatchNorm1d(3)
        self.norms, self.again = [self.norm], lambda found: self.norm(found)
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, images):
        found = self.again(self.inner(images.flatten(1)))
        if self.cache is None:
            self.cache = torch.ones(3)
        if self.training and self.changes == "an attribute":
            self.count += 1
        if self.training and self.changes == "a buffer in place":
            self.mean.mul_(0.9).add_(found.mean(0))
        if self.training and self.changes == "a buffer":
            self.mean = 0.9 * self.mean + found.mean(0)
        if self.training and self.changes == "a largest buffer":
            self.mean = torch.maximum(self.mean, images.amax().expand(3))
        if self.training and self.changes == "a largest buffer in place":
            self.mean.copy_(torch.maximum(self.mean, images.amax().expand(3)))
        if self.training and self.changes == "its class":
            type(self).passes += 1
        if self.training and self.changes == "a global":
            PASSES.append(1)
        if self.training and self.changes == "draws of Python":
            found = found * random.random()
        if self.training and self.changes == "draws of NumPy":
            found = found * np.random.rand()  # noqa: NPY002
        return self.out(
            nn.functional.dropout(found, training=self.training or self.changes == "evaluation") * self.cache
        )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ("nothing", None),
        ("a buffer in place", None),
        ("an attribute", "build: a forward pass in training changes count, which is neither parameter nor buffer"),
        ("a buffer", "assigns the buffer mean anew, which .* change it in place, as by self.mean.copy_"),
        ("a largest buffer", "assigns the buffer mean anew"),
        ("a largest buffer in place", None),
        ("its class", "changes what the class Beside reads, which is neither"),
        ("a global", "changes what the class Beside reads, which is neither"),
        ("draws of Python", "draws from Python's or NumPy's generator"),
        ("draws of NumPy", "draws from Python's or NumPy's generator"),
        ("evaluation", "in evaluation the network gives the same images other logits each time"),
    ],
)
def test_what_changes_in_training_is_held_by_the_network_and_in_place(monkeypatch, changes, why):
    for code in (Beside, Beside.__init__, Beside.forward):
        monkeypatch.setattr(code, "__module__", "__main__")  # the user's
    network = Beside(changes)
    state = torch.get_rng_state()
    with pytest.raises(InputError, match=why) if why else nullcontext():
        own.check_passes(network, "build", (1, 2, 2), 5)
    assert torch.equal(torch.get_rng_state(), state)


def test_state_in_a_hook_is_found():
    network, count = nn.Sequential(nn.Linear(4, 3), nn.Flatten()), [0]

    def counts(layer, given, found):
        count[0] += 1

    network[0].register_forward_hook(counts)
    with pytest.raises(InputError, match=r"changes 0\._forward_hooks, which is neither"):
        own.check_passes(network, "build", (1, 2, 4), 5)


def test_a_network_that_is_another_than_when_it_was_checked_is_refused(module, monkeypatch):
    path = module("import os\n" + BUILD.replace("0.5", "float(os.environ['RATE'])"))
    monkeypatch.setenv("RATE", "0.1")
    _, function, build = own.from_file(f"{path}:build", "--network")
    structure = own.structure_of(build(SHAPE, 3))
    network = OwnNetwork(
        function=function, source=own.source_of(path), versions="", prunable=(), file=str(path), structure=structure
    )
    assert own.structure_of(own.module_of(network, SHAPE, 3)) == structure
    monkeypatch.setenv("RATE", "0.2")
    with pytest.raises(InputError, match=r"my\.py:build makes another network than when it was checked"):
        own.module_of(network, SHAPE, 3)


def test_a_callable_of_a_module_that_was_changed_after_its_import_goes_by_itself(module, monkeypatch):
    path = module("RATE = 0.1\n" + BUILD.replace("0.5", "RATE"), "with_rate.py")
    monkeypatch.syspath_prepend(path.parent)
    changed = importlib.import_module("with_rate")
    monkeypatch.setitem(sys.modules, "with_rate", changed)
    assert own.from_object(changed.build)[0] == str(path)
    vars(changed)["RATE"] = 0.2
    assert own.from_object(changed.build)[0] == ""
