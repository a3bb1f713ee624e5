"""What lies in a store: sizes by run and kind, damage, and what can go. Only `drop` changes anything."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdd_claims.errors import StoreError
from sdd_claims.spec import PATHS, ModelSpec, OwnNetwork, TransformerSpec
from sdd_claims.storage import layout
from sdd_claims.storage.chains import ChainReader, read_settings, stored_weight_files
from sdd_claims.storage.checked_files import DamageError, read_checked, read_sealed
from sdd_claims.storage.checkpoint_file import unpack_checkpoint
from sdd_claims.storage.files import refuse_links, remedy, unreadable
from sdd_claims.storage.ledger_file import LedgerFile
from sdd_claims.storage.locks import lock, locked
from sdd_claims.storage.store import Store


@dataclass(frozen=True)
class StoredFile:
    """One file of a store.

    Attributes:
        path: the file.
        kind: what it is.
        run: short digest of its run; empty where it is of none, or of several.
        seed: of its replica; None where it is of none.
        size: in bytes.
    """

    path: Path
    kind: layout.Kind
    run: str
    seed: int | None
    size: int


@dataclass(frozen=True)
class StoredRun:
    """All files of one run.

    Attributes:
        digest: as far as it is known: whole unless only checkpoints are left of it, whose names are short.
        settings: as JSON; None where they are missing, damaged or those of another run.
        files: its files, those of training passes left out.
    """

    digest: str
    settings: Mapping[str, Any] | None
    files: Sequence[StoredFile]

    @property
    def seeds(self) -> list[int]:
        """The seeds of which something is stored."""
        return sorted({file.seed for file in self.files if file.seed is not None})

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(self.sizes.values())

    @property
    def sizes(self) -> dict[layout.Kind, int]:
        """In bytes, by kind."""
        return sizes(self.files)


def stored_files(store: Store) -> list[StoredFile]:
    """Every file below a store's folder, in the order of their names.

    Raises:
        StoreError: one cannot be looked at now.
    """
    return _listed(store, store.path)


def _listed(store: Store, folder: Path) -> list[StoredFile]:
    """The same, below one folder of it."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_symlink() or not path.is_file():
                continue
            size = path.stat().st_size
        except FileNotFoundError:  # somebody trains there
            continue
        except OSError as error:
            raise unreadable(path, error) from error
        kind, run, seed = layout.kind_of(path.relative_to(store.path).as_posix())
        found.append(StoredFile(path, kind, run, seed, size))
    return found


def sizes(files: Iterable[StoredFile]) -> dict[layout.Kind, int]:
    """Bytes by kind."""
    found = defaultdict[layout.Kind, int](int)
    for file in files:
        found[file.kind] += file.size
    return dict(found)


def stored_runs(files: Iterable[StoredFile]) -> list[StoredRun]:
    """The runs that some files are of, the largest first. Locks are of no run: they stay when it goes."""
    by_run = defaultdict[str, list[StoredFile]](list)
    for file in files:
        if file.run and file.kind != "locks":
            by_run[file.run].append(file)
    runs = []
    for short, of_run in by_run.items():
        in_runs = next((file for file in of_run if file.kind != "checkpoints"), None)
        if in_runs is None:
            runs.append(StoredRun(short, None, of_run))
            continue
        folder = in_runs.path.parents[0 if in_runs.seed is None else 1]
        settings = None
        with suppress(StoreError):
            settings = read_settings(folder.parents[1], folder.name)
        runs.append(StoredRun(folder.name, settings, of_run))
    return sorted(runs, key=lambda run: (-run.size, run.digest))


def damage(store: Store) -> Iterator[str]:
    """A sentence for everything that is not what was written. Nothing is set aside: the next training does that."""
    try:
        LedgerFile(store.path / layout.LEDGER).read()
    except StoreError as error:
        yield str(error)
    for path in sorted(store.path.rglob("*")):
        try:
            refuse_links(store.path, path.relative_to(store.path).as_posix())
        except StoreError as error:
            yield str(error)
    files = stored_files(store)
    # Passes are checked with the chains that name them: one that none names any more is what a repair has left behind.
    for file in files:
        try:
            if file.kind == "checkpoints":
                unpack_checkpoint(file.path.read_bytes())
        except FileNotFoundError:
            continue  # its level has been finished meanwhile
        except OSError as error:
            yield str(unreadable(file.path, error))
        except (ValueError, KeyError, TypeError) as error:
            yield f"{file.path} is damaged ({error}); its level starts over"
    for run in stored_runs(files):
        if run.settings is None and any(file.kind != "checkpoints" for file in run.files):
            try:
                read_settings(store.path, run.digest)
            except DamageError as error:
                yield f"{error}; the next run writes it again"
            except StoreError as error:
                yield str(error)
        for seed in run.seeds:
            try:
                try:
                    _check_chain(store, run, seed)
                except DamageError:  # or trained further while it was read
                    _check_chain(store, run, seed)
            except DamageError as error:
                yield f"{error}; the next run sets it aside and trains it anew"
            except StoreError as error:
                yield str(error)
            except (AttributeError, KeyError, TypeError) as error:
                yield f"seed {seed} of run {run.digest[:12]} is of another version ({error}), not checked"


