"""A store elsewhere, at any URL that fsspec reaches: a working copy on this machine that sends its levels as they come.

Files travel in the order in which the store commits them, the pass last, each under a passing name first. So whatever
breaks on the way, what lies there is a store that lacks at most the newest levels. Results are immutable, and verdicts
may rest on what lies there: where both sides have trained the same levels, those there stand, and a chain is taken over
only when it has come whole.

The locks of a store are those of a file system and do not reach across a URL. Two machines that are told to train the
same at once both do so; one driver that hands out the work (the Ray engine) lets nothing be trained twice.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from sdd_claims.errors import InputError, StoreError
from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.files import write_atomically
from sdd_claims.storage.store import Store, kept_levels

INSTALL = "pip install 'fsspec>=2025.3'"
_LEDGER = "judged.json"
_MARKER = "store.json"


def is_url(store: str) -> bool:
    """Whether this is the URL of a store elsewhere, and no folder."""
    return "://" in store


def working_copy(url: str) -> Path:
    """Where this machine keeps its copy of a store elsewhere."""
    return Path.home() / ".cache" / "sdd_claims" / "stores" / hashlib.sha256(url.encode()).hexdigest()[:16]


class _UnreachedError(StoreError):
    """The other side does not answer, now."""


@dataclass(frozen=True)
class _There:
    """What the other side has of a replica.

    Attributes:
        raw: its levels.json; None where there is none.
        content: of that; None where there is none, or it is damaged.
        levels: how many of its levels count.
    """

    raw: bytes | None = None
    content: Mapping[str, Any] | None = None
    levels: int = 0

    @property
    def passes(self) -> tuple[str, ...]:
        """Those of the levels that count."""
        return tuple(self.content["passes"][: self.levels]) if self.content else ()


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
        self._unsent: dict[Replica, None] = {}
        self._send_schema()

    def commit(
        self, results: Sequence[tuple[Replica, LevelRecord, ChainState | None]], about: Mapping[str, Any]
    ) -> None:
        """As in any store; then it is sent. What cannot be sent now goes with the next level, or with `send_rest`."""
        super().commit(results, about)
        mine = [replica for replica, _, _ in results]
        try:
            self._send_unsent(mine)
        except _UnreachedError as error:
            self._unsent |= dict.fromkeys(mine)
            self._warn_once(
                f"the store {self._far.url} did not answer for a while ({error.__cause__!r}); what was trained "
                "meanwhile was kept here, to be sent with later levels"
            )

    def send_rest(self) -> None:
        """Send what could not be sent when it was committed.

        Raises:
            StoreError: it cannot be sent now either. It is in the working copy, and the next `meet` sends it.
        """
        self._send_unsent([])

    def meet(self, replicas: Sequence[Replica]) -> None:
        """Fetch the levels that only the other side has, and send those that only this one has.

        The caller holds the locks of these replicas.
        """
        for replica in replicas:
            self._fetch(replica)
        self._send(replicas)

    def verify(self, replica: Replica) -> None:
        """As in any store; what had to be set aside here is fetched again, as far as the other side has it."""
        levels = self._levels_path(*replica.key)
        was_here = levels.exists()
        super().verify(replica)
        if was_here and not levels.exists():
            self.meet([replica])
            if levels.exists():
                self.warnings.append(f"{_words(replica)} has been fetched again from {self._far.url}")

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

    def _ours(self, replica: Replica) -> tuple[str, ...] | None:
        """The passes of the levels that are finished here; None where they are damaged."""
        try:
            return self._chain(*replica.key).passes
        except StoreError:
            return None

    def _there(self, replica: Replica) -> _There:
        raw = self._far.read(_levels(replica))
        try:
            content = unseal(raw) if raw is not None else None
        except ValueError:
            content = None
        if content is None:
            return _There(raw)
        # Only the newest pass can be missing: that of a sending which broke.
        passes = content["passes"]
        whole = not passes or self._far.has(_pass(passes[-1]))
        return _There(raw, content, len(passes) if whole else len(passes) - 1)

    def _files_there(self, replica: Replica, there: _There) -> Mapping[str, bytes] | None:
        """All that a chain there consists of but levels.json, checked; None where something is missing or damaged."""
        if there.content is None:
            return None
        files = {}
        for name, checksum in _needed(replica, there.content, there.levels).items():
            file = self._far.read(name)
            if file is None or hashlib.sha256(file).hexdigest() != checksum:
                return None
            files[name] = file
        for name in map(_pass, there.passes):
            try:
                unseal(file := self._far.read(name) or b"")
            except ValueError:
                return None
            files[name] = file
        return files

    def _fetch(self, replica: Replica) -> None:
        """Take over the chain of the other side if it has levels that are not here, and has them whole."""
        before = None
        # Twice: its owner may have deleted the state of a level, and gone on to the next, since levels.json was read.
        for _ in range(2):
            there, ours = self._there(replica), self._ours(replica)
            if there.passes == (ours or ())[: there.levels]:
                return
            if there == before:
                break
            if (files := self._files_there(replica, there)) is not None:
                self._take(replica, there, files)
                return
            before = there
        self._warn_once(
            f"what {self._far.url} has of {_words(replica)} is not whole and has not been fetched; it is left as it is "
            "until as many levels are stored here"
        )

    def _take(self, replica: Replica, there: _There, files: Mapping[str, bytes]) -> None:
        """Write a chain that has come whole, its records last."""
        ours = self._ours(replica)
        if ours is None or ours != there.passes[: len(ours)]:
            why = "is damaged here" if ours is None else f"was trained elsewhere too, and sent to {self._far.url} first"
            why = f"{_words(replica)} {why}"
            self._warn_once(f"{why}: ours has been set aside in {self._set_aside(replica, why)}")
        for name, content in files.items():
            write_atomically(self.path / name, content)
        write_atomically(self.path / _spec(replica), seal(replica.spec.as_dict()))
        assert there.content is not None
        counted = {key: there.content[key][: there.levels] for key in ("records", "states", "passes")}
        write_atomically(self.path / _levels(replica), seal({**there.content, **counted}))

    def _send_unsent(self, mine: Sequence[Replica]) -> None:
        """Send some replicas whose locks are held, and what could not be sent before unless others are at it."""
        with ExitStack() as held:
            late = [r for r in self._unsent if r not in mine and held.enter_context(self.locked([r], wait=False))]
            self._send([*late, *mine])
        self._unsent.clear()

    def _send(self, replicas: Sequence[Replica]) -> None:
        """Send what is here and not there: states and records, then the newest passes, which make them count."""
        self._send_schema()
        newest: dict[str, None] = {}
        superseded = []
        for replica in replicas:
            there, ours = self._there(replica), self._ours(replica) or ()
            shared, first = min(there.levels, len(ours)), there.levels
            unreadable = there.raw is not None and there.content is None
            if other := unreadable or there.passes[:shared] != ours[:shared]:
                if len(ours) < max(1, there.levels):
                    continue
                sound = self._files_there(replica, there) is not None
                if sound or self._there(replica) != there:
                    self._warn_once(
                        f"{_words(replica)} was trained elsewhere too, and sent to {self._far.url} first: ours is not "
                        "sent, and the next run takes theirs"
                    )
                    continue
                first = 0
            elif there.levels >= len(ours):
                continue
            if (files := self._files_here(replica)) is None:
                continue  # `verify` sets it aside
            if other:
                self._set_aside_there(replica)
            self._far.write_once(_spec(replica), self.path / _spec(replica))
            lie_there = self._states_there(replica)
            begun = [f"{_folder(replica)}/state-{level}.safetensors" for level in range(first, len(ours))]
            for name, content in files.items():
                if first == 0 or name in begun or name not in lie_there:
                    self._far.write(name, content)
            for pass_id in ours[first:-1]:
                self._far.write_once(_pass(pass_id), self.path / _pass(pass_id))
            self._far.write(_levels(replica), seal(asdict(self._chain(*replica.key))))
            newest[ours[-1]] = None
            superseded += [name for name in lie_there if name not in files]
        for pass_id in newest:
            self._far.write_once(_pass(pass_id), self.path / _pass(pass_id))
        for name in superseded:
            self._far.delete(name)

    def _files_here(self, replica: Replica) -> Mapping[str, bytes] | None:
        """The states of a chain here, checked; None where one is missing or damaged."""
        chain, files = self._chain(*replica.key), {}
        for name, checksum in _needed(replica, asdict(chain), len(chain.passes)).items():
            with suppress(OSError):
                files[name] = (self.path / name).read_bytes()
            if name not in files or hashlib.sha256(files[name]).hexdigest() != checksum:
                return None
        return files

    def _set_aside_there(self, replica: Replica) -> None:
        """Make way for ours: levels.json first, without which the rest is none."""
        aside = f"set_aside/{replica.spec.digest[:12]}-{replica.seed}-{uuid.uuid4().hex[:8]}"
        for name in (_levels(replica), *self._states_there(replica)):
            with suppress(FileNotFoundError):  # somebody else has done so
                self._far.move(name, f"{aside}/{name.rpartition('/')[2]}")
        self._warn_once(
            f"what {self._far.url} had of {_words(replica)} was damaged and has been set aside there in {aside}; ours "
            "takes its place"
        )

    def _send_schema(self) -> None:
        """Let versions that cannot read what is sent leave it alone."""
        marker = (self.path / _MARKER).read_bytes()
        if (schema := _schema(marker, self.path)) > self._schema_there:
            self._far.write(_MARKER, marker)
            self._schema_there = schema

    def _states_there(self, replica: Replica) -> list[str]:
        found = sorted(path.rpartition("/")[2] for path in self._far.names(_folder(replica)))
        return [f"{_folder(replica)}/{name}" for name in found if name.endswith(".safetensors")]


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


def _needed(replica: Replica, content: Mapping[str, Any], levels: int) -> Mapping[str, str]:
    """The files from which so many levels of a chain go on, each with its SHA-256 as levels.json has it."""
    folder = _folder(replica)
    states = {f"{folder}/state-{n}.safetensors": content["states"][n] for n in kept_levels(replica, levels)}
    return {**states, f"{folder}/rewind.safetensors": content["rewind"]} if content.get("rewind") else states


def _words(replica: Replica) -> str:
    return f"seed {replica.seed} of run {replica.spec.digest[:12]}"


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
            raise _UnreachedError(
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
