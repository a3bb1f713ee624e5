"""Data of one's own: every form that is read, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from PIL import Image

from sdd_claims.data import own
from sdd_claims.data.catalogue import CATALOGUE
from sdd_claims.data.preparation import prepare
from sdd_claims.data.prepared_form import ARRAYS
from sdd_claims.errors import InputError

IMAGES = np.arange(8 * 4 * 4, dtype=np.uint8).reshape(8, 4, 4)
LABELS = np.array([0, 1] * 4)
SET = (IMAGES, LABELS, IMAGES[:4], LABELS[:4])
FEW = "differ by less than float32 can tell, the type in which networks are trained; scale them"
HELD_OUT = int(np.random.default_rng(0).permutation(8)[0])  # the first test image that is drawn of eight


def changed(**arrays):
    return {**dict(zip(ARRAYS, SET, strict=True)), **arrays}


def test_all_forms_give_the_same_arrays(tmp_path):
    np.savez(tmp_path / "my.npz", **changed())
    wanted = own.prepared(SET, "the data")
    for given_form in (changed(), own.from_npz(tmp_path / "my.npz")):
        found = own.prepared(given_form, "the data")
        assert all(np.array_equal(found[name], wanted[name]) for name in ARRAYS)


def test_a_folder_of_images_is_read_as_torchvision_has_it(tmp_path):
    for part, count in (("train", 3), ("test", 1)):
        for label, name in enumerate(("cat", "dog")):
            (tmp_path / part / name).mkdir(parents=True)
            for index in range(count):
                pixels = np.full((5, 6), 40 * label + index, np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{index}.png")
    found = own.prepared(own.from_folder(tmp_path), "the data")
    assert found["train_images"].shape == (6, 5, 6)
    assert found["train_labels"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found["test_images"][:, 0, 0].tolist() == [0, 40]


@pytest.mark.parametrize(
    ("dtype", "largest"), [(np.uint8, 255), (np.uint16, 65535), (np.int32, 100_000), (np.float32, 0.75)]
)
def test_grey_images_of_any_depth_are_read_as_they_are(tmp_path, dtype, largest):
    ramp = np.linspace(0, largest, 30).reshape(5, 6).astype(dtype)
    for label in "ab":
        (tmp_path / label).mkdir()
        for index in range(4):
            Image.fromarray(np.roll(ramp, index)).save(tmp_path / label / f"{index}.tif")
    found = own.from_folder(tmp_path)
    assert np.array_equal(found["images"][2], np.roll(ramp, 2))
    assert np.unique(own.prepared(found, "the data")["train_images"]).size == 30


@pytest.fixture
def published(tmp_path, monkeypatch):
    """MNIST and Fashion-MNIST in torchvision's own files, cut down to a few images."""
    infos = [
        replace(CATALOGUE[name], train_count=20, test_count=10, sha256=None) for name in ("mnist", "fashion_mnist")
    ]
    monkeypatch.setattr(own, "CATALOGUE", {info.name: info for info in infos})
    for mark, info in enumerate(infos):
        images, labels = np.full((20, 28, 28), mark, np.uint8), np.arange(20, dtype=np.uint8) % 10
        images[::2] = 200
        for file, array in zip(info.torchvision_files, (images, labels, images[:10], labels[:10]), strict=True):
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            (tmp_path / file).write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())
    return tmp_path


@pytest.mark.parametrize("folder", ["FashionMNIST", "FashionMNIST/raw"])
def test_a_published_set_is_read_from_the_folder_that_torchvision_keeps(published, folder):
    found = own.prepared(own.from_folder(published / folder), "the data")
    assert (found["train_images"].shape, found["test_images"].shape) == ((20, 28, 28), (10, 28, 28))
    assert found["train_images"][1].max() == 1  # Fashion-MNIST's
    assert found["train_labels"].tolist() == [*range(10)] * 2


