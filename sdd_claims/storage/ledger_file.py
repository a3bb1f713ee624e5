"""The file of a store that says which protocol each block of seeds has judged."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sdd_claims.errors import StoreError
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.files import write_atomically
from sdd_claims.storage.locks import locked


class LedgerFile:
    """Sealed JSON from a claim's trial and a block to a protocol. Entries are added, never changed."""

    def __init__(self, path: Path) -> None:
        """`path` is that of the file, which is made when it is first written."""
        self._path = path

    def read(self) -> dict[str, str]:
        """All entries.

        Raises:
            StoreError: the file cannot be read, or is damaged.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:  # not asked before: a disk that fails would seem to have none
            return {}
        except OSError as error:
            raise _unreadable(self._path, error) from error
        return unpack_ledger(content, self._path)

    def write(self, entries: Mapping[str, str]) -> None:
        """Put these entries in place of what is there. The caller holds the lock.

        Raises:
            StoreError: the file cannot be written.
        """
        write_atomically(self._path, pack_ledger(entries))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait for the right to write the file, and hold it.

        Raises:
            StoreError: the file system has no locks, or refuses the file.
        """
        with locked(self._path.with_suffix(".lock"), "the right to say what has judged"):
            yield


def pack_ledger(entries: Mapping[str, str]) -> bytes:
    """The file."""
    return seal(dict(entries))


def unpack_ledger(content: bytes, path: object) -> dict[str, str]:
    """The entries of such a file; `path` names it in the error.

    Raises:
        StoreError: it is damaged.
    """
    try:
        entries = dict(unseal(content))
        if not all(isinstance(protocol, str) for protocol in entries.values()):
            raise ValueError("it holds something else")
        return entries
    except (ValueError, TypeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: object, error: Exception) -> StoreError:
    return StoreError(f"{path} cannot be read ({error}); restore it, or start a new store with --store")