def _check_chain(store: Store, run: StoredRun, seed: int) -> None:
    """Check one replica's levels and the weights that it goes on from.

    Raises:
        DamageError: one of them is not what was written.
    """
    chain = ChainReader(store.path).read(run.digest, seed)
    if run.settings is None:
        return  # by them one knows which weights there must be
    for name, checksum in stored_weight_files(run.settings, (run.digest, seed), chain).items():
        read_checked(store.path / name, checksum)


def unneeded_runs(store: Store, needed: Collection[str]) -> list[StoredRun]:
    """The runs whose digest is not among those that are needed."""
    short = {digest[: layout.SHORT] for digest in needed}
    return [run for run in stored_runs(stored_files(store)) if run.digest[: layout.SHORT] not in short]


def drop(store: Store, runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Remove some runs, and the passes that trained nothing else. No other file is touched.

    What breaks off half way is finished by the next try.

    Returns:
        Those that were left, since somebody trains them, or has trained another seed of them since they were listed.

    Raises:
        StoreError: a file cannot be removed.
    """
    # Of two at once, each would leave a pass that trained for both to the other.
    with locked(store.path / layout.PRUNE_LOCK, "the right to drop runs"):
        # What is trained from now on is not in this list, whatever it is called.
        passes = {file.path: _members(file.path) for file in stored_files(store) if file.kind == "passes"}
        return [run for run in runs if not _drop_one(store, run, passes)]


def _drop_one(store: Store, run: StoredRun, passes: Mapping[Path, Collection[str]]) -> bool:
    """Remove a run unless somebody trains it, or another seed of it meanwhile; returns whether it is gone."""
    with ExitStack() as held:
        for seed in run.seeds:
            mine = lock(store.path / layout.lock(run.digest, seed), False, "a run to drop")
            if mine is None:
                return False
            held.callback(mine.release)
        files = {file.path: file for file in (*run.files, *_of_run(store, run.digest))}
        if not {file.seed for file in files.values()} <= {None, *run.seeds}:
            return False  # somebody has trained another seed since
        # Levels first: a replica without them is one that was never trained, not one that is damaged.
        for file in sorted(files.values(), key=lambda file: file.kind != "levels"):
            if file.kind in ("levels", "weights", "checkpoints"):
                _remove(file.path)
        for path, digests in passes.items():
            others = [digest for digest in digests if digest != run.digest]
            if run.digest in digests and not any(_is_there(store, digest) for digest in others):
                _remove(path)
        if any(file.kind in ("levels", "weights") for file in _of_run(store, run.digest)):
            return False  # of another seed, by somebody who has trained it meanwhile
        # Settings last: by them the next try finds a run that this one has not finished.
        _remove(store.path / layout.spec(run.digest))
        folders = {file.path.parent for file in files.values() if file.kind in ("settings", "levels", "weights")}
        for folder in sorted(folders, reverse=True):  # a replica's before its run's
            with suppress(OSError):  # it holds something that is not the store's
                folder.rmdir()
    return True


def _of_run(store: Store, digest: str) -> list[StoredFile]:
    return _listed(store, (store.path / layout.spec(digest)).parent)


def _is_there(store: Store, digest: str) -> bool:
    """Whether a run has levels, or settings: those of one whose levels were set aside stay."""
    return any(file.kind in ("settings", "levels") for file in _of_run(store, digest))


def _members(path: Path) -> set[str]:
    """The digests of the runs that a pass has trained; none where it is damaged, and not for us to say."""
    try:
        return {replica["digest"] for replica in read_sealed(path)["replicas"]}
    except (DamageError, KeyError, TypeError):
        return set()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot remove {path}: {remedy(error)}") from error


def network_of(model: Mapping[str, Any]) -> str:
    """The network of stored settings, in words."""
    transformer = model["transformer"] and TransformerSpec(**model["transformer"])
    own = model.get("own") and OwnNetwork(**model["own"])
    return str(ModelSpec(**{**model, "transformer": transformer, "own": own}))


def way_of(settings: Mapping[str, Any]) -> str:
    """The way of training of stored settings, in words."""
    path, derivation = settings.get("path", {"over": "none"})["over"], settings["derivation"]["kind"]
    if path != "none":
        return f"path over {PATHS[path]}"
    if derivation != "none":
        return f"{derivation.replace('_', ' ')} training"
    return "chain with weight decay" if settings["training"]["optimizer"]["weight_decay"] else "chain"