def test_several_published_sets_or_a_part_of_one_are_refused_and_images_come_first(published):
    with pytest.raises(InputError, match=r"holds mnist and fashion_mnist; give the folder of one, such as .*MNIST"):
        own.from_folder(published)
    (published / CATALOGUE["mnist"].torchvision_files[0]).unlink()
    assert own.from_folder(published)["train_images"][1].max() == 1
    with pytest.raises(InputError, match="mnist is not complete there; let torchvision download it anew"):
        own.from_folder(published / "MNIST")
    for label in "ab":
        (published / label).mkdir()
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(published / label / "1.png")
    assert own.from_folder(published)["images"].shape == (2, 2, 2)


def test_without_a_test_set_a_quarter_is_held_out_and_every_image_is_used_once():
    found = own.prepared((IMAGES, LABELS), "the data")
    assert (len(found["train_images"]), len(found["test_images"])) == (6, 2)
    together = np.concatenate([found["train_images"], found["test_images"]])
    assert sorted(together[:, 0, 0]) == sorted(IMAGES[:, 0, 0])


def test_labels_of_any_name_become_classes_from_zero_on():
    found = own.prepared(changed(train_labels=LABELS * 5 + 3, test_labels=LABELS[:4] * 5 + 3), "the data")
    assert found["train_labels"].tolist() == LABELS.tolist()


@given(
    numbers=arrays_of.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32]), (12, 3, 3), elements=st.integers(0, 100), fill=st.nothing()
    ),
    factor=st.sampled_from([0.01, 1.0, 256.0]),
    order=st.permutations(range(12)),
)
def test_two_parts_of_one_set_are_never_two_scales_and_one_of_them_on_another_scale_always_is(numbers, factor, order):
    """Every image has the largest number somewhere, as real ones come close to it."""
    numbers[:, 1, 1] = 100
    numbers[0, 0, 0] = 99  # so that they differ
    images = numbers * numbers.dtype.type(factor) if numbers.dtype == np.float32 else numbers
    images = images[list(order)]
    labels = np.arange(12) % 2
    own.prepared((images[:8], labels[:8], images[8:], labels[8:]), "the data")
    other = images[8:] // 16 if images.dtype == np.uint8 else images[8:] / 16
    with pytest.raises(InputError, match=r"which are two scales|give both one type"):
        own.prepared((images[:8], labels[:8], other, labels[8:]), "the data")


