import errno
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from sdd_claims.data import datasets, torchvision_form
from sdd_claims.data.catalogue import CATALOGUE
from sdd_claims.data.datasets import EMBEDDED_FOLDER, load, resolve_root, why_unavailable
from sdd_claims.errors import InputError

MNIST_TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
MNIST_TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_embedded_mnist_has_the_class_shares_of_the_original():
    small = load("mnist_small")
    assert small.train_images.shape == (8000, 28, 28)
    assert small.test_images.shape == (5000, 28, 28)
    assert small.train_images.dtype == small.test_labels.dtype == np.uint8
    for labels, original in ((small.train_labels, MNIST_TRAIN), (small.test_labels, MNIST_TEST)):
        quotas = np.array(original) * len(labels) / sum(original)
        assert np.all(np.abs(np.bincount(labels) - quotas) < 1)


def test_embedded_images_are_distinct_and_not_sorted_by_class():
    small = load("mnist_small")
    images = np.concatenate([small.train_images, small.test_images])
    assert len({image.tobytes() for image in images}) == 13_000
    assert len(np.unique(small.train_labels[:100])) == 10


def test_embedded_file_is_small_and_its_note_tells_its_checksums():
    file = (EMBEDDED_FOLDER / "mnist_small.npz").read_bytes()
    note = (EMBEDDED_FOLDER / "mnist_small.md").read_text()
    assert len(file) <= 3_000_000
    assert {hashlib.sha256(file).hexdigest(), CATALOGUE["mnist_small"].sha256} == set(
        re.findall(r"\b[0-9a-f]{64}\b", note)
    )


def test_a_set_is_loaded_once_and_cannot_be_written_to():
    small = load("mnist_small")
    assert load("mnist_small") is small
    for array in (small.train_images, small.train_labels, small.test_images, small.test_labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_prepared_file_in_the_data_root_is_read(tmp_path, monkeypatch):
    small = load("mnist_small")
    monkeypatch.setattr(torchvision_form, "read", lambda *_: pytest.fail("asked torchvision"))
    np.savez(
        tmp_path / "mnist.npz",
        train_images=small.train_images,
        train_labels=small.train_labels,
        test_images=small.test_images,
        test_labels=small.test_labels,
    )
    assert why_unavailable("mnist", tmp_path) is None
    with pytest.raises(InputError, match=r"mnist\.npz.* \(8000, 28, 28\), expected uint8 of shape \(60000, 28, 28\)"):
        load("mnist", tmp_path)


def test_data_root_is_the_argument_then_the_variable_then_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("SDD_CLAIMS_DATA", str(tmp_path / "variable"))
    assert resolve_root(tmp_path / "argument") == tmp_path / "argument"
    assert resolve_root() == tmp_path / "variable"
    monkeypatch.delenv("SDD_CLAIMS_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_root() == tmp_path / ".cache/sdd_claims/data"


def test_links_that_lead_round_in_a_circle_are_refused(tmp_path):
    (tmp_path / "root").symlink_to(tmp_path / "root")
    with pytest.raises(InputError, match=r"the data root .*root leads nowhere \(Symlink loop.*; name another folder"):
        load("mnist", tmp_path / "root")
    assert "leads nowhere" in str(why_unavailable("mnist", tmp_path / "root"))


@pytest.mark.parametrize("name", ["mnist", "cifar100", "tiny_imagenet"])
def test_a_root_that_may_not_be_searched_is_said(tmp_path, monkeypatch, name):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    sentence = rf"{tmp_path}.* cannot be read \(Permission denied\); change its permissions or those of the folders"
    with pytest.raises(InputError, match=sentence):
        load(name, tmp_path)
    assert re.match(sentence, str(why_unavailable(name, tmp_path)))


def test_a_linked_root_with_spaces_and_accents_is_like_any_other(tmp_path):
    (tmp_path / "données du laboratoire").mkdir()
    (tmp_path / "link").symlink_to("données du laboratoire")
    (tmp_path / "link" / "mnist.npz").write_bytes(b"<html>")
    assert why_unavailable("mnist", tmp_path / "link") is None
    with pytest.raises(InputError, match=r"données du laboratoire/mnist\.npz is a web page"):
        load("mnist", tmp_path / "link")


def test_unavailable_sets_say_where_they_were_looked_for_and_what_to_fetch(tmp_path):
    assert why_unavailable("mnist_small") is None
    for name, info in CATALOGUE.items():
        if info.torchvision:
            reason = (
                f"{tmp_path} holds neither {name}.npz nor a complete {info.torchvision_folder}/; connect to the net"
            )
            assert str(why_unavailable(name, tmp_path)).startswith(reason)
    assert why_unavailable("tiny_imagenet", tmp_path) == (
        f"{tmp_path} holds neither tiny_imagenet.npz nor a complete tiny-imagenet-200/; fetch tiny-imagenet-200.zip, "
        "which Stanford's course CS231n publishes, and put it there, packed or unpacked"
    )


def test_a_checkout_without_the_embedded_set_says_how_to_restore_it(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "EMBEDDED_FOLDER", tmp_path)
    restore = "restore it with `git checkout -- fixtures/mnist_small.npz`"
    assert why_unavailable("mnist_small") == f"{tmp_path / 'mnist_small.npz'} is missing; {restore}"
    with pytest.raises(InputError, match=r"mnist_small\.npz is missing.*git checkout -- fixtures/mnist_small\.npz"):
        load("mnist_small")


@pytest.mark.parametrize("ask", [load, why_unavailable])
def test_unknown_set_is_refused_with_the_known_names(ask):
    with pytest.raises(InputError, match="unknown data set 'mnits': give one of mnist_small, mnist, fashion_mnist"):
        ask("mnits")
