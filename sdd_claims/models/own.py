"""A user's own network: its callable, found again in every process, and what of the network may be pruned."""

import ast
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import inspect
import itertools
import random
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import UninitializedParameter

from sdd_claims.errors import InputError, nearest
from sdd_claims.locations import in_home
from sdd_claims.models.fingerprint import INSTALLED, digest_of, fingerprint, of_layers
from sdd_claims.spec import OwnCallable, OwnNetwork

Shape: TypeAlias = tuple[int, int, int]
Builder: TypeAlias = Callable[[Shape, int], nn.Module]
"""Makes the network for images of a shape (channels, height, width) and a number of classes."""

_LAYERS = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d

FAILS = (Exception, SystemExit)
"""What code of the user's may raise: a script that ends by `exit()` ends no run."""

_handed: dict[str, Any] = {}
"""Callables that were handed over in Python, by their fingerprints; other processes do not have them."""


# The callable, and the source behind it


def from_file(name: str, what: str) -> tuple[Path, str, Any]:
    """A module's file, a callable's name in it, and the callable, of a text such as "my.py:build".

    Raises:
        InputError: no such text, file or callable, or a module that fails on import; `what` names the option.
    """
    file, _, function = name.rpartition(":")
    if not file or not function.isidentifier() or not file.endswith(".py"):
        raise InputError(f"{what} {name}: give a file and the name of a callable in it, such as my.py:build")
    path, remedy = in_home(file, f"give the whole path with {what}"), "give the path of a Python module"
    try:
        is_there = path.is_file()
    except OSError as error:
        raise InputError(f"{what} {name} cannot be read ({error.strerror or error}); {remedy}") from error
    if not is_there:
        raise InputError(f"{what} {name}: there is no file {path}; {remedy}")
    module = _imported(path, source_of(path))
    known = [each for each, value in vars(module).items() if callable(value)]
    found = getattr(module, function, None)
    if not callable(found):
        raise InputError(f"{what} {name}: {path.name} has no callable {function!r}{nearest(function, known)}; name one")
    return path, function, found


def from_object(given: Any) -> tuple[str, str, Any]:
    """The same of a callable: its file, "" where no other process could import it as it is; its name; a SHA-256.

    That of its file's source; where there is none, of its own code and of all that it reads, see `fingerprint`.

    Raises:
        InputError: nobody can tell whether what it reads has changed.
    """
    name = getattr(given, "__name__", type(given).__name__)
    module = sys.modules.get(getattr(given, "__module__", ""), None)
    file = getattr(module, "__file__", None)
    # Not of a script: another process would run all of it to import it.
    spec = getattr(module, "__spec__", None)
    imported = spec is not None and not getattr(spec, "_initializing", False) and given.__module__ != "__main__"
    digest = fingerprint(given)
    if imported and file and getattr(module, name, None) is given:
        path = Path(file).absolute()
        if (source := _source_of_same(given, path, digest)) is not None:
            return str(path), name, source
    _handed[digest] = given
    return "", name, digest


def _source_of_same(given: Any, path: Path, digest: str) -> str | None:
    """The SHA-256 of a file that has a callable as it is; None where it has been changed since, or is not found so."""
    source = source_of(path)
    try:
        return source if fingerprint(getattr(_imported(path, source), given.__name__, None)) == digest else None
    except InputError:  # such as a module of a package, which imports others by relative names
        return None


def with_classes(source: str, module: nn.Module) -> str:
    """The SHA-256 of a handed-over callable, and of the classes of its network's layers.

    Raises:
        InputError: nobody can tell whether what these read has changed.
    """
    digest = hashlib.sha256(f"{source}\n{of_layers(module)}".encode()).hexdigest()
    _handed[digest] = _handed[source]
    return digest


def source_of(path: Path) -> str:
    """SHA-256 of a module's file and of all modules beside it that it imports, directly or not.

    Raises:
        InputError: one cannot be read, or is no Python.
    """
    digest = hashlib.sha256()
    for each in sorted({path, *_imported_beside(path)}):
        digest.update(each.read_bytes())
    return digest.hexdigest()


def _imported_beside(path: Path) -> set[Path]:
    found, waiting = set[Path](), [path]
    while waiting:
        for each in _beside(waiting.pop(), path.parent):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


