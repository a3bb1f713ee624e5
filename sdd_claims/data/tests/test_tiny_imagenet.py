import io
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
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
    datasets.forget()
    np.testing.assert_array_equal(load("tiny_imagenet", root).train_images, first.train_images)


@pytest.mark.parametrize(
    "leftover",
    [
        "train/.DS_Store",
        "train/desktop.ini",
        "train/.ipynb_checkpoints/n01_0-checkpoint.JPEG",
        "train/@eaDir/n01",
        "train/n01/images/Thumbs.db",
        "train/n01/images/._n01_0.JPEG",
        "val/images/.DS_Store",
        "val/images/.ipynb_checkpoints/val_0-checkpoint.JPEG",
    ],
)
def test_what_systems_leave_in_folders_is_passed_over(root, leftover):
    (root / FOLDER / leftover).parent.mkdir(exist_ok=True)
    (root / FOLDER / leftover).write_bytes(b"leftover")
    assert len(read(ENTRY, root)["train_images"]) == 36


@pytest.mark.parametrize("file", ["wnids.txt", "val/val_annotations.txt"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lists_that_an_editor_has_saved_anew_are_read(root, file, line_end, mark):
    path = root / FOLDER / file
    path.write_bytes((mark + path.read_text().replace("\n", line_end) + line_end * 2).encode())
    np.testing.assert_array_equal(read(ENTRY, root)["test_labels"], [2, 0, 1, 1, 2, 0])


@pytest.mark.parametrize("ending", ["jpeg", "jpg", "JPG"])
def test_endings_may_be_written_in_small_letters(root, ending):
    for path in [*(root / FOLDER).rglob("*.JPEG")]:
        path.rename(path.with_suffix(f".{ending}"))
    np.testing.assert_array_equal(read(ENTRY, root)["test_labels"], [2, 0, 1, 1, 2, 0])


def test_a_folder_within_a_folder_of_its_name_is_found(root):
    (root / FOLDER).rename(root / "moved")
    (root / FOLDER).mkdir()
    (root / "moved").rename(root / FOLDER / FOLDER)
    assert is_present(root)
    assert len(read(ENTRY, root)["train_images"]) == 36


def archive_of(root, before="", separator="/", leave_out=(), extra=()):
    """Replace the authors' folder by an archive of it."""
    with zipfile.ZipFile(root / f"{FOLDER}.zip", "w") as archive:
        for path in sorted((root / FOLDER).rglob("*")):
            name = path.relative_to(root / FOLDER).as_posix()
            if name not in leave_out and path.is_file():
                # Set afterwards: it is the system's own separator that zipfile replaces.
                member = zipfile.ZipInfo("named below")
                member.filename = f"{before}{FOLDER}/{name}".replace("/", separator)
                archive.writestr(member, path.read_bytes())
        for name in extra:
            archive.writestr(name, b"leftover")
    shutil.rmtree(root / FOLDER)


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"before": f"{FOLDER}/"},
        {"separator": "\\"},
        {"extra": [f"__MACOSX/{FOLDER}/train/._n01", f"{FOLDER}/train/.DS_Store", f"{FOLDER}/test/images/"]},
    ],
)
def test_the_archive_is_read_as_the_folder_is(root, shape):
    expected = read(ENTRY, root)
    (root / "tiny_imagenet.npz").unlink()
    archive_of(root, **shape)
    assert is_present(root)
    assert why_unavailable("tiny_imagenet", root) is None
    arrays = read(ENTRY, root)
    assert all(np.array_equal(arrays[name], expected[name]) for name in expected)
    assert (root / "tiny_imagenet.npz").is_file()


def test_several_readers_of_an_archive_at_once_end_well(root):
    archive_of(root)
    with ThreadPoolExecutor(3) as readers:
        arrays = list(readers.map(lambda _: read(ENTRY, root), range(3)))
    assert all(np.array_equal(each["train_images"], arrays[0]["train_images"]) for each in arrays)


@pytest.mark.parametrize(
    ("leave_out", "message"),
    [
        (["wnids.txt"], r"200\.zip: wnids\.txt is missing"),
        (["train/n02/images/n02_3.JPEG"], r"200\.zip: train/n02/images holds 11 images, expected 12"),
    ],
)
def test_an_archive_that_lacks_files_is_refused_by_name(root, leave_out, message):
    archive_of(root, leave_out=leave_out)
    with pytest.raises(InputError, match=rf"{message}; fetch {FOLDER}\.zip, .* anew"):
        read(ENTRY, root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-100], "is a truncated zip archive"),
        (lambda _: b"", "is an empty file"),
        (lambda _: b"<!DOCTYPE html>", "is a web page"),
        (lambda _: b"version https://git-lfs.github.com/spec/v1", "is a Git LFS pointer file"),
        (lambda content: content.replace(b"n10\n", b"n11\n"), r"wnids\.txt cannot be unpacked \(Bad CRC-32"),
    ],
)
def test_an_archive_that_is_none_or_torn_is_refused_by_what_it_is(root, change, message):
    archive_of(root)
    path = root / f"{FOLDER}.zip"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=rf"200\.zip:? {message}.*; fetch {FOLDER}\.zip, .* anew"):
        read(ENTRY, root)
    assert not (root / "tiny_imagenet.npz").exists()


def test_a_folder_that_was_torn_while_unpacking_gives_way_to_the_archive(root):
    shutil.copytree(root / FOLDER, root / "copy")
    archive_of(root)
    (root / "copy").rename(root / FOLDER)
    (root / FOLDER / "train" / "n01" / "images" / "n01_4.JPEG").unlink()
    complaint = (
        rf"n01/images holds 11 images, expected 12; move {root / FOLDER} away and run again, so that .*zip is read"
    )
    with pytest.raises(InputError, match=complaint):
        read(ENTRY, root)
    shutil.rmtree(root / FOLDER / "val")
    assert len(read(ENTRY, root)["train_images"]) == 36


def test_a_validation_set_that_was_sorted_into_classes_is_said(root):
    shutil.rmtree(root / FOLDER / "val" / "images")
    complaint = rf"nor a complete {FOLDER}/, without val/images; fetch"
    with pytest.raises(MissingDataError, match=complaint):
        read(ENTRY, root)


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
        rf"{root} holds neither tiny_imagenet\.npz nor a complete {FOLDER}/.*; fetch {FOLDER}\.zip, which Stanford's"
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
        ("train/n02/images/n02_4.jpg", content(b""), "holds n02_4.JPEG and n02_4.jpg, expected one of them"),
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
        pixels = tiny_imagenet._decoded(tiny_imagenet._Unpacked(tmp_path, tmp_path / "no.zip"), ["image.JPEG"], 8, 8)
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
