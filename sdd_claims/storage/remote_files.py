"""Files below a URL, on any file system that fsspec reaches."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sdd_claims.errors import InputError, StoreError

INSTALL = "pip install 'fsspec>=2025.3'"


class UnreachedError(StoreError):
    """The URL does not answer, now."""


class RemoteFiles:
    """Files by their names below a URL. Every method raises `UnreachedError` where the URL does not answer."""

    def __init__(self, url: str) -> None:
        """Nothing is connected yet.

        Raises:
            InputError: fsspec is not installed, or does not know the protocol.
        """
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
    def _reached(self, *, may_be_missing: bool = False) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each file system has its own
            if may_be_missing and isinstance(error, FileNotFoundError):
                raise
            raise UnreachedError(
                f"the store {self.url} does not answer ({type(error).__name__}: {error}); look at the URL, the network "
                "and your credentials and run again: what has been trained is kept here and will be sent"
            ) from error

    def read(self, name: str) -> bytes | None:
        """A file; None where there is none."""
        with suppress(FileNotFoundError), self._reached(may_be_missing=True):
            return bytes(self._files.cat_file(f"{self._root}/{name}"))
        return None

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        with self._reached():
            self._files.invalidate_cache()  # listings; others write here, too
            return bool(self._files.exists(f"{self._root}/{name}"))

    def names(self, folder: str) -> list[str]:
        """The files of a folder; none where it is not there."""
        with suppress(FileNotFoundError), self._reached(may_be_missing=True):
            self._files.invalidate_cache()
            paths = self._files.ls(f"{self._root}/{folder}", detail=False)
            return sorted(f"{folder}/{str(path).rpartition('/')[2]}" for path in paths)
        return []

    def write(self, name: str, content: bytes) -> None:
        """Write under a passing name first, so that a file is there wholly or not at all."""
        path = f"{self._root}/{name}"
        passing = f"{path}.{uuid.uuid4().hex[:8]}.part"
        with self._reached():
            self._make_folder(name)
            self._files.pipe_file(passing, content)
            self._files.mv(passing, path)

    def write_once(self, name: str, local: Path) -> None:
        """Write what a local file holds, unless there is a file already."""
        if not self.has(name):
            self.write(name, local.read_bytes())

    def move(self, name: str, to: str) -> None:
        """Give a file another name.

        Raises:
            FileNotFoundError: there is none.
        """
        with self._reached(may_be_missing=True):
            self._make_folder(to)
            self._files.mv(f"{self._root}/{name}", f"{self._root}/{to}")

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(FileNotFoundError), self._reached(may_be_missing=True):
            self._files.rm_file(f"{self._root}/{name}")

    def _make_folder(self, name: str) -> None:
        with suppress(PermissionError):  # where we may not make folders, none are needed
            self._files.makedirs(f"{self._root}/{name}".rpartition("/")[0], exist_ok=True)
