import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdd_claims.data.file_kinds import ZIP, kind_of
from sdd_claims.errors import InputError


def tar() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("data_batch_1"), io.BytesIO())
    return content.getvalue()


def of_several_parts() -> bytes:
    """A zip archive that says of itself that it is the first of two."""
    whole = zipped()
    end = whole.rindex(b"PK\x05\x06")
    return whole[:end] + struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 2) + whole[end:]


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("wnids.txt", "n01")
    return content.getvalue()


LONG = bytes(range(256)) * 99


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"\xef\xbb\xbf<html>", "a web page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer file, which stands for the real one"),
        (b"../.git/annex/objects/ab/MD5E-s9", "a git-annex pointer file, which stands for the real one"),
        (b"Too many\r\nrequests\n", "a text file that says 'Too many requests'"),
        (gzip.compress(LONG, mtime=0), "a gzip file"),
        (gzip.compress(LONG, mtime=0)[:-20], "a truncated gzip file"),
        (gzip.compress(LONG, mtime=0)[:-8] + bytes(8), "a damaged gzip file"),
        (gzip.compress(gzip.compress(LONG, mtime=0), mtime=0), "a file that was compressed twice with gzip"),
        (bz2.compress(LONG), "a bzip2 file"),
        (lzma.compress(LONG), "a xz file"),
        (zipped(), ZIP),
        (zipped()[:-30], "a truncated zip archive"),
        (of_several_parts(), "a damaged zip archive"),
        (tar(), "a tar archive"),
        (b"\0\0\x08\x03" + LONG, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time they were made
)
def test_a_file_is_known_by_its_content(tmp_path, content, kind):
    (tmp_path / "file").write_bytes(content)
    assert kind_of(tmp_path / "file") == kind


def test_a_folder_in_place_of_a_file_is_said(tmp_path):
    assert kind_of(tmp_path) == "a folder"


def test_a_file_that_may_not_be_read_is_named_with_the_remedy(tmp_path):
    with pytest.raises(InputError, match=r"gone cannot be read \(No such file or directory\); change its permissions"):
        kind_of(tmp_path / "gone")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    magic=st.sampled_from([b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0", b"PK\x03\x04", b"PK\x05\x06", b"<", b""]),
    rest=st.binary(max_size=600),
)
def test_whatever_a_file_holds_it_is_only_looked_at(tmp_path, magic, rest):
    (tmp_path / "file").write_bytes(magic + rest)
    kind_of(tmp_path / "file")