def _imports(path: Path, *, relative: bool = True) -> Iterator[str]:
    """The names of the modules that a file imports, with those that it names relative to its package."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); change its permissions") from error
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{path} cannot be imported: {type(error).__name__}: {error}; mend that line") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (relative or not node.level):
            yield from [node.module] if node.module else (alias.name for alias in node.names)


def _beside(path: Path, root: Path) -> Iterator[Path]:
    """The modules that a file imports of its own folder, and of the folder whose modules Python finds first."""
    for name in _imports(path):
        for folder in {path.parent, root, _above_package(path)}:
            place = _place(folder, name.partition(".")[0])
            if place is not None:
                yield from place.rglob("*.py") if place.is_dir() else [place]


def _above_package(path: Path) -> Path:
    """The folder that the outermost package of a file lies in, where Python finds it; the file's, if it is in none."""
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _place(folder: Path, name: str) -> Path | None:
    """The file, or the folder, that Python imports by a name where it looks into a folder first; None for none.

    A folder without `__init__.py` comes last of all. Installed packages lie side by side, and have versions instead.
    """
    if folder in INSTALLED or name in sys.builtin_module_names:
        return None
    package, file = folder / name, folder / f"{name}.py"
    if (package / "__init__.py").is_file():
        return package
    if file.is_file():
        return file
    if not package.is_dir() or name in sys.stdlib_module_names:
        return None
    elsewhere = [each for each in sys.path if Path(each or ".").resolve() != folder.resolve()]
    found = importlib.machinery.PathFinder.find_spec(name, elsewhere)
    return package if found is None or found.origin is None else None


def _names_beside(path: Path) -> dict[str, Path]:
    """The names by which a file, and what it imports beside it, import modules of its folder; and where these lie."""
    files = [path, *(each for each in _imported_beside(path) if each.is_relative_to(path.parent))]
    names = {name.partition(".")[0] for each in files for name in _imports(each, relative=False)}
    folders = (path.parent, _above_package(path))
    places = {name: next(filter(None, (_place(folder, name) for folder in folders)), None) for name in sorted(names)}
    return {name: place for name, place in places.items() if place is not None}


def check_names(*files: Path | None) -> None:
    """Check that what a user's file imports of its folder does not lie beside another one, too: Python keeps one.

    Raises:
        InputError: it does.
    """
    given = {file.resolve(): file for file in files if file is not None}
    for one, other in itertools.permutations(given, 2):
        for name, place in _names_beside(one).items() if one.parent != other.parent else ():
            if (second := _place(other.parent, name)) is not None:
                raise InputError(f"{given[one]} imports {place}, and {second} has this name, too; rename one of them")


def versions(file: str) -> str:
    """The versions of PyTorch and of every other installed package that a module's file, or one beside it, imports.

    Args:
        file: the module's; "" for a callable that was handed over in Python, of which PyTorch's alone is known.
    """
    found = {"torch": torch.__version__.partition("+")[0]}
    paths = {Path(file), *_imported_beside(Path(file))} if file else set[Path]()
    names = {name.partition(".")[0] for path in paths for name in _imports(path)} - sys.stdlib_module_names
    if names - {"torch"}:
        installed = importlib.metadata.packages_distributions()
        for package in (package for name in names for package in installed.get(name, ())):
            found.setdefault(package, importlib.metadata.version(package))
    return ", ".join(f"{package} {found[package]}" for package in sorted(found))


_Version: TypeAlias = tuple[Path, str]
"""Where a module lies, and the SHA-256 of its source."""


class _Loaded(NamedTuple):
    """A user's module, and what it imports of its folder."""

    module: ModuleType
    beside: Mapping[str, _Version]


_loaded: dict[_Version, _Loaded] = {}
_held: dict[str, _Version] = {}
"""What modules of these names are, as far as they lie beside a user's file."""
_ours = set[str]()
"""Those that this process had not imported before."""


def _imported(path: Path, source: str) -> ModuleType:
    """The module of a file, under a name of its own; the modules beside it can be imported from it.

    Raises:
        InputError: it fails; or what it imports of its folder is, in this process, another module or older source.
    """
    found = _loaded.get((path, source))
    beside = {name: (at, _source_at(at)) for name, at in _names_beside(path).items()} if found is None else found.beside
    _make_way(path, beside)
    if found is None:
        found = _loaded[path, source] = _Loaded(_executed(path, source), beside)
    return found.module


def _source_at(place: Path) -> str:
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()


