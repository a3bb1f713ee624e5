"""Files below a URL: there wholly or not at all, and looked at anew every time."""

import pytest
from fsspec.implementations.local import LocalFileSystem

from sdd_claims.storage.remote_files import RemoteFiles, UnreachedError


@pytest.fixture
def remote(tmp_path):
    return RemoteFiles(f"file://{tmp_path}")


@pytest.fixture
def listings(monkeypatch):
    """Listings are kept until they are dropped, as those of object stores are."""
    kept, ls = {}, LocalFileSystem.ls

    def listed(files, path, detail=False, **settings):
        if path not in kept:
            kept[path] = ls(files, path, detail=detail, **settings)
        return kept[path]

    monkeypatch.setattr(LocalFileSystem, "ls", listed)
    monkeypatch.setattr(
        LocalFileSystem, "exists", lambda files, path, **settings: path in listed(files, path.rpartition("/")[0])
    )
    monkeypatch.setattr(LocalFileSystem, "invalidate_cache", lambda *args: kept.clear())


def test_a_line_that_breaks_within_a_file_leaves_what_was_there(remote, monkeypatch):
    remote.write("runs/levels.json", b"before")
    whole = LocalFileSystem.pipe_file

    def half(files, path, content, **settings):
        whole(files, path, content[: len(content) // 2], **settings)
        raise ConnectionResetError("Connection reset by peer")

    monkeypatch.setattr(LocalFileSystem, "pipe_file", half)
    for name in ("runs/levels.json", "runs/spec.json"):
        with pytest.raises(UnreachedError, match="Connection reset by peer"):
            remote.write(name, b"afterwards")
    assert remote.read("runs/levels.json") == b"before"
    assert remote.read("runs/spec.json") is None


def test_a_file_that_another_has_sent_since_is_there(remote, tmp_path, listings):
    assert not remote.has("one.json")
    (tmp_path / "one.json").touch()
    assert remote.has("one.json")


def test_a_folder_is_listed_with_what_another_has_sent_since(remote, tmp_path, listings):
    (tmp_path / "runs").mkdir()
    assert remote.names("runs") == []
    (tmp_path / "runs" / "one.json").touch()
    assert remote.names("runs") == ["runs/one.json"]
