"""A store elsewhere, at any URL that fsspec reaches: a working copy on this machine that sends its levels as they come.

Files travel in the order in which the store commits them, the pass last, each under a passing name first. So whatever
breaks on the way, what lies there is a store that lacks at most the newest level. Results are immutable: whoever has
more levels of a chain has all that the other has, and the shorter chain gives way.

The locks of a store are those of a file system and do not reach across a URL. Two machines that are told to train the
same at once both do so; one driver that hands out the work (the Ray engine) lets nothing be trained twice.
"""

import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from sdd_claims.errors import InputError, StoreError
from sdd_claims.files import write_atomically
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.sealed import seal, unseal
from sdd_claims.store import Store

INSTALL = "pip install sdd-claims[cluster]"
_LEDGER = "judged.json"
_MARKER = "store.json"


def is_url(store: str) -> bool:
    """Whether this is the URL of a store elsewhere, and no folder."""
    return "://" in store


def working_copy(url: str) -> Path:
    """Where this machine keeps its copy of a store elsewhere."""
    return Path.home() / ".cache" / "sdd_claims" / "stores" / hashlib.sha256(url.encode()).hexdigest()[:16]


class MirroredStore(Store):
    """A store whose levels are sent to a URL as soon as they are committed."""

    def __init__(self, path: Path, url: str) -> None:
        """Open the working copy of the store at this URL, or make both.

        Raises:
            InputError: no URL that can be reached from here as it is installed.
            StoreError: it does not answer, or its store was written by a newer version.
        """
        self._far = _Far(url)
        here, there = path / _MARKER, self._far.read(_MARKER)
        self._schema_there = 0 if there is None else _schema(there, url)
        if there is not None and (not here.exists() or self._schema_there > _schema(here.read_bytes(), path)):
            write_atomically(here, there)
        super().__init__(path)
        self._send_schema()

    def commit(
        self, results: Sequence[tuple[Replica, LevelRecord, ChainState | None]], about: Mapping[str, Any]
    ) -> None:
        """As in any store; then it is sent.

        Raises:
            StoreError: it cannot be sent. It is in the working copy, and the next `meet` sends it.
        """
        super().commit(results, about)
        self._send([replica for replica, _, _ in results])

    def meet(self, replicas: Sequence[Replica]) -> None:
        """Fetch the levels that only the other side has, and send those that only this one has.

        The caller holds the locks of these replicas.
        """
        for replica in replicas:
            content, levels = self._there(replica)
            if content is not None and levels > self._here(replica):
                self._fetch(replica, content, levels)
        self._send(replicas)

    def share_ledger(self) -> None:
        """Give both sides what either says of judged blocks; where they differ, the other side was first.

        Raises:
            StoreError: either is damaged, or the other side does not answer.
        """
        here = self.path / _LEDGER
        with FileLock(here.with_suffix(".lock")):
            try:
                ours = unseal(here.read_bytes()) if here.exists() else {}
                there = self._far.read(_LEDGER)
                theirs = unseal(there) if there is not None else {}
            except ValueError as error:
                raise StoreError(
                    f"{here} or {self._far.url}/{_LEDGER} cannot be read ({error}); restore it, or start a new store "
                    "with --store"
                ) from error
            both = {**ours, **theirs}
            if both != ours:
                write_atomically(here, seal(both))
            if both != theirs:
                self._far.write(_LEDGER, seal(both))

    def _here(self, replica: Replica) -> int:
        try:
            return self.levels_done(replica)
        except StoreError:
            return 0  # damaged

    def _there(self, replica: Replica) -> tuple[Mapping[str, Any] | None, int]:
        """What the other side has in levels.json, and how many of its levels count."""
        raw = self._far.read(_levels(replica))
        try:
            content = unseal(raw) if raw is not None else None
        except ValueError:
            return None, 0  # damaged: ours takes its place, or it is trained anew
        if content is None:
            return None, 0
        # Only the newest pass can be missing: that of a sending which broke.
        passes = content["passes"]
        return content, len(passes) if not passes or self._far.has(_pass(passes[-1])) else len(passes) - 1

    def _fetch(self, replica: Replica, content: Mapping[str, Any], levels: int) -> None:
        """Bring a chain here, its records last; what proves to be damaged is set aside on both sides."""
        names = [f"{_folder(replica)}/{name}" for name in self._states_there(replica)]
        for name in (*names, *map(_pass, content["passes"][:levels])):
            if (file := self._far.read(name)) is not None:
                write_atomically(self.path / name, file)
        write_atomically(self.path / _spec(replica), seal(replica.spec.as_dict()))
        write_atomically(self.path / _levels(replica), seal(content))
        self.verify(replica)
        if self._here(replica) < levels:
            self._far.move(_levels(replica), f"set_aside/{replica.spec.digest[:12]}-{replica.seed}-{_unique()}.json")

    def _send(self, replicas: Sequence[Replica]) -> None:
        """Send what is here and not there: states and records, then the newest passes, which make them count."""
        self._send_schema()
        newest: dict[str, None] = {}
        superseded = []
        for replica in replicas:
            (theirs, levels), here = self._there(replica), self._here(replica)
            if levels >= here:
                continue  # somebody else was faster
            ours = unseal((self.path / _levels(replica)).read_bytes())
            # Where others have trained the same levels, their chain is replaced whole.
            first = levels if theirs and theirs["passes"][:levels] == ours["passes"][:levels] else 0
            self._far.write_once(_spec(replica), self.path / _spec(replica))
            states, there = _states((self.path / _folder(replica)).iterdir()), self._states_there(replica)
            for name in states:
                if first == 0 or name not in there or _level(name) >= first:
                    self._far.write(f"{_folder(replica)}/{name}", (self.path / _folder(replica) / name).read_bytes())
            for pass_id in ours["passes"][first : here - 1]:
                self._far.write_once(_pass(pass_id), self.path / _pass(pass_id))
            self._far.write(_levels(replica), seal(ours))
            newest[ours["passes"][here - 1]] = None
            superseded += [f"{_folder(replica)}/{name}" for name in there if name not in states]
        for pass_id in newest:
            self._far.write_once(_pass(pass_id), self.path / _pass(pass_id))
        for name in superseded:
            self._far.delete(name)

    def _send_schema(self) -> None:
        """Let versions that cannot read what is sent leave it alone."""
        marker = (self.path / _MARKER).read_bytes()
        if (schema := _schema(marker, self.path)) > self._schema_there:
            self._far.write(_MARKER, marker)
            self._schema_there = schema

    def _states_there(self, replica: Replica) -> list[str]:
        return _states(Path(name) for name in self._far.names(_folder(replica)))


