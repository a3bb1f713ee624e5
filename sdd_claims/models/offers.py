"""Callables of the user's own: in a file, handed over in Python, or offered by an installed package under a name."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from sdd_claims.errors import InputError, nearest
from sdd_claims.models.own import file_of, from_file, from_object, said, source_of, versions
from sdd_claims.spec import OwnCallable


@dataclass(frozen=True)
class Offers:
    """What a user may offer of one kind.

    Attributes:
        kind: "criterion" or "penalty"; the option is `--criterion`.
        group: the entry points by which a package offers some: `[project.entry-points."sdd_claims.criteria"]`.
        example: how one in a file is named.
        known: names of the suite's own that one can ask for.
        taken: further names that nobody can take.
    """

    kind: str
    group: str
    example: str
    known: tuple[str, ...]
    taken: tuple[str, ...]

    def callable_of(self, given: Any) -> OwnCallable:
        """The callable behind what a user gave.

        Args:
            given: such as the example, a callable, or the name by which an installed package offers one.

        Raises:
            InputError: there is none such, its name is taken, or its module fails on import.
        """
        if callable(given):
            file, function, source = from_object(given)
            return OwnCallable(function=function, source=source, versions=versions(file), file=file)
        name = str(given)
        if name.rpartition(":")[0].endswith(".py"):
            path, function, _ = from_file(name, f"--{self.kind}")
            file = str(path)
            return OwnCallable(function=function, source=source_of(path), versions=versions(file), file=file)
        return self._offered(name)

    def _offered(self, name: str) -> OwnCallable:
        """The one that an installed package offers by a name."""
        offered = entry_points(group=self.group)
        found = {entry.value: entry for entry in offered if entry.name == name}
        where, taken = f"--{self.kind} {name}", {*self.known, *self.taken}
        if not found:
            known = [*self.known, *sorted({entry.name for entry in offered} - taken)]
            raise InputError(
                f"{where}: there is no such {self.kind}{nearest(name, known)}; use {', '.join(known)}, or a callable "
                f"in a file, such as {self.example}"
            )
        if name in taken:
            raise InputError(f"{where}: this name is taken by one of the suite's own; offer it by another")
        if len(found) > 1:
            raise InputError(f"{where}: {' and '.join(found)} both have this name; uninstall one of them")
        (entry,) = found.values()
        _load(entry, where)
        file, package = file_of(entry.module), entry.dist
        used = versions(str(file))
        own = "" if package is None else f", {package.name} {package.version}"
        return OwnCallable(function=entry.attr, source=source_of(file), versions=used + own, file=entry.module)


def _load(entry: EntryPoint, where: str) -> None:
    try:
        found = entry.load()
    except Exception as error:
        raise InputError(
            f"{where}: {entry.value} cannot be imported: {said(error)}; mend or uninstall its package"
        ) from error
    if not callable(found) or "." in entry.attr:
        raise InputError(f"{where}: {entry.value} names no callable of a module; mend its package")
