import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sdd_claims.data import catalogue, datasets, tiny_imagenet
from sdd_claims.data.catalogue import CATALOGUE, find
from sdd_claims.data.datasets import load, why_unavailable
from sdd_claims.data.tiny_imagenet import FOLDER, is_present, read
from sdd_claims.errors import InputError, MissingDataError

CLASSES = ["n02", "n01", "n10"]  # as wnids.txt lists them, in no order
GREYS = {"n01": 40, "n02": 120, "n10": 200}
ENTRY = replace(find("tiny_imagenet"), train_count=36, test_count=6, image_shape=(8, 8, 3), classes=3)


def jpeg(grey, mode="RGB", side=8):
    content = io.BytesIO()
    colour = grey if mode == "L" else (grey, grey // 2, 10)
    Image.new(mode, (side, side), colour).save(content, "JPEG", quality=95)
    return content.getvalue()


@pytest.fixture
def root(tmp_path):
    """A data root with the authors' folder: three classes of twelve images, every image of its class's colour."""
    folder = tmp_path / FOLDER
    for name in CLASSES:
        (folder / "train" / name / "images").mkdir(parents=True)
        (folder / "train" / name / f"{name}_boxes.txt").touch()
        for number in range(12):
            (folder / "train" / name / "images" / f"{name}_{number}.JPEG").write_bytes(jpeg(GREYS[name] + number))
    (folder / "wnids.txt").write_text("\n".join(CLASSES) + "\n")
    (folder / "words.txt").touch()
    (folder / "test" / "images").mkdir(parents=True)
    (folder / "val" / "images").mkdir(parents=True)
    lines = []
    for number, name in enumerate(["n10", "n01", "n02", "n02", "n10", "n01"]):
        (folder / "val" / "images" / f"val_{number}.JPEG").write_bytes(jpeg(GREYS[name]))
        lines.append(f"val_{number}.JPEG\t{name}\t0\t0\t7\t7\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(reversed(lines)))
    return tmp_path


def test_images_come_by_class_and_number_with_their_labels(root):
    arrays = read(ENTRY, root)
    np.testing.assert_array_equal(arrays["train_labels"], np.repeat([0, 1, 2], 12))
    np.testing.assert_array_equal(arrays["test_labels"], [2, 0, 1, 1, 2, 0])
    assert arrays["train_images"].shape == (36, 8, 8, 3)
    # The files' own colours, to what JPEG makes of them; the number of an image is in its red.
    red = arrays["train_images"][..., 0].mean((1, 2))
    np.testing.assert_allclose(red, [GREYS[name] + number for name in sorted(CLASSES) for number in range(12)], atol=2)
    np.testing.assert_allclose(arrays["test_images"][0].mean((0, 1)), [200, 100, 10], atol=2)


def test_what_was_read_once_is_read_from_the_prepared_file_from_then_on(root):
    first = read(ENTRY, root)
    with np.load(root / "tiny_imagenet.npz") as written:
        for name, array in first.items():
            assert array.dtype == np.uint8
            np.testing.assert_array_equal(written[name], array)
    assert sorted(path.name for path in root.iterdir() if not path.name.endswith(".lock")) == [
        FOLDER,
        "tiny_imagenet.npz",
    ]


def test_a_file_that_another_process_made_meanwhile_is_read(root):
    first = read(ENTRY, root)
    shutil.rmtree(root / FOLDER / "train" / "n01" / "images")  # so it would not be read again
    again = read(ENTRY, root)
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_the_set_is_loaded_by_its_name(root, monkeypatch):
    monkeypatch.setattr(catalogue, "CATALOGUE", {**CATALOGUE, "tiny_imagenet": ENTRY})
    assert why_unavailable("tiny_imagenet", root) is None
    first = load("tiny_imagenet", root)
    assert (len(first.train_images), first.classes) == (36, 3)
    shutil.rmtree(root / FOLDER)
    assert why_unavailable("tiny_imagenet", root) is None
    datasets._load.cache_clear()
    np.testing.assert_array_equal(load("tiny_imagenet", root).train_images, first.train_images)


def test_a_set_of_another_size_is_refused_with_what_to_do(root):
    read(ENTRY, root)
    with pytest.raises(
        InputError,
        match=r"tiny_imagenet\.npz holds train_images as uint8 of shape \(36, 8, 8, 3\), exp.*"
        rf"; replace it, or move it away so that it is made anew from {FOLDER}/",
    ):
        load("tiny_imagenet", root)


def test_grey_images_get_three_equal_channels(root):
    (root / FOLDER / "train" / "n01" / "images" / "n01_3.JPEG").write_bytes(jpeg(77, "L"))
    np.testing.assert_array_equal(read(ENTRY, root)["train_images"][3], np.full((8, 8, 3), 77))


@pytest.mark.parametrize("part", ["", "wnids.txt", "train", "val/val_annotations.txt"])
def test_an_absent_set_says_what_to_fetch(root, part):
    absent = root / FOLDER / part
    shutil.rmtree(absent) if absent.is_dir() else absent.unlink()
    assert not is_present(root)
    message = (
        rf"{root} holds neither tiny_imagenet\.npz nor a complete {FOLDER}/; fetch {FOLDER}\.zip, which Stanford's"
    )
    with pytest.raises(MissingDataError, match=message):
        read(ENTRY, root)


def delete(path):
    path.unlink()


def text(content):
    return lambda path: path.write_text(content)


def content(data):
    return lambda path: path.write_bytes(data)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("wnids.txt", text("n01 n02"), "wnids.txt names 2 classes, expected 3, each once"),
        ("wnids.txt", text("n01 n02 n10 n10"), "wnids.txt names 3 classes, expected 3, each once"),
        ("wnids.txt", text("n01 n02 n03"), "train lacks n03, which wnids.txt names"),
        ("wnids.txt", text("n01 n02 n99"), "train holds n10, which wnids.txt does not name"),
        ("train/n01/images/n01_4.JPEG", delete, "train/n01/images holds 11 images, expected 12"),
        ("train/n02/images/n02_12.JPEG", content(b""), "train/n02/images holds 13 images, expected 12"),
        ("train/n02/images/n01_4.JPEG", content(b""), "holds n01_4.JPEG, expected images n02_<number>.JPEG alone"),
        ("train/n02/images", shutil.rmtree, "train/n02/images is missing, expected 12 images there"),
        ("val/images/val_5.JPEG", delete, "val/images holds 5 images, expected 6"),
        ("val/val_annotations.txt", text("val_0.JPEG\tn01\n"), "val_annotations.txt lacks the class of val_1.JPEG"),
        (
            "val/val_annotations.txt",
            text("val_0.JPEG\tn04\n"),
            r"has the line 'val_0.JPEG\\tn04', expected every image",
        ),
        ("val/val_annotations.txt", text("val_0.JPEG\tn01\n" * 2), "expected every image once, with a class of wnids"),
        ("val/val_annotations.txt", text("val_0.JPEG"), "has the line 'val_0.JPEG', expected every image once"),
        ("val/images/val_2.JPEG", content(jpeg(3, side=9)), "val_2.JPEG is an image of 9 x 9 pixels, expected 8 x 8"),
        ("val/images/val_2.JPEG", content(jpeg(3)[:-40]), "val_2.JPEG is no readable JPEG file"),
        ("val/images/val_2.JPEG", content(b"<html>"), "val_2.JPEG is no readable JPEG file"),
    ],
)
def test_files_that_are_not_the_authors_are_refused_by_name(root, part, change, message):
    change(root / FOLDER / part)
    with pytest.raises(InputError, match=rf"{message}.*; fetch {FOLDER}\.zip, .*, and unpack it anew"):
        read(ENTRY, root)
    assert not (root / "tiny_imagenet.npz").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 2**16), flip=st.integers(1, 255), length=st.none() | st.integers(0, 2**16))
def test_a_damaged_image_is_refused_in_words_or_still_an_image(tmp_path, at, flip, length):
    damaged = bytearray(jpeg(3))
    damaged[at % len(damaged)] ^= flip
    file = tmp_path / "image.JPEG"
    file.write_bytes(damaged[: None if length is None else length % len(damaged)])
    try:
        pixels = tiny_imagenet._decoded([file], 8, 8)
    except InputError:
        return
    assert pixels.shape == (1, 8, 8, 3)


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(root, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*tiny_imagenet\.npz: the disk is full; free some space"):
        read(ENTRY, root)
    assert not (root / "tiny_imagenet.npz").exists()