def _schema(marker: bytes, store: object) -> int:
    """The version that a store says it is of."""
    try:
        return int(unseal(marker)["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{store}/{_MARKER} cannot be read ({error}); if this is a store of this version, delete that one file and "
            "it is written anew, else choose another store with --store"
        ) from error


def _folder(replica: Replica) -> str:
    return f"runs/{replica.spec.digest}/{replica.seed}"


def _levels(replica: Replica) -> str:
    return f"{_folder(replica)}/levels.json"


def _states(files: Iterable[Path]) -> list[str]:
    """The names of those from which a chain goes on."""
    return sorted(file.name for file in files if file.suffix == ".safetensors" and not file.name.startswith("."))


def _level(name: str) -> int:
    """The level of a state; -1 for what belongs to no level."""
    level = re.fullmatch(r"state-(\d+)\.safetensors", name)
    return int(level[1]) if level else -1


def _spec(replica: Replica) -> str:
    return f"runs/{replica.spec.digest}/spec.json"


def _pass(pass_id: str) -> str:
    return f"passes/{pass_id}.json"


def _unique() -> str:
    return uuid.uuid4().hex[:8]


class _Far:
    """The files below a URL."""

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs  # imported late: an optional extra
        except ImportError as error:
            raise InputError(f"the store {url} is a URL, which takes fsspec: {INSTALL}") from error
        self.url = url
        try:
            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:  # a protocol that nobody knows, or whose package is not installed
            raise InputError(f"the store {url} cannot be reached from here: {error}") from error

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:  # each file system has its own
            raise StoreError(
                f"the store {self.url} does not answer ({type(error).__name__}: {error}); look at the URL, the network "
                "and your credentials and run again: what has been trained is kept here and will be sent"
            ) from error

    def read(self, name: str) -> bytes | None:
        """A file; None where there is none."""
        with suppress(FileNotFoundError), self._reached():
            return bytes(self._files.cat_file(f"{self._root}/{name}"))
        return None

    def has(self, name: str) -> bool:
        with self._reached():
            self._files.invalidate_cache()  # listings; others write here, too
            return bool(self._files.exists(f"{self._root}/{name}"))

    def names(self, folder: str) -> list[str]:
        """The files of a folder; none where it is not there."""
        with suppress(FileNotFoundError), self._reached():
            self._files.invalidate_cache()
            return [str(path) for path in self._files.ls(f"{self._root}/{folder}", detail=False)]
        return []

    def write(self, name: str, content: bytes) -> None:
        """Under a passing name first, so that a file is there wholly or not at all."""
        path = f"{self._root}/{name}"
        passing = f"{path}.{_unique()}.part"
        with self._reached():
            self._make_folder(name)
            self._files.pipe_file(passing, content)
            self._files.mv(passing, path)

    def move(self, name: str, to: str) -> None:
        with self._reached():
            self._make_folder(to)
            self._files.mv(f"{self._root}/{name}", f"{self._root}/{to}")

    def _make_folder(self, name: str) -> None:
        with suppress(PermissionError):  # where folders are none of ours to make, none are needed
            self._files.makedirs(f"{self._root}/{name}".rpartition("/")[0], exist_ok=True)

    def write_once(self, name: str, here: Path) -> None:
        if not self.has(name):
            self.write(name, here.read_bytes())

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError), self._reached():
            self._files.rm_file(f"{self._root}/{name}")
