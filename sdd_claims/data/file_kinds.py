"""What a data file is that turned out not to be what its name says: a web page, a pointer file, half an archive."""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from sdd_claims.errors import InputError

ZIP = "a zip archive"

_HEAD = 1024
_CHUNK = 1 << 20
_LONGEST_NOTE = 200  # servers answer "404: Not Found" and the like, which a download saves under the file's name

_OPENERS: Mapping[bytes, tuple[str, Callable[[IO[bytes]], Any]]] = MappingProxyType(
    {b"\x1f\x8b": ("gzip", gzip.open), b"BZh": ("bzip2", bz2.open), b"\xfd7zXZ": ("xz", lzma.open)}
)


def kind_of(path: Path) -> str | None:
    """What a file is by its content, as a noun with its article; None where nothing is recognised.

    Compressed files are read to their end, so ask only about a file that could not be used.

    Raises:
        InputError: the file cannot be read at all.
    """
    if path.is_dir():
        return "a folder"
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            return _text_kind(head) or _binary_kind(file, head)
    except OSError as error:
        raise unreadable(path, error) from error


def is_file(path: Path) -> bool:
    """Whether a file is there; `Path.is_file` itself stumbles where a folder may not be searched.

    Raises:
        InputError: a folder above it that may not be searched.
    """
    try:
        return path.is_file()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> InputError:
    """The error of a file or folder that the system does not let us read."""
    return InputError(
        f"{path} cannot be read ({error.strerror or error}); change its permissions or those of the folders above it, "
        "or choose another data root"
    )


def _text_kind(head: bytes) -> str | None:
    if not head:
        return "an empty file"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"version https://git-lfs.github.com/"):
        return "a Git LFS pointer file, which stands for the real one"
    if b"/annex/objects/" in text[:200]:
        return "a git-annex pointer file, which stands for the real one"
    if (text[:1] == b"<" and text.isascii()) or text[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if len(head) <= _LONGEST_NOTE and text.isascii():
        note = " ".join(text.decode().split())
        if note.isprintable():
            return f"a text file that says {note!r}"
    return None


def _binary_kind(file: IO[bytes], head: bytes) -> str | None:
    file.seek(0)
    for magic, (name, opened) in _OPENERS.items():
        if head.startswith(magic):
            try:
                with opened(file) as content:
                    inside = content.read(len(magic))
                    while content.read(_CHUNK):
                        pass
            except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
                torn = "damaged" if "CRC" in str(error) else "truncated"
                return f"a {torn} {name} file"
            return f"a file that was compressed twice with {name}" if inside == magic else f"a {name} file"
    if head.startswith(b"PK"):
        try:
            return ZIP if zipfile.is_zipfile(file) else "a truncated zip archive"
        except zipfile.BadZipFile:  # one of several parts
            return "a damaged zip archive"
    if head.startswith(b"\x93NUMPY"):
        return "a NumPy file"
    if head[257:262] == b"ustar":
        return "a tar archive" if tarfile.is_tarfile(file) else "a truncated tar archive"
    return None
