"""The fingerprint of a callable of the user's: its source, and all that it reads besides.

Of one source come different networks, where a function closes over a width, or reads a global that a notebook changes.
"""

import ast
import hashlib
import importlib.metadata
import inspect
import linecache
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdd_claims.errors import InputError

INSTALLED = frozenset(Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib"))
"""The folders of installed packages, whose versions tell them apart."""

_BY_NAME = frozenset({*sys.stdlib_module_names, "torch", "torchvision", "numpy", "sdd_claims"})
_DEEPEST = 5  # modules within each other
_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, slice, type(...), torch.dtype, torch.device)


def fingerprint(given: Any) -> str:
    """SHA-256 of a callable's source and of what it reads: closed-over values, defaults, globals, its own object.

    Functions and classes of the user's that it reads are followed, those of installed packages go by their names.

    Raises:
        InputError: it reads something of which nobody can tell whether it has changed.
        OSError: nobody can read its source.
        TypeError: it is neither a function nor a class of Python, nor an object of one.
    """
    code = given if inspect.isroutine(given) or inspect.isclass(given) else type(given)
    source_text(code)  # must be known
    reading = _Reading(getattr(code, "__func__", code))
    try:
        reading.value(given, getattr(given, "__name__", type(given).__name__))
    except RecursionError:
        raise InputError(f"{given!r:.80} reads objects within objects, too deep to tell whether they change") from None
    return reading.digest()


class _Reading:
    """Walks through a value and what it refers to, every object once, and digests what it meets."""

    def __init__(self, root: Any = None) -> None:
        """Nothing is met yet; `root` is the code that is asked about, which is read wherever it is installed."""
        self._digest, self._root = hashlib.sha256(), root
        self._met = dict[int, tuple[int, Any]]()  # with the objects, so that no other takes their place in memory
        self._names_read = set[tuple[int, str]]()

    def digest(self) -> str:
        """SHA-256 of what was met."""
        return self._digest.hexdigest()

    def _note(self, *words: object) -> None:
        for word in words:
            text = word if isinstance(word, bytes) else str(word).encode()
            self._digest.update(f"{len(text)}:".encode() + text)

    def value(self, value: Any, where: str) -> None:
        """Walk through one value; `where` names it in errors."""
        if isinstance(value, _PLAIN):
            self._note(type(value).__name__, repr(value))
            return
        if id(value) in self._met:
            self._note("met", self._met[id(value)][0])
            return
        self._met[id(value)] = len(self._met), value
        match value:
            case Tensor():
                self._tensor(value, where)
            case np.ndarray() if value.dtype.kind != "O":
                self._note("array", value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes())
            case torch.Generator():
                self.value(value.get_state(), where)
            case dict() if type(value) is dict:
                self._note("dict", len(value))
                for key, held in value.items():
                    self.value(key, f"a key of {where}")
                    self.value(held, f"{where}[{key!r:.40}]")
            case set() | frozenset():
                self._note("set", *sorted(digest_of(each, where) for each in value))
            case list() | tuple() if type(value) in (list, tuple):
                self._note(type(value).__name__, len(value))
                for index, held in enumerate(value):
                    self.value(held, f"{where}[{index}]")
            case ModuleType():
                self._note("module", value.__name__.rpartition(".")[2])  # what is read of it, its reader follows
            case FunctionType():
                self._function(value, where)
            case MethodType():
                self.value(value.__func__, where)
                self.value(value.__self__, f"the object of {where}")
            case BuiltinFunctionType() if inspect.ismodule(value.__self__) or value.__self__ is None:
                self._note("built in", value.__module__, value.__qualname__)
            case type():
                self._class(value, where)
            case _:
                self._object(value, where)

    def _tensor(self, tensor: Tensor, where: str) -> None:
        try:
            held = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        except RuntimeError as error:  # sparse ones, and those without numbers
            raise _unreadable(where, tensor) from error
        self._note("tensor", tensor.dtype, tuple(tensor.shape), held)

    def _function(self, function: FunctionType, where: str) -> None:
        if _goes_by_name(function) and function is not self._root:
            self._note("function", function.__module__, function.__qualname__, _version(function.__module__))
            return
        code = function.__code__
        try:
            self._note("source", inspect.getsource(code))  # not of what it wraps, which it closes over
        except (OSError, TypeError):
            self._note("code", code.co_code, *(repr(each) for each in code.co_consts if not isinstance(each, CodeType)))
        self.value(function.__defaults__, f"a default of {where}")
        self.value(function.__kwdefaults__, f"a default of {where}")
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                held = cell.cell_contents
            except ValueError:  # not set yet
                continue
            self.value(held, name)
        self.value({key: held for key, held in vars(function).items() if key != "__wrapped__"}, where)
        self._read(function.__globals__, sorted(_names(code)))

    def _read(self, namespace: Mapping[str, Any], names: list[str], prefix: str = "") -> None:
        """Walk through what some code reads by these names, of its globals and of modules among them."""
        for name in names:
            if name not in namespace:
                continue
            held = namespace[name]
            if (id(namespace), name) not in self._names_read:
                self._names_read.add((id(namespace), name))
                self._note(name)
                self.value(held, prefix + name)
            if isinstance(held, ModuleType) and not _is_installed(held.__name__) and prefix.count(".") < _DEEPEST:
                self._read(vars(held), names, f"{prefix}{name}.")

    def _class(self, kind: type, where: str) -> None:
        if _goes_by_name(kind) and kind is not self._root:
            self._note("class", kind.__module__, kind.__qualname__, _version(kind.__module__))
            return
        try:
            self._note("class", source_text(kind))
        except (OSError, TypeError) as error:
            raise InputError(
                f"the source of the class {kind.__name__} cannot be read ({error}); write it into a file"
            ) from error
        for base in kind.__bases__:
            self.value(base, where)
        for function in _functions(kind):
            self.value(function, f"{kind.__name__}.{function.__name__}")
        for name, held in vars(kind).items():
            is_code = inspect.isroutine(held) or inspect.isdatadescriptor(held) or hasattr(held, "__get__")
            if not is_code and not (name.startswith("__") and name.endswith("__")) and name != "_abc_impl":
                self._note(name)
                self.value(held, f"{kind.__name__}.{name}")

    def _object(self, value: Any, where: str) -> None:
        """Walk through what an object would be pickled as."""
        try:
            parts = value.__reduce_ex__(4)
        except Exception as error:
            raise _unreadable(where, value) from error
        if isinstance(parts, str):
            self._note("global", type(value).__name__, parts)
            return
        for part in parts:
            self.value(part if not isinstance(part, Iterator) else list(part), where)


