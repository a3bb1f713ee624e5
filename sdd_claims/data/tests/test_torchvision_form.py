import errno
import gzip
import hashlib
import io
import os
import pickle
import tarfile
import threading
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torchvision

from sdd_claims.data import torchvision_form
from sdd_claims.data.catalogue import find
from sdd_claims.errors import InputError
from sdd_claims.storage.files import write_atomically

MNIST = replace(find("mnist"), train_count=3, test_count=2, sha256=None)
CIFAR = replace(find("cifar100"), train_count=3, test_count=2)


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_mnist(root: Path | str) -> None:
    for file, shape in zip(MNIST.torchvision_files, [(3, 28, 28), (3,), (2, 28, 28), (2,)], strict=True):
        path = Path(root, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(idx(np.full(shape, shape[0], np.uint8)))


def pack(root: Path, *, keep_files: bool = False) -> None:
    for file in MNIST.torchvision_files:
        (root / f"{file}.gz").write_bytes(gzip.compress((root / file).read_bytes(), mtime=0))
        if not keep_files:
            (root / file).unlink()


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """A data root with the four archives of a small MNIST, as fetched by hand; there is no network."""
    write_mnist(tmp_path)
    pack(tmp_path)
    archives = [tmp_path / f"{file}.gz" for file in MNIST.torchvision_files]
    sums = [(path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in archives]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", sums)
    monkeypatch.setattr(torchvision_form, "_download", lambda *_: pytest.fail("asked for a download"))
    return tmp_path


@pytest.fixture
def packed_cifar(tmp_path, monkeypatch):
    """A data root with the archive of a small CIFAR-100; there is no network."""
    entry = {"data": np.zeros((3, 3072), np.uint8), "fine_labels": [99, 0, 5]}
    test = {"data": np.zeros((2, 3072), np.uint8), "fine_labels": [1, 2]}
    contents = {"train": entry, "test": test, "meta": {"fine_label_names": ["apple"]}}
    sums = {}
    with tarfile.open(tmp_path / "cifar-100-python.tar.gz", "w:gz") as archive:
        for name, content in contents.items():
            pickled = pickle.dumps(content)
            sums[name] = hashlib.md5(pickled).hexdigest()
            member = tarfile.TarInfo(f"cifar-100-python/{name}")
            member.size = len(pickled)
            archive.addfile(member, io.BytesIO(pickled))
    of_all = hashlib.md5((tmp_path / "cifar-100-python.tar.gz").read_bytes()).hexdigest()
    published = torchvision.datasets.CIFAR100
    monkeypatch.setattr(published, "tgz_md5", of_all)
    monkeypatch.setattr(published, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(published, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(published, "meta", {**published.meta, "md5": sums["meta"]})
    monkeypatch.setattr(torchvision_form, "_download", lambda *_: pytest.fail("asked for a download"))
    return tmp_path


def test_archives_fetched_by_hand_are_unpacked_where_they_lie(packed):
    assert torchvision_form.is_present(MNIST, packed)
    np.testing.assert_array_equal(torchvision_form.read(MNIST, packed)["test_labels"], [2, 2])
    raw = [path.name for path in (packed / "MNIST" / "raw").iterdir()]
    assert sorted(raw) == sorted(Path(file + end).name for file in MNIST.torchvision_files for end in ("", ".gz"))


def test_an_archive_fills_in_what_the_folder_lacks(packed):
    torchvision_form.read(MNIST, packed)
    (packed / MNIST.torchvision_files[1]).unlink()
    (packed / f"{MNIST.torchvision_files[0]}.gz").unlink()
    np.testing.assert_array_equal(torchvision_form.read(MNIST, packed)["train_labels"], [3, 3, 3])


def test_the_archive_of_cifar_is_unpacked_beside_it(packed_cifar):
    assert torchvision_form.is_present(CIFAR, packed_cifar)
    np.testing.assert_array_equal(torchvision_form.read(CIFAR, packed_cifar)["train_labels"], [99, 0, 5])
    unpacked = {path.name: path for path in (packed_cifar / "cifar-100-python").iterdir()}
    assert unpacked.keys() == {"train", "test", "meta"}
    unpacked["meta"].unlink()  # as an unpacking by hand that was interrupted leaves it
    assert len(torchvision_form.read(CIFAR, packed_cifar)["test_labels"]) == 2


def test_several_readers_at_once_unpack_once(packed, monkeypatch):
    """The others come while some files are there and some are not."""
    written, begun = [], threading.Semaphore(0)

    def write_and_wait_for_the_others(path, content):
        write_atomically(path, content)
        written.append(path.name)
        if len(written) == 1:
            assert all(begun.acquire(timeout=60) for _ in range(4))

    def read_mnist(_):
        begun.release()
        return torchvision_form.read(MNIST, packed)

    monkeypatch.setattr(torchvision_form, "write_atomically", write_and_wait_for_the_others)
    with ThreadPoolExecutor(4) as readers:
        read = list(readers.map(read_mnist, range(4)))
    assert all(np.array_equal(arrays["train_images"], read[0]["train_images"]) for arrays in read)
    assert len(written) == 4


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"<html>Sign in</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer file, which stands for the real one"),
        (gzip.compress(bytes(99), mtime=0)[:-9], "a truncated gzip file"),
        (gzip.compress(gzip.compress(bytes(99), mtime=0), mtime=0), "a file that was compressed twice with gzip"),
        (gzip.compress(bytes(99), mtime=0), "a gzip file"),
        (idx(np.zeros(3, np.uint8)), "another file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time they were made
)
def test_an_archive_that_is_not_the_published_one_is_refused_by_what_it_is(packed, content, kind):
    archive = packed / f"{MNIST.torchvision_files[2]}.gz"
    archive.write_bytes(content)
    complaint = rf"{archive} is {kind}, not the published archive, whose MD5 is .*; fetch it anew from https://.*10k-im"
    with pytest.raises(InputError, match=complaint):
        torchvision_form.read(MNIST, packed)
    assert not (packed / MNIST.torchvision_files[0]).exists()


def test_an_archive_of_cifar_that_is_torn_is_said(packed_cifar):
    archive = packed_cifar / "cifar-100-python.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(
        InputError, match=r"tar\.gz is a truncated gzip file, not .*; fetch it anew from https://www\.cs"
    ):
        torchvision_form.read(CIFAR, packed_cifar)
    assert not (packed_cifar / "cifar-100-python").exists()


def test_archives_compressed_by_another_program_are_taken_for_what_they_hold(packed, monkeypatch):
    monkeypatch.setattr(
        torchvision.datasets.MNIST, "resources", [(f, "0") for f, _ in torchvision.datasets.MNIST.resources]
    )
    parts = [np.full(shape, shape[0], np.uint8) for shape in [(3, 28, 28), (3,), (2, 28, 28), (2,)]]
    digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    assert len(torchvision_form.read(replace(MNIST, sha256=digest), packed)["train_images"]) == 3


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("part", ["locked", "write_atomically"])
def test_a_read_only_folder_with_archives_is_said_in_one_sentence(packed, monkeypatch, part, code):
    def refused(path, *_):
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(torchvision_form, part, refused)
    complaint = (
        f"{packed} holds mnist packed, and it could not be unpacked there: the folder is read-only; choose a folder "
        "that can be written, or change its permissions"
    )
    with pytest.raises(InputError, match=f"^{complaint}$"):
        torchvision_form.read(MNIST, packed)


@pytest.mark.parametrize("home", [".", "MNIST", "données du chercheur"])
def test_a_folder_within_its_own_is_found_and_so_is_a_root_one_too_deep(tmp_path, home):
    write_mnist(tmp_path / home)
    root = tmp_path if home == "MNIST" else tmp_path / home / ("MNIST" if home == "." else "")
    assert torchvision_form.is_present(MNIST, root)
    assert len(torchvision_form.read(MNIST, root)["train_images"]) == 3


def test_files_that_an_older_torchvision_left_are_not_called_damaged_data(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "MNIST" / "processed").mkdir()
    for name in ("training.pt", "test.pt"):
        (tmp_path / "MNIST" / "processed" / name).write_bytes(b"<html>")
    with pytest.raises(InputError, match=r"processed holds files of an older torchvision .*; move it away") as raised:
        torchvision_form.read(MNIST, tmp_path)
    assert "weights_only" not in str(raised.value)


def test_torchvisions_own_folder_is_read(tmp_path):
    write_mnist(tmp_path)
    arrays = torchvision_form.read(MNIST, tmp_path)
    np.testing.assert_array_equal(arrays["train_images"], np.full((3, 28, 28), 3))
    np.testing.assert_array_equal(arrays["test_labels"], [2, 2])
    assert all(array.dtype == np.uint8 for array in arrays.values())


def test_colour_images_come_with_their_channels_last(tmp_path, monkeypatch):
    class FakeCIFAR100:
        def __init__(self, root, train=True):
            self.data = np.zeros((3 if train else 2, 32, 32, 3), np.uint8)
            self.targets = [99] * len(self.data)

    monkeypatch.setattr(torchvision.datasets, "CIFAR100", FakeCIFAR100)
    for file in CIFAR.torchvision_files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    arrays = torchvision_form.read(CIFAR, tmp_path)
    assert arrays["test_images"].shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(arrays["train_labels"], [99, 99, 99])


def test_a_download_is_moved_into_place_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.MNIST, "download", lambda self: write_mnist(self.root))
    root = tmp_path / "new" / "root"
    assert len(torchvision_form.read(MNIST, root)["train_images"]) == 3
    assert torchvision_form.is_present(MNIST, root)
    assert [path.name for path in root.iterdir() if path.is_dir()] == ["MNIST"]


def test_a_set_that_another_process_fetched_meanwhile_is_not_downloaded_again(tmp_path, monkeypatch):
    @contextmanager
    def lock_that_the_other_process_held(path, *_):
        write_mnist(path.parent)
        yield

    monkeypatch.setattr(torchvision_form, "locked", lock_that_the_other_process_held)
    monkeypatch.setattr(torchvision.datasets.MNIST, "download", lambda _: pytest.fail("downloaded again"))
    assert len(torchvision_form.read(MNIST, tmp_path)["train_images"]) == 3


def test_no_network_names_the_root_what_it_lacks_and_the_remedy(tmp_path, monkeypatch):
    def unreachable(*_args, **_kwargs):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    for info in (MNIST, CIFAR):
        complaint = (
            rf"{tmp_path} holds neither {info.name}\.npz nor {info.torchvision_folder}/.*not known.*SDD_CLAIMS_DATA"
        )
        with pytest.raises(InputError, match=complaint):
            torchvision_form.read(info, tmp_path)
        assert not (tmp_path / info.torchvision_folder).exists()


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "root").touch()
    with pytest.raises(InputError, match=r"could not be downloaded there.*File exists"):
        torchvision_form.read(MNIST, tmp_path / "root")