def _make_way(path: Path, beside: Mapping[str, _Version]) -> None:
    """See to it that what a file imports of its folder, at once or later, is of there and up to date.

    Raises:
        InputError: this process has imported it itself, and it is another module or has changed since.
    """
    for name, version in beside.items():
        module, place = sys.modules.get(name), version[0]
        if module is None:
            _ours.add(name)
        elif _held.get(name) != version and name in _ours:  # of another file's folder, or older
            for each in [each for each in list(sys.modules) if each.partition(".")[0] == name]:
                sys.modules.pop(each, None)
        elif not _lies_at(module, place):
            if name in sys.stdlib_module_names and (path.parent / "__init__.py").is_file():
                continue  # in a package Python's own modules are meant
            raise InputError(
                f"{path} imports {name}, and {place} lies beside it, but Python has another module of this name here; "
                "rename the file"
            )
        elif _held.setdefault(name, version) != version:
            raise InputError(
                f"{place} has changed since this process imported it; start Python anew, or import it nowhere but in "
                f"{path.name}"
            )
        _held[name] = version
    if sys.path[:1] != [str(path.parent)]:
        sys.path[:] = [str(path.parent), *(each for each in sys.path if each != str(path.parent))]
        importlib.invalidate_caches()


def _lies_at(module: ModuleType, place: Path) -> bool:
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    return file is not None and Path(file).resolve().is_relative_to(place.resolve())


def _executed(path: Path, source: str) -> ModuleType:
    name = f"sdd_claims_own_{hashlib.sha256(f'{path} {source}'.encode()).hexdigest()[:16]}"
    if name in sys.modules:  # and not loaded: it is being imported now
        raise InputError(
            f"{path} asks for itself while it is imported; put what it runs under `if __name__ == '__main__':`"
        )
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    keeps_no_bytecode = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # Python tells it from newer source by whole seconds
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        if not isinstance(error, FAILS):
            raise
        raise InputError(
            f"{path} cannot be imported: {said(error, path)}; mend it, and try it with python {path}"
        ) from error
    finally:
        sys.dont_write_bytecode = keeps_no_bytecode
    return module


def written_in(given: Any) -> Path | None:
    """The file, or the cell of a notebook, in which a function or a class is written; None where nobody knows."""
    code = getattr(
        inspect.unwrap(getattr(given, "__init__", given) if inspect.isclass(given) else given), "__code__", None
    )
    return Path(code.co_filename) if code else None


def said(error: BaseException, path: Path | None = None) -> str:
    """An error of the user's code in one line, with the line of their file that it comes from."""
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if path and Path(at.filename) == path]
    where = f" (line {lines[-1]})" if lines else ""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words if len(words) <= 300 else words[:297] + '...'}{where}"


# The network


def callable_of(own: OwnCallable) -> Any:
    """The callable of a user's, in whatever process.

    Raises:
        InputError: it is not there any more, or its file has changed since the run was planned.
    """
    if not own.file:
        if own.source not in _handed:
            raise InputError(
                f"{own.function} was handed over in Python, and another process cannot call it; train in one process, "
                "or write it into a file and give 'my.py:build'"
            )
        return _handed[own.source]
    path = file_of(own.file)
    if (now := source_of(path)) != own.source:
        raise InputError(f"{path} has changed since this run began; run again: changed source is another run")
    module = _imported(path, now) if own.file.endswith(".py") else importlib.import_module(own.file)
    return getattr(module, own.function)


def file_of(module: str) -> Path:
    """The file of a module that is named by its path, or as an installed one.

    Raises:
        InputError: there is no such installed module.
    """
    if module.endswith(".py"):
        return Path(module)
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise InputError(f"there is no module {module} in Python here; install its package")
    return Path(spec.origin)


def module_of(own: OwnNetwork, shape: Shape, classes: int) -> nn.Module:
    """The network, with weights drawn from PyTorch's generator; this process leaves the fast path of attention.

    Raises:
        InputError: as of `callable_of`, or it is another network than the one that was checked.
    """
    leave_fast_path()
    module: nn.Module = callable_of(own)(shape, classes)
    if own.structure and structure_of(module) != own.structure:
        raise InputError(
            f"{own} makes another network than when it was checked, since something that it reads has changed; run "
            "again, and let it read nothing that changes meanwhile"
        )
    return module


