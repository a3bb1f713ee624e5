import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sdd_claims.data.catalogue import find
from sdd_claims.data.prepared_form import ARRAYS, content_sha256, read
from sdd_claims.errors import InputError


def arrays_of(train: int = 6, test: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "train_images": rng.integers(0, 256, (train, 28, 28), np.uint8),
        "train_labels": rng.integers(0, 10, train, np.uint8),
        "test_images": rng.integers(0, 256, (test, 28, 28), np.uint8),
        "test_labels": rng.integers(0, 10, test, np.uint8),
    }


ENTRY = replace(find("mnist"), train_count=6, test_count=4, sha256=content_sha256(arrays_of()))


def written(path: Path, **changed: np.ndarray | None) -> Path:
    np.savez_compressed(
        path, allow_pickle=True, **{name: array for name, array in (arrays_of() | changed).items() if array is not None}
    )
    return path


def test_what_was_written_is_read(tmp_path):
    arrays = read(written(tmp_path / "set.npz"), ENTRY, "fetch it")
    for name, expected in arrays_of().items():
        np.testing.assert_array_equal(arrays[name], expected)


def test_checksum_does_not_depend_on_the_compression(tmp_path):
    np.savez(tmp_path / "plain.npz", allow_pickle=True, **arrays_of())
    assert set(read(tmp_path / "plain.npz", ENTRY, "fetch it")) == set(ARRAYS)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"test_labels": None}, r"lacks the array test_labels, expected uint8 of shape \(4,\)"),
        ({"train_images": np.zeros((5, 28, 28), np.uint8)}, r"train_images as uint8 of shape \(5, 28, 28\), expected"),
        (
            {"test_images": np.zeros((4, 28, 28, 3), np.uint8)},
            r"\(4, 28, 28, 3\), expected uint8 of shape \(4, 28, 28\)",
        ),
        ({"train_labels": np.zeros(6, np.int64)}, r"train_labels as int64 of shape \(6,\), expected uint8"),
        ({"train_labels": np.full(6, 10, np.uint8)}, "the label 10 in train_labels, expected labels 0 to 9 of mnist"),
        ({"train_images": arrays_of()["train_images"][::-1]}, "not the published mnist in its original order.*SHA-256"),
        ({"train_images": np.array([None] * 6)}, "no readable .npz"),
    ],
)
def test_wrong_arrays_are_refused_by_name(tmp_path, changed, complaint):
    path = written(tmp_path / "set.npz", **changed)
    with pytest.raises(InputError, match=f"set.npz .*{complaint}.*; fetch it"):
        read(path, ENTRY, "fetch it")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"set\.npz is missing, expected the data set mnist there; fetch it"):
        read(tmp_path / "set.npz", ENTRY, "fetch it")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"<html>404</html>", "a web page"),
        (b"PK\x03\x04", "a truncated zip archive"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer file, which stands for the real one"),
        (bytes(999), r"no readable \.npz \(File is not a zip file\)"),
    ],
)
def test_a_file_that_is_no_archive_is_refused_by_what_it_is(tmp_path, content, kind):
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"set\.npz is {kind}, expected the arrays train_images.*; fetch it"):
        read(path, ENTRY, "fetch it")


@example(at=177, flip=1, length=None)  # in the header of an array, which NumPy parses as Python
@given(at=st.integers(0, 2**31), flip=st.integers(1, 255), length=st.none() | st.integers(0, 2**31))
def test_a_damaged_archive_never_passes_as_other_data(tmp_path_factory, at, flip, length):
    path = written(tmp_path_factory.mktemp("damaged") / "set.npz")
    damaged = bytearray(path.read_bytes())
    damaged[at % len(damaged)] ^= flip
    path.write_bytes(damaged[: None if length is None else length % len(damaged)])
    try:
        arrays = read(path, ENTRY, "fetch it")
    except InputError:
        return
    assert content_sha256(arrays) == ENTRY.sha256  # the byte meant nothing, as those of a time stamp


def test_pickled_objects_are_not_loaded(tmp_path):
    path = written(tmp_path / "set.npz", test_labels=np.array([{"a": 1}] * 4, dtype=object))
    assert zipfile.is_zipfile(path)
    with pytest.raises(InputError, match="allow_pickle=False"):
        read(path, ENTRY, "fetch it")