def test_a_part_of_the_files_is_refused_before_any_download(tmp_path):
    write_mnist(tmp_path)
    lacking = MNIST.torchvision_files[-1]
    (tmp_path / lacking).unlink()
    with pytest.raises(
        InputError,
        match=rf"MNIST holds only a part of mnist, without {lacking}; put it or {lacking}\.gz into {tmp_path}, or move "
        rf"{tmp_path / 'MNIST'} away and run again with a network",
    ):
        torchvision_form.read(MNIST, tmp_path)


@pytest.mark.parametrize(
    ("alike", "name"),
    [
        ("train-images.idx3-ubyte", "train-images-idx3-ubyte"),
        ("Train-Images-IDX3-ubyte", "train-images-idx3-ubyte"),
        ("train-images.idx3-ubyte.GZ", "train-images-idx3-ubyte.gz"),
    ],
)
def test_a_file_of_nearly_the_right_name_is_named(tmp_path, alike, name):
    write_mnist(tmp_path)
    path = tmp_path / MNIST.torchvision_files[0]
    path.rename(path.with_name(alike))
    with pytest.raises(InputError, match=rf"without .*; rename {path.with_name(alike)} to {name}, or move"):
        torchvision_form.read(MNIST, tmp_path)


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    write_mnist(tmp_path)
    path = tmp_path / MNIST.torchvision_files[0]
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=f"in its place is a folder, so move {path} away and put the file"):
        torchvision_form.read(MNIST, tmp_path)