def structure_of(module: nn.Module) -> str:
    """SHA-256 of a network's layers with their settings, and of the names and sizes of its tensors."""
    layers = re.sub(r" at 0x[0-9a-f]+", "", repr(module))
    tensors = [(key, *value.shape) for key, value in (*module.named_parameters(), *module.named_buffers())]
    return hashlib.sha256(f"{layers}\n{tensors}".encode()).hexdigest()


def leave_fast_path() -> None:
    """Let no layer of attention take PyTorch's fused path of inference, which `torch.func.vmap` cannot stack."""
    torch.backends.mha.set_fastpath_enabled(False)


def made(build: Builder, name: str, shape: Shape, classes: int, seed: int = 0) -> nn.Module:
    """The network that a callable makes, checked as far as that can be done without data.

    Raises:
        InputError: the callable fails, or what it makes is no network that can be trained here.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = build(shape, classes)
    except FAILS as error:
        raise InputError(
            f"{name}({shape}, {classes}) fails: {said(error, written_in(build))}; it is called with the shape of an "
            "image (channels, height, width) and the number of classes"
        ) from error
    if not isinstance(module, nn.Module):
        raise InputError(f"{name} returns a {type(module).__name__}; it must return an nn.Module")
    if lazy := [key for key, value in module.named_parameters() if isinstance(value, UninitializedParameter)]:
        raise InputError(f"{name}: {lazy[0]} has no size yet; make its layer with the number of its inputs, not lazily")
    whole = [key for key, _ in module.named_parameters(remove_duplicate=False)]
    if shared := set(whole) - {key for key, _ in module.named_parameters()}:
        raise InputError(
            f"{name}: {min(shared)} is also the parameter of another layer, which cannot be pruned here; give every "
            "layer its own"
        )
    odd = [key for key, value in module.named_parameters() if value.dtype != torch.float32]
    if odd:
        raise InputError(f"{name}: the parameter {odd[0]} is no float32; make the whole network in float32")
    if any(not value.requires_grad for value in module.parameters()):
        raise InputError(
            f"{name}: some parameters are frozen; all are trained here, so unfreeze them, or make them buffers"
        )
    return module


def draws_default_weights(build: Builder, name: str, shape: Shape, classes: int) -> bool:
    """Whether a plain MLP begins with the weights that PyTorch gives to linear layers by default, drawn in their order.

    Only then may the suite draw them by a formula that is the same on every processor: whoever begins in another way
    would train another network. Equal bits tell, and those of two seeds, since a callable may set a seed itself.

    Raises:
        InputError: as of `made`.
    """
    for seed in (0, 1):
        module = made(build, name, shape, classes, seed)
        linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            default = nn.ModuleList(nn.Linear(layer.in_features, layer.out_features) for layer in linear)
        held, drawn = [*module.parameters(), *module.buffers()], [*default.parameters()]
        if len(held) != len(drawn) or not all(map(torch.equal, held, drawn)):
            return False
    return True


def seen_in_use(module: nn.Module, name: str, shape: Shape, classes: int, path: Path | None = None) -> list[str]:
    """The names of the layers with weights in the order in which a forward pass calls them.

    Args:
        module: the network.
        name: of its callable.
        shape: of an image.
        classes: their number.
        path: the file of its callable, whose line is said where the pass fails.

    Raises:
        InputError: the pass fails, or gives no logits.
    """
    called = list[str]()
    hooks = [
        layer.register_forward_pre_hook(lambda _, __, key=key: called.append(key))
        for key, layer in module.named_modules()
        if isinstance(layer, _LAYERS)
    ]
    try:
        with torch.no_grad():
            out = module.eval()(torch.zeros(2, *shape))
    except FAILS as error:
        raise InputError(f"{name}: the network cannot take images of shape {shape}: {said(error, path)}") from error
    finally:
        module.train()
        for hook in hooks:
            hook.remove()
    if not isinstance(out, Tensor) or tuple(out.shape) != (2, classes):
        is_tensor = isinstance(out, Tensor)
        got = tuple(out.shape) if is_tensor else f"a {type(out).__name__}"
        remedy = f"make its last layer {classes} wide" if is_tensor else "let it return the tensor of logits alone"
        raise InputError(
            f"{name}: for two images and {classes} classes the network must return logits of shape (2, {classes}), got "
            f"{got}; {remedy}"
        )
    return called


def check_passes(module: nn.Module, name: str, shape: Shape, size: int) -> None:
    """Check that a network is what it holds, parameters and buffers: nothing else of it may change in training.

    Args:
        module: the network, which is used up.
        name: of its callable.
        shape: of an image.
        size: images of a batch.

    Raises:
        InputError: something else changes, or evaluation is random.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        images, larger = (scale * torch.randn(size, *shape, generator=generator) for scale in (1, 3))
        module.train()(images)  # what it makes at its first pass may stay
        first, again = (module.eval()(images).nan_to_num() for _ in range(2))
        if not torch.equal(first, again):
            raise InputError(
                f"{name}: in evaluation the network gives the same images other logits each time; let dropout ask for "
                "self.training, and draw no other random numbers"
            )
        module.train()
        held, before = dict(module.named_buffers()), _held_beside(module)
        at_first = {key: value.clone() for key, value in held.items()}
        drawn = _drawn_elsewhere()
        module(larger)
        if _drawn_elsewhere() != drawn:
            raise InputError(
                f"{name}: a forward pass in training draws from Python's or NumPy's generator, which no seed sets "
                "here; draw from PyTorch's"
            )
        now = dict(module.named_buffers())
        if changed := [key for key, value in _held_beside(module).items() if before.get(key) != value]:
            raise InputError(
                f"{name}: a forward pass in training changes {changed[0]}, which is neither parameter nor buffer, so "
                "that networks which train one after the other would share it; register it as a buffer, and change it "
                "in place"
            )
        moved = [key for key, value in now.items() if not torch.equal(value, at_first[key])]
        in_place = {key: value.clone() for key, value in now.items()}
        functional_call(module, {**dict(module.named_parameters()), **in_place}, (3 * larger,))
        if lost := [key for key in moved if torch.equal(in_place[key], now[key])]:
            raise InputError(
                f"{name}: a forward pass in training assigns the buffer {lost[0]} anew, which is lost where many "
                f"networks train at once; change it in place, as by self.{lost[0].rpartition('.')[2]}.copy_(...)"
            )


