"""A store by its address: a folder, or a URL with a working copy on this machine."""

import hashlib
from pathlib import Path

from sdd_claims.errors import InputError
from sdd_claims.locations import in_home
from sdd_claims.storage import layout
from sdd_claims.storage.mirrored_store import MirroredStore
from sdd_claims.storage.store import Store


def is_url(store: str) -> bool:
    """Whether this is a URL, and no folder."""
    return "://" in store


def working_copy(url: str) -> Path:
    """The folder in which this machine keeps its copy of the store at a URL.

    Raises:
        InputError: the user has no home folder, in which it would lie.
    """
    stores = in_home(
        "~/.cache/sdd_claims/stores",
        f"set HOME to a folder that keeps a copy of {url}, or give a folder on this machine with --store=DIR",
    )
    return stores / hashlib.sha256(url.encode()).hexdigest()[:16]


def open_store(path: Path, url: str | None = None) -> Store:
    """Open the store in a folder, or the one at a URL with the folder as its working copy; make what is not there.

    Raises:
        InputError: no URL that can be reached from here as it is installed.
        StoreError: written by a newer version, or it cannot be read or written, or the URL does not answer.
    """
    return Store(path) if url is None else MirroredStore(path, url)


def existing_store(address: str) -> Store:
    """The store in a folder that is one already, as it is here.

    Raises:
        InputError: a URL, or a folder that is no store.
        StoreError: written by a newer version, or it cannot be read.
    """
    if is_url(address):
        raise InputError(f"{address} is a URL; give the folder of its copy on this machine, {working_copy(address)}")
    folder = in_home(address, "give the whole path")
    if not (folder / layout.SCHEMA).is_file():
        raise InputError(f"{folder} is no store: it has no {layout.SCHEMA}; give the folder that --store named")
    return Store(folder)