def test_a_file_that_may_not_be_read_is_named_with_the_remedy(tmp_path, monkeypatch):
    write_mnist(tmp_path)
    barred = tmp_path / MNIST.torchvision_files[2]
    opened, path_opened = open, Path.open

    def refuse(opener):
        def opening(path, *args, **kwargs):
            if str(path) == str(barred):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return opener(path, *args, **kwargs)

        return opening

    monkeypatch.setattr("builtins.open", refuse(opened))
    monkeypatch.setattr(Path, "open", refuse(path_opened))
    with pytest.raises(InputError, match=rf"{barred} cannot be read \(Permission denied\); change its permissions"):
        torchvision_form.read(MNIST, tmp_path)


@pytest.mark.parametrize(
    ("keep", "what"), [(0, "is an empty file"), (3, "holds 3 bytes, expected 2368"), (800, "holds 800 bytes")]
)
def test_a_torn_file_is_refused_by_its_name(tmp_path, keep, what):
    write_mnist(tmp_path)
    torn = tmp_path / MNIST.torchvision_files[0]
    torn.write_bytes(torn.read_bytes()[:keep])
    complaint = rf"{torn} {what}.*; put the published one in its place, or move {tmp_path / 'MNIST'} away and run again"
    with pytest.raises(InputError, match=complaint):
        torchvision_form.read(MNIST, tmp_path)
    pack(tmp_path, keep_files=True)
    with pytest.raises(InputError, match=rf"{torn} {what}.*; move {torn} away and run again, so that .*\.gz is unp"):
        torchvision_form.read(MNIST, tmp_path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x80\x02altered" * 99, "is not the published file, but a damaged or altered one"),
        (b"\x80\x02cposix\nmkdir\nU\x04trap\x85R.", "is not the published file, but a damaged or altered one"),
        (b"<!DOCTYPE html>", "is a web page, not the published file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time they were made
)
def test_an_altered_cifar_file_is_refused_by_its_md5(tmp_path, monkeypatch, content, what):
    monkeypatch.chdir(tmp_path)
    for file in CIFAR.torchvision_files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=f"cifar-100-python/train {what}") as raised:
        torchvision_form.read(CIFAR, tmp_path)
    assert "download=True" not in str(raised.value)
    assert not Path("trap").exists()  # the second is a pickle that makes a folder


def test_other_images_than_published_are_refused(tmp_path):
    write_mnist(tmp_path)
    with pytest.raises(InputError, match="not the published mnist"):
        torchvision_form.read(replace(MNIST, sha256="0" * 64), tmp_path)