@given(
    images=arrays_of.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32, np.float64]),
        st.tuples(st.just(6), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
        elements=st.integers(0, 200),
        fill=st.nothing(),
    )
)
def test_what_is_kept_comes_back_as_it_was_and_is_normalised(tmp_path_factory, images):
    images[0] = 0
    images[1] = 201
    given_set = own.prepared((images, [0, 1, 2, 0, 1, 2], images[:3], [0, 1, 2]), "the data")
    kept = own.keep(given_set, tmp_path_factory.mktemp("data"), "mnist")
    dataset = own.kept(kept)
    assert np.array_equal(dataset.train_images, given_set["train_images"])
    train, test = prepare(dataset)
    assert (train.shape[0], *train.shape[1:]) == (6, *kept.shape)
    assert test.shape[1:] == train.shape[1:]
    assert train.mean((0, 2, 3)).abs().max() < 1e-3
    assert (train.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-3


def test_the_same_arrays_are_kept_once_and_others_under_another_name(tmp_path):
    one, again = (own.keep(own.prepared(SET, "the data"), tmp_path, label) for label in ("a", "b"))
    other = own.keep(own.prepared(changed(test_labels=1 - LABELS[:4]), "the data"), tmp_path, "a")
    assert one == again != other
    assert len([*tmp_path.iterdir()]) == 2


def test_what_else_lies_in_a_kept_file_is_left_alone(tmp_path):
    of_its_own = (IMAGES + 100, LABELS, IMAGES[:4], LABELS[:4])  # what was read once in a process is not read again
    one = own.keep(own.prepared(of_its_own, "the data"), tmp_path, "a")
    with np.load(one.file) as found:
        np.savez(one.file, **found, classes=np.array(99))
    assert own.kept(one).classes == one.classes == 2


def test_kept_arrays_that_have_changed_on_disk_are_not_trained_on(tmp_path):
    one = own.keep(own.prepared(SET, "the data"), tmp_path, "a")
    other = own.keep(own.prepared(changed(test_labels=1 - LABELS[:4]), "the data"), tmp_path, "b")
    Path(other.file).replace(one.file)
    with pytest.raises(InputError, match="does not hold the images of a any more; run again with the same --data"):
        own.kept(one)


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b""])
def test_a_kept_file_that_is_damaged_is_told_from_the_users_and_written_anew(tmp_path, damage):
    one = own.keep(own.prepared((IMAGES + 50, LABELS, IMAGES[:4], LABELS[:4]), "the data"), tmp_path, "a")
    file, arrays = Path(one.file), own.prepared((IMAGES + 50, LABELS, IMAGES[:4], LABELS[:4]), "the data")
    file.write_bytes(damage(file.read_bytes()))
    own.forget()
    with pytest.raises(InputError, match="does not hold the images of a any more; run again with the same --data"):
        own.kept(one)
    assert own.keep(arrays, tmp_path, "a") == one
    assert own.kept(one).train_images.tolist() == arrays["train_images"].tolist()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"images": IMAGES}, "lacks the array 'labels'"),
        (
            {"train_image": IMAGES, "train_labels": LABELS},
            r"lacks the array 'train_images' \(did you mean 'train_image'\?\)",
        ),
        ((IMAGES,), "is a tuple; give train_images, train_labels, test_images and test_labels, or"),
        (IMAGES, "is a ndarray; give train_images"),
        (changed(train_images=np.where(IMAGES == 7, np.nan, IMAGES)), "train_images holds NaN or infinite numbers"),
        (changed(train_images=IMAGES * 1e38), "numbers beyond float32, the type in which networks are trained"),
        (
            changed(train_images=np.ma.masked_equal(IMAGES, 7)),
            "train_images has masked numbers, which would be trained on",
        ),
        (changed(test_images=[*np.ma.masked_equal(IMAGES[:4], 7)]), "test_images has masked numbers, which would be"),
        (changed(train_images=IMAGES.astype(str)), "train_images holds <U"),
        (changed(train_labels=LABELS * 0), "all training images have the label 0; label noise needs two classes"),
        (changed(train_labels=LABELS[:5]), r"labels have shape \(5,\) for 8 images; give one label an image"),
        (changed(train_labels=LABELS + 0.5), "labels are no whole numbers"),
        (changed(test_labels=LABELS[:4] + 1), "the test label 2 has no training images"),
        (changed(test_images=IMAGES[:4, :3]), r"training images have shape \(4, 4\), test images \(3, 4\)"),
        (changed(test_images=IMAGES[:4] / 255), "training images hold uint8, test images float64, and only bytes"),
        (
            changed(train_images=IMAGES / 127, test_images=IMAGES[4:] / 1.0),
            r"of 0, in test images within 12[67], which are two scales; scale both alike",
        ),
        (changed(train_images=IMAGES[:, 0, 0]), r"images have shape \(8,\); give \(images, height, width\)"),
        (changed(train_images=np.zeros((8, 3, 16, 16))), r"come last: images.transpose\(0, 2, 3, 1\)\); give 1 to 4"),
        (changed(train_labels=LABELS[:, None]), r"labels have shape \(8, 1\); flatten them: labels.ravel\(\)"),
        (changed(train_images=IMAGES[:0], train_labels=LABELS[:0]), "there are no images; give some of every class"),
        ((IMAGES, [9 if place == HELD_OUT else place % 2 for place in range(8)]), "one image has the label 9, too few"),
        (changed(train_images=IMAGES * 0), "all training images are one and the same"),
        (changed(train_images=IMAGES * 0 + IMAGES[1]), "all training images are one and the same"),
        (changed(train_images=IMAGES / 1000 + 1e9, test_images=IMAGES[:4] / 1000 + 1e9), FEW),
        (changed(train_images=IMAGES * 1.0 + 1e9, test_images=IMAGES[:4] + 1e9), FEW),
        (changed(train_images=IMAGES * 1e-50, test_images=IMAGES[:4] * 1e-50), FEW),
        ((IMAGES[:1], LABELS[:1]), "too few to hold out a quarter"),
        ((IMAGES[:7], LABELS[:7]), "one test image for 2 classes is too few to tell an accuracy; give 2 or more"),
        (
            changed(train_labels=LABELS + np.arange(8), test_images=IMAGES[:3], test_labels=LABELS[:3] * 2),
            "3 test images for 5 classes are too few to tell an accuracy; give 5 or more",
        ),
    ],
)
def test_data_that_cannot_be_trained_on_are_refused_in_a_sentence(bad, why):
    with pytest.raises(InputError, match=why) as refused:
        own.prepared(bad, "--data my.npz:")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["images.npy", "table.csv", "net.pt"])
