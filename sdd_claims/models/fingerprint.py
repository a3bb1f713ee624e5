"""The fingerprint of a callable of the user's: its code, and all that this reads.

Of one source come different networks, where a function closes over a width, or reads a global that a notebook changes.
So not the text of a function is digested but what is run: a file may have been saved since, and a line of it may hold
two functions.
"""

import copyreg
import dis
import functools
import hashlib
import importlib.metadata
import importlib.util
import logging
import random
import site
import sys
import sysconfig
import threading
import weakref
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sdd_claims.errors import InputError

INSTALLED = frozenset(
    Path(folder)
    for folder in (
        *(sysconfig.get_path(kind) for kind in ("purelib", "platlib")),
        *site.getsitepackages(),
        site.getusersitepackages(),
    )
)
"""The folders of installed packages, whose versions tell them apart."""

_BY_NAME = frozenset({*sys.stdlib_module_names, "torch", "torchvision", "numpy", "sdd_claims"})
_PLAIN = frozenset(
    {
        *(type(None), bool, int, float, complex, str, bytes, range, slice, type(...), type(NotImplemented)),
        *(torch.dtype, torch.device, torch.layout, torch.finfo, torch.iinfo),
    }
)
"""What its text says all of. Subclasses may hold and do more."""

_NO_SETTING = (
    *(type(threading.Lock()), type(threading.RLock()), logging.Logger),
    *(weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet),
)
_OF_PYTHON = frozenset(
    [
        "__module__",
        "__dict__",
        "__weakref__",
        "__doc__",
        "__annotations__",
        "__qualname__",
        "__slots__",
        "__match_args__",
        "__parameters__",
        "__orig_bases__",
        "__firstlineno__",
        "__static_attributes__",
        "__abstractmethods__",
        "__dataclass_fields__",
        "__dataclass_params__",
        "_abc_impl",
    ]
)
"""Attributes of a class that Python has made of the others."""

_OF_EVERY_MODULE = frozenset(("__name__", "__spec__", "__loader__", "__builtins__"))
_CACHED = type(functools.cache(lambda: None))
_DEEPEST = 5  # modules within each other
_OF_ALL = {
    id(np.random.mtrand._rand): "numpy.random",
    id(random._inst): "random",
    id(torch.default_generator): "torch",
}
"""The generators that all code of a process shares: what they have drawn by now is no property of a callable."""


def fingerprint(given: Any) -> str:
    """SHA-256 of a callable's code and of what it reads: closed-over values, defaults, globals, its own object.

    Functions and classes of the user's that it reads are followed, those of installed packages go by their names.

    Raises:
        InputError: it reads something of which nobody can tell whether it has changed.
    """
    code = given if isinstance(given, type | FunctionType | MethodType) else type(given)
    return _digest(given, getattr(given, "__name__", type(given).__name__), _Reading(getattr(code, "__func__", code)))


def digest_of(value: Any, where: str = "it", known: Collection[Any] = ()) -> str:
    """SHA-256 of a value and of all that it refers to.

    Args:
        value: the value.
        where: names it in errors.
        known: objects that are not looked into.

    Raises:
        InputError: nobody can tell whether it has changed.
    """
    return _digest(value, where, _Reading(known=known))


def of_layers(module: torch.nn.Module) -> str:
    """SHA-256 of the classes of a network's layers, of their bases, and of what these read."""
    return digest_of([*dict.fromkeys(type(layer) for layer in module.modules())], "a class of the network")


def _digest(value: Any, where: str, reading: "_Reading") -> str:
    try:
        reading.value(value, where)
    except RecursionError:
        raise InputError(f"{where} reads objects within objects, too deep to tell whether they change") from None
    return reading.digest()


