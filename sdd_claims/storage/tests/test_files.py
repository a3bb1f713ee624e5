import errno
import os
import stat

import pytest

from sdd_claims.errors import StoreError
from sdd_claims.storage.files import look_again, write_atomically


def refuse(number):
    def refusing(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return refusing


def test_a_file_is_written_with_its_folders_and_can_be_shared(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EDQUOT, "the disk is full; free some space"),
        (errno.EACCES, "the folder is read-only; choose a folder that can be written"),
        (errno.EROFS, "the folder is read-only; choose a folder that can be written"),
        (errno.EIO, "choose another folder"),
    ],
)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call, number, remedy):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse(number))
        with pytest.raises(StoreError, match=remedy) as raised:
            write_atomically(path, b"new")
    assert str(path) in str(raised.value)
    assert "Nothing that was stored before is lost" in str(raised.value)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    path = tmp_path / "file"
    write_atomically(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(("durable", "calls"), [(True, ["fsync", "replace", "fsync"]), (False, ["replace"])])
def test_durable_content_is_on_disk_before_it_gets_its_name(tmp_path, monkeypatch, durable, calls):
    order: list[str] = []

    def noted(call):
        def noting(*args):
            order.append(call.__name__)
            return call(*args)

        return noting

    for call in (os.fsync, os.replace):
        monkeypatch.setattr(os, call.__name__, noted(call))
    write_atomically(tmp_path / "file", b"content", durable=durable)
    assert order == calls  # the last one makes the name itself durable


def test_a_file_in_place_of_a_folder_is_said(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match="a file stands where a folder is needed; choose another folder"):
        write_atomically(tmp_path / "taken" / "file", b"content")


@pytest.mark.parametrize(("made", "opened"), [("a/b/c", ["", "a", "a/b"]), ("a", ["", "a"])])
def test_a_look_again_opens_a_folder_and_those_that_it_lies_in(tmp_path, monkeypatch, made, opened):
    """What of it is not there yet is no error."""
    (tmp_path / made).mkdir(parents=True)
    seen, original = [], os.open

    def noting(path, *args):
        handle = original(path, *args)
        seen.append(path)
        return handle

    before = len(os.listdir("/dev/fd"))
    monkeypatch.setattr(os, "open", noting)
    look_again(tmp_path, "a/b")
    assert seen == [tmp_path / name for name in opened]
    assert len(os.listdir("/dev/fd")) == before