def _drawn_elsewhere() -> str:
    """A digest of the states of Python's and NumPy's generators."""
    return digest_of([random.getstate(), np.random.mtrand._rand.get_state(legacy=False)])


def _held_beside(module: nn.Module) -> dict[str, str]:
    """The digests of what the layers of a network hold beside parameters, buffers and other layers, and their classes.

    A class has what its code reads, such as a global counter.
    """
    found = {}
    known = [*module.modules(), *module.parameters(), *module.buffers()]
    for key, layer in module.named_modules():
        own = {name: held for name, held in vars(layer).items() if name not in vars(nn.Module())}
        own |= {name: [*held.values()] for name, held in vars(layer).items() if name not in own and "hooks" in name}
        beside = {f"{key}.{name}".lstrip("."): held for name, held in own.items()}
        for name, held in {**beside, f"what the class {type(layer).__name__} reads": type(layer)}.items():
            with suppress(InputError):  # such as a lock
                found[name] = digest_of(held, known=known)
    return found


def prunable(module: nn.Module, called: Sequence[str], name: str, chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """The weights that pruning may touch: those chosen, else of all linear and convolutional layers but the last.

    Args:
        module: the network.
        called: its layers in the order of a forward pass.
        name: of its callable.
        chosen: names of parameters, or of layers, whose weights are meant.

    Raises:
        InputError: none such, or nothing to prune.
    """
    known = dict(module.named_parameters())
    if chosen:
        found = [each if each in known else f"{each}.weight" for each in chosen]
        for given, each in zip(chosen, found, strict=True):
            if each not in known:
                has = ", ".join(known)
                raise InputError(
                    f"--prunable {given}: {name} has no such parameter{nearest(given, known)}; it has {has}"
                )
        return tuple(key for key in known if key in found)
    weights = [f"{key}.weight" for key, layer in module.named_modules() if isinstance(layer, _LAYERS)]
    last = f"{called[-1]}.weight" if called else None
    found = [key for key in weights if key in known and key != last]
    if not found:
        raise InputError(
            f"{name}: there is nothing to prune: besides its last layer, which is never pruned, the network has no "
            "linear or convolutional layer; name its parameters with --prunable"
        )
    return tuple(found)


def is_random(module: nn.Module, shape: Shape) -> bool:
    """Whether a forward pass in training draws random numbers, as dropout does."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        before = torch.get_rng_state()
        module.train()(torch.zeros(2, *shape))
        return not torch.equal(before, torch.get_rng_state())