def _unreadable(where: str, value: Any) -> InputError:
    return InputError(
        f"{where} is read, a {type(value).__name__}, of which nobody can tell whether it has changed; let numbers, "
        "arrays or code be read in its place, or write it all into a file"
    )


def digest_of(value: Any, where: str = "it") -> str:
    """SHA-256 of a value and of all that it refers to.

    Raises:
        InputError: nobody can tell whether it has changed.
    """
    reading = _Reading()
    reading.value(value, where)
    return reading.digest()


def _names(code: CodeType) -> set[str]:
    """The globals and attributes that some code names, in functions within it, too."""
    return {*code.co_names}.union(*(_names(each) for each in code.co_consts if isinstance(each, CodeType)))


def _goes_by_name(code: FunctionType | type) -> bool:
    """Whether its name says which it is: what is made within a function may have siblings that read other values."""
    return "<locals>" not in code.__qualname__ and _is_installed(code.__module__)


def _is_installed(module: str | None) -> bool:
    """Whether a module goes by its name: a notebook's is the user's, though its kernel is installed."""
    if not module or module == "__main__":
        return False
    top = module.partition(".")[0]
    file = getattr(sys.modules.get(top), "__file__", None)
    return top in _BY_NAME or (file is not None and any(Path(file).is_relative_to(folder) for folder in INSTALLED))


@cache
def _version(module: str) -> str:
    """The version of an installed package, by a module of it; "" of Python's own."""
    top = module.partition(".")[0]
    packages = () if top in sys.stdlib_module_names else importlib.metadata.packages_distributions().get(top, ())
    return ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)


def of_layers(module: torch.nn.Module) -> str:
    """SHA-256 of the classes of a network's layers, of their bases, and of what these read."""
    reading = _Reading()
    for kind in dict.fromkeys(type(layer) for layer in module.modules()):
        reading.value(kind, kind.__name__)
    return reading.digest()


def source_text(given: Any) -> str:
    """The source of a callable; of a class that no file knows, as in a notebook, by way of its methods.

    Raises:
        OSError: nobody can read it.
        TypeError: it is neither a function nor a class of Python.
    """
    try:
        return inspect.getsource(given)
    except (OSError, TypeError):
        if not inspect.isclass(given):
            raise
        texts = set[str]()
        for method in _functions(given):
            with suppress(OSError, TypeError):  # those that a decorator has written
                texts.add(_class_around(method, given.__name__) or inspect.getsource(method))
        if not texts:
            raise OSError("it has no method whose source is known") from None
        return "\n".join(sorted(texts))


def _functions(kind: type) -> Iterator[Any]:
    """The functions of a class: methods, those of properties, those of classes within it."""
    for value in vars(kind).values():
        unwrapped = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        yield from (each for each in (getattr(value, part, None) for part in ("fget", "fset")) if each is not None)
        if inspect.isclass(value) and value.__qualname__.startswith(f"{kind.__qualname__}."):
            yield from _functions(value)
        elif inspect.isfunction(inspect.unwrap(unwrapped)):
            yield inspect.unwrap(unwrapped)


def _class_around(method: Any, name: str) -> str:
    """The whole class statement that a method stands in, with what is not in methods; "" where it stands elsewhere."""
    line, lines = method.__code__.co_firstlineno, linecache.getlines(method.__code__.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name and node.lineno <= line <= (node.end_lineno or 0):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            return "".join(lines[first - 1 : node.end_lineno])
    return ""
