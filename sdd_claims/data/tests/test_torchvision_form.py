import urllib.error
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torchvision

from sdd_claims.data import torchvision_form
from sdd_claims.data.catalogue import find
from sdd_claims.errors import InputError

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
    (tmp_path / MNIST.torchvision_files[-1]).unlink()
    with pytest.raises(InputError, match=f"holds only a part of mnist.*; delete {tmp_path / 'MNIST'} and run again"):
        torchvision_form.read(MNIST, tmp_path)


@pytest.mark.parametrize("keep", [0, 3, 20, 800])
def test_a_torn_file_is_refused_with_the_folder_to_delete(tmp_path, keep):
    write_mnist(tmp_path)
    torn = tmp_path / MNIST.torchvision_files[0]
    torn.write_bytes(torn.read_bytes()[:keep])
    with pytest.raises(InputError, match=f"is not mnist as torchvision expects it.*delete {tmp_path / 'MNIST'}"):
        torchvision_form.read(MNIST, tmp_path)


def test_an_altered_cifar_file_is_refused_by_its_md5(tmp_path):
    for file in CIFAR.torchvision_files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"altered")
    with pytest.raises(InputError, match="corrupted"):
        torchvision_form.read(CIFAR, tmp_path)


def test_other_images_than_published_are_refused(tmp_path):
    write_mnist(tmp_path)
    with pytest.raises(InputError, match="not the published mnist"):
        torchvision_form.read(replace(MNIST, sha256="0" * 64), tmp_path)