class _Reading:
    """Walks through a value and what it refers to, every object once, and digests what it meets."""

    def __init__(self, root: Any = None, known: Collection[Any] = ()) -> None:
        """Nothing is met yet.

        Args:
            root: the code that is asked about, which is read wherever it is installed.
            known: objects that are not looked into.
        """
        self._sha256, self._root = hashlib.sha256(), root
        self._met = dict[int, tuple[int, Any]]()  # with the objects, so that no other takes their place in memory
        for each in known:
            self._met[id(each)] = len(self._met), each
        self._read_by_now = set[tuple[int, str]]()
        self._elements = dict[int, tuple[str, Any]]()  # of sets, with their digests

    def digest(self) -> str:
        """SHA-256 of what was met."""
        return self._sha256.hexdigest()

    def _note(self, *words: object) -> None:
        for word in words:
            text = word if isinstance(word, bytes) else str(word).encode()
            self._sha256.update(f"{len(text)}:".encode() + text)

    def value(self, value: Any, where: str) -> None:
        """Walk through one value; `where` names it in errors."""
        where = where[:80]
        if type(value) in _PLAIN:
            self._note(type(value).__name__, repr(value))
            return
        if id(value) in _OF_ALL:
            self._note("generator", _OF_ALL[id(value)])
            return
        if isinstance(value, _NO_SETTING):
            self._note(type(value).__name__)
            return
        if id(value) in self._met:
            self._note("met", self._met[id(value)][0])
            return
        self._met[id(value)] = len(self._met), value
        match value:
            case Tensor():
                self._tensor(value, where)
            case np.ndarray() if type(value) is np.ndarray and not value.dtype.hasobject:
                self._note("array", value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes())
            case torch.Generator():
                self.value(value.get_state(), where)
            case MappingProxyType():
                self.value(dict(value), where)
            case dict() if type(value) is dict:
                self._note("dict", len(value))
                for key, held in value.items():
                    self.value(key, f"a key of {where}")
                    self.value(held, f"{where}[{key!r:.40}]")
            case set() | frozenset() if type(value) in (set, frozenset):
                self._note("set", *sorted(self._element(each, where) for each in value))
            case list() | tuple() if type(value) in (list, tuple):
                self._note(type(value).__name__, len(value))
                for index, held in enumerate(value):
                    self.value(held, f"{where}[{index}]")
            case ModuleType():
                self._module(value)
            case FunctionType():
                self._function(value, where)
            case CodeType():
                self._code(value, where)
            case type():
                self._class(value, where)
            case _:
                self._object(value, where)

    def _element(self, value: Any, where: str) -> str:
        """The digest of an element of a set, which has no place; what was met before it is known."""
        if type(value) in _PLAIN:
            return f"{type(value).__name__} {value!r}"
        if id(value) not in self._elements:
            self._elements[id(value)] = "itself", value
            reading = _Reading(self._root)
            reading._met, reading._read_by_now = dict(self._met), set(self._read_by_now)
            reading._elements = self._elements
            reading.value(value, where)
            self._elements[id(value)] = reading.digest(), value
        return self._elements[id(value)][0]

    def _tensor(self, tensor: Tensor, where: str) -> None:
        try:
            dense = tensor.detach() if tensor.layout == torch.strided else tensor.detach().to_dense()
            held = dense.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        except RuntimeError as error:  # such as those without numbers
            raise _unreadable(where, tensor) from error
        self._note("tensor", tensor.dtype, tensor.layout, tensor.requires_grad, tuple(tensor.shape), held)
        self.value(dict(getattr(tensor, "__dict__", {})), where)

    def _module(self, module: ModuleType) -> None:
        """Walk through what a module holds that is no code, where it is handed around: all of it may be read."""
        self._note("module", module.__name__.rpartition(".")[2], _version(module.__name__))
        if _is_installed(module.__name__):
            return
        for name, held in sorted(vars(module).items()):
            if type(held) in (*_PLAIN, list, tuple, dict, set, frozenset, np.ndarray, Tensor) and name[:2] != "__":
                with suppress(InputError, RecursionError):
                    self._note(name, digest_of(held))

    def _function(self, function: FunctionType, where: str) -> None:
        if _goes_by_name(function) and function is not self._root:
            self._note("function", function.__module__, function.__qualname__, _version(function.__module__))
            return
        code = function.__code__
        self.value(code, where)
        self.value(function.__defaults__, f"a default of {where}")
        self.value(function.__kwdefaults__, f"a default of {where}")
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                held = cell.cell_contents
            except ValueError:  # not set yet
                continue
            self.value(held, name)
        self.value({key: held for key, held in vars(function).items() if key != "__wrapped__"}, where)
        named = _Named.by(code)
        self._read(function.__globals__, named.globals, named.attributes)
        for name, wanted in sorted(named.imported(function.__globals__.get("__package__") or "")):
            self._import(name, wanted, named.attributes)

    def _import(self, name: str, wanted: Collection[str], attributes: Collection[str]) -> None:
        """Walk through what is read of a module that is imported in a call; one that is not loaded goes by its file."""
        if _is_installed(name):
            self._note(name, _version(name))
            return
        for each in (name, *(f"{name}.{part}" for part in wanted)):
            if (module := sys.modules.get(each)) is not None:
                self._read(vars(module), {*wanted, *attributes}, attributes, f"{each}.")
            elif (file := _file_of(each)) is not None:
                self._note(each, hashlib.sha256(file.read_bytes()).hexdigest())

    def _code(self, code: CodeType, where: str) -> None:
        """What a function runs, wherever it is written."""
        handlers = getattr(code, "co_exceptiontable", b"")
        self._note("code", code.co_code, handlers, code.co_flags)
        self._note(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
        self._note(*map(repr, (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)))
        for each in code.co_consts:
            self.value(each, where)

    def _read(
        self, namespace: Mapping[str, Any], names: Collection[str], attributes: Collection[str], prefix: str = ""
    ) -> None:
        """Walk through what some code reads by these names, and by its attributes of the user's modules among them."""
        for name in sorted({*names} - _OF_EVERY_MODULE):
            if name not in namespace:
                continue
            held = namespace[name]
            if isinstance(held, ModuleType) and not _is_installed(held.__name__):
                if prefix.count(".") < _DEEPEST:
                    self._read(vars(held), attributes, attributes, f"{prefix}{name}.")
            elif (id(namespace), name) not in self._read_by_now:
                self._read_by_now.add((id(namespace), name))
                self._note(name)
                self.value(held, prefix + name)

    def _class(self, kind: type, where: str) -> None:
        if _goes_by_name(kind) and kind is not self._root:
            self._note("class", kind.__module__, kind.__qualname__, _version(kind.__module__))
            return
        self._note("class", kind.__qualname__)
        for base in (type(kind), *kind.__bases__):
            self.value(base, where)
        for name, held in vars(kind).items():
            if name not in _OF_PYTHON and not isinstance(held, GetSetDescriptorType | MemberDescriptorType):
                self._note(name)
                self.value(held, f"{kind.__name__}.{name}")

    def _object(self, value: Any, where: str) -> None:
        """Walk through the functions that an object wraps, or through what it would be pickled as."""
        parts: Any
        match value:
            case MethodType() | staticmethod() | classmethod():
                parts = (value.__func__, getattr(value, "__self__", None))
            case property():
                parts = (value.fget, value.fset, value.fdel)
            case functools.cached_property():
                parts = (value.func,)
            case BuiltinFunctionType() if isinstance(value.__self__, ModuleType | None):
                parts = (f"{value.__module__}.{value.__qualname__}",)
            case _ if type(value) is _CACHED:
                parts = ("cached", value.__wrapped__)
            case _ if type(value).__module__.partition(".")[0] == "numba" and hasattr(value, "py_func"):
                parts = ("compiled", value.py_func)
            case torch.nn.Module():
                # Keys of hooks are numbers that are given out in a process.
                state = {key: [*held.values()] if "hooks" in key else held for key, held in vars(value).items()}
                parts = (type(value), state)
            case _:
                parts = _pickled(value, where)
        self._note("object", len(parts))
        for part in parts:
            self.value(part if not isinstance(part, Iterator) else list(part), where)


class _Named(NamedTuple):
    """What some code, and functions within it, name.

    Attributes:
        globals: names of globals.
        attributes: names of attributes, of whatever objects.
        imports: names of modules, with the number of dots before them, and what is imported from each.
    """

    globals: set[str]
    attributes: set[str]
    imports: set[tuple[int, str, tuple[str, ...]]]

    @classmethod
    def by(cls, code: CodeType) -> "_Named":
        found = cls(set(), set(), set())
        before: list[Any] = [0, None]
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                found.globals.add(step.argval)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"):
                found.attributes.add(step.argval)
            elif step.opname == "IMPORT_NAME":
                found.imports.add((before[-2], step.argval, before[-1] or ()))
            if step.opname != "EXTENDED_ARG":
                before.append(step.argval)
        for each in code.co_consts:
            if isinstance(each, CodeType):
                within = cls.by(each)
                found.globals.update(within.globals)
                found.attributes.update(within.attributes)
                found.imports.update(within.imports)
            elif isinstance(each, str) and each.isidentifier():  # by getattr
                found.attributes.add(each)
        return found

    def imported(self, package: str) -> set[tuple[str, tuple[str, ...]]]:
        """The modules by their whole names, with what is imported from each; a dot leads to the code's package."""
        found = set()
        for dots, name, wanted in self.imports:
            with suppress(ImportError):  # beyond the top
                found.add((importlib.util.resolve_name("." * dots + name, package) if dots else name, wanted))
        return found


def _file_of(module: str) -> Path | None:
    """The file of a module, which is not executed to find it; None where there is none of Python."""
    top, *parts = module.split(".")
    with suppress(Exception):  # of a finder of the user's
        if (spec := importlib.util.find_spec(top)) is not None:
            places = [Path(place).joinpath(*parts) for place in spec.submodule_search_locations or ()]
            files = [file for place in places for file in (place / "__init__.py", place.with_suffix(".py"))]
            files += [Path(spec.origin)] if spec.origin and not parts else []
            return next((file for file in files if file.suffix == ".py" and file.is_file()), None)
    return None


def _pickled(value: Any, where: str) -> tuple[Any, ...]:
    """What an object would be pickled as."""
    try:
        known = copyreg.dispatch_table.get(type(value))
        parts: Any = known(value) if known else value.__reduce_ex__(4)
    except Exception as error:
        raise _unreadable(where, value) from error
    return (type(value).__name__, parts) if isinstance(parts, str) else parts  # the name of a global


def _unreadable(where: str, value: Any) -> InputError:
    return InputError(
        f"{where} is read, a {type(value).__name__}, of which nobody can tell whether it has changed; let numbers, "
        "arrays or code be read in its place, or write it all into a file"
    )


def _goes_by_name(code: FunctionType | type) -> bool:
    """Whether its name says which it is: what is made within a function may have siblings that read other values."""
    return "<locals>" not in code.__qualname__ and _is_installed(code.__module__)


def _is_installed(module: str | None) -> bool:
    """Whether a module goes by its name: a notebook's is the user's, though its kernel is installed."""
    if not module or module == "__main__":
        return False
    top = module.partition(".")[0]
    file = getattr(sys.modules.get(top), "__file__", None) if top in sys.modules else _file_of(top)
    return top in _BY_NAME or (file is not None and any(Path(file).is_relative_to(folder) for folder in INSTALLED))


def _version(module: str) -> str:
    """The version of an installed package, by a module of it; "" of Python's own."""
    return _version_of(module.partition(".")[0])


@functools.cache
def _version_of(top: str) -> str:
    packages = () if top in sys.stdlib_module_names else importlib.metadata.packages_distributions().get(top, ())
    return ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