def test_a_file_of_another_kind_is_called_so(tmp_path, name):
    np.save(tmp_path / "images.npy", IMAGES)
    if not (tmp_path / name).exists():
        (tmp_path / name).write_text("1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"is a file of another kind; give an \.npz .* that reads it$"):
        own.from_npz(tmp_path / name)


def test_test_images_that_are_training_images_are_refused_but_for_few_or_where_these_have_twins():
    images = np.arange(100 * 9).reshape(100, 3, 3)
    arrays = {"train_images": images, "test_images": images[60:80] + 3}
    own.check_apart(arrays | {"test_images": np.concatenate([images[:3], images[60:80] + 3])}, "my.npz")
    with pytest.raises(
        InputError, match=r"my\.npz: 10 of 30 test images are training images, too; leave them out of one"
    ):
        own.check_apart(arrays | {"test_images": np.concatenate([images[:10], images[60:80] + 3])}, "my.npz")
    own.check_apart({"train_images": images % 2, "test_images": images[:20] % 2}, "my.npz")


@pytest.mark.parametrize(
    ("count", "rate", "why"),
    [
        (9, 0.4, "9 training images of 2 classes, too few"),
        (100, 0.01, "which makes 1 labels wrong"),
        (100, 0, "between 0 and 1"),
        (100, 0.5, "of 2 classes the right label would be no likelier than a wrong one"),
    ],
)
def test_too_few_images_for_the_noise_are_refused(count, rate, why):
    with pytest.raises(InputError, match=why):
        own.check_noise(count, rate, 2, "my.npz")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("no.npz", None, "there is no such file or folder; give an .npz, a folder of images"),
        ("my.npz", b"", "is no readable .npz of arrays"),
        ("my.npz", b"PK\x03\x04 torn", "is no readable .npz of arrays"),
        ("my.npz", b"<html>", "is no readable .npz of arrays"),
    ],
)
def test_a_file_that_is_no_npz_is_refused(tmp_path, name, content, why):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=why):
        own.from_npz(tmp_path / name)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "there are no images; put each into a folder named as its class"),
        ({"train/a/1.png": (2, 2)}, "there is train/, but neither test/ nor val/"),
        ({"a/1.png": (2, 2), "b/1.png": (3, 2)}, "the images have 2 sizes"),
        ({"train/a/1.png": (2, 2), "test/b/1.png": (2, 2)}, "the class 'b' has no training images"),
        ({"a/1.png": None}, "is no readable image"),
        ({"a/1.png": "torn"}, "is no readable image"),
        ({"a/1.png": (2, 2), "b/1.png": (2, 2, np.uint16)}, " and uint8; convert all to one"),
    ],
)
def test_a_folder_that_holds_no_data_set_is_refused(tmp_path, files, why):
    for name, form in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if form is None:
            (tmp_path / name).write_bytes(b"no image")
        elif form == "torn":
            Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / name)
            whole = (tmp_path / name).read_bytes()
            (tmp_path / name).write_bytes(whole.replace(b"IDAT", b"IDAX"))  # which Pillow finds out while it loads
        else:
            height, width, *kind = form
            Image.fromarray(np.zeros((height, width), *kind or [np.uint8])).save(tmp_path / name)
    with pytest.raises(InputError, match=why):
        own.from_folder(tmp_path)
