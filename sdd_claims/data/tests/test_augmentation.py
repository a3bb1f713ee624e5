import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from sdd_claims.data.augmentation import CropAndFlip, FlipAndShift, augmentation, first_that_fits
from sdd_claims.data.preparation import averaged
from sdd_claims.errors import InputError

BOTH = [FlipAndShift(32), CropAndFlip(64, 32)]


def random_images(batch, channels, height, width, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (batch, channels, height, width), np.uint8))


def in_turn(images, draws, change):
    """Torchvision's transforms, one image after the other."""
    return torch.stack([change(image, *row) for image, row in zip(images, draws.int().tolist(), strict=True)])


def shifted(image, mirrored, down, right):
    image = functional.horizontal_flip(image) if mirrored else image
    height, width = image.shape[1:]
    # RandomCrop(side, padding=4) with these corners.
    return functional.crop(functional.pad(image, [4]), 4 - down, 4 - right, height, width)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 12), st.data())
def test_flips_and_shifts_are_torchvisions_to_the_bit(batch, channels, side, data):
    images = random_images(batch, channels, side, side)
    row = st.tuples(st.integers(0, 1), st.integers(-4, 4), st.integers(-4, 4))
    draws = torch.tensor(data.draw(st.lists(row, min_size=batch, max_size=batch)), dtype=torch.float32)
    changed = FlipAndShift(side).apply(images, draws)
    assert changed.dtype == torch.float32
    assert torch.equal(changed, in_turn(images, draws, shifted).float())


def test_shifted_images_are_averaged_down_as_all_images_are():
    images = random_images(5, 3, 32, 32)
    draws = torch.from_numpy(FlipAndShift(8).draw(np.random.default_rng(0), 5))
    assert torch.equal(FlipAndShift(8).apply(images, draws), averaged(FlipAndShift(32).apply(images, draws), 8))


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 40), st.integers(2, 40), st.data())
def test_crops_and_flips_are_torchvisions(batch, channels, image_side, side, data):
    """To a single pixel torchvision cannot take whole numbers of three channels: an assertion of PyTorch's fails."""
    images = random_images(batch, channels, image_side, image_side)
    sizes = st.integers(1, image_side)
    corner = st.floats(0, 1)
    rows = [
        [math.floor(down * (image_side - height)), math.floor(right * (image_side - width)), height, width, mirrored]
        for down, right, height, width, mirrored in data.draw(
            st.lists(st.tuples(corner, corner, sizes, sizes, st.integers(0, 1)), min_size=batch, max_size=batch)
        )
    ]
    draws = torch.tensor(rows, dtype=torch.float32)

    def cropped(image, top, left, height, width, mirrored):
        part = functional.resized_crop(image, top, left, height, width, [side, side], antialias=True)
        return functional.horizontal_flip(part) if mirrored else part

    changed = CropAndFlip(image_side, side).apply(images, draws)
    assert changed.shape == (batch, channels, side, side)
    torch.testing.assert_close(changed, in_turn(images.float(), draws, cropped), atol=1e-3, rtol=0)
    # Of whole numbers torchvision makes whole numbers again, across and then down.
    torch.testing.assert_close(changed, in_turn(images, draws, cropped).float(), atol=1.5, rtol=0)


def test_a_crop_of_the_final_size_is_only_cut_out():
    images = random_images(1, 3, 64, 64)
    changed = CropAndFlip(64, 32).apply(images, torch.tensor([[7.0, 30.0, 32.0, 32.0, 1.0]]))
    assert torch.equal(changed, images[:, :, 7:39, 30:62].flip(3).float())


@pytest.mark.parametrize("change", BOTH, ids=lambda change: type(change).__name__)
def test_an_image_is_changed_alike_in_whatever_batch(change):
    images = random_images(9, 3, 64, 64)
    draws = torch.from_numpy(change.draw(np.random.default_rng(3), 9))
    whole = change.apply(images, draws)
    parts = torch.cat([change.apply(images[part], draws[part]) for part in (slice(0, 4), slice(4, 9))])
    torch.testing.assert_close(parts, whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("change", BOTH, ids=lambda change: type(change).__name__)
def test_autocast_does_not_round_pixels(change):
    images = random_images(4, 3, 64, 64)
    draws = torch.from_numpy(change.draw(np.random.default_rng(3), 4))
    with torch.autocast("cpu", torch.bfloat16):
        changed = change.apply(images, draws)
    assert torch.equal(changed, change.apply(images, draws))


@pytest.mark.parametrize("change", BOTH, ids=lambda change: type(change).__name__)
def test_the_same_stream_draws_the_same_and_the_next_epoch_something_else(change):
    first, again = (change.draw(np.random.default_rng(1), 50) for _ in range(2))
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    rng = np.random.default_rng(1)
    change.draw(rng, 50)
    assert np.any(change.draw(rng, 50) != first)


def test_mirroring_and_every_shift_are_equally_likely_and_independent():
    count = 16_200
    mirrored, down, right = FlipAndShift(32).draw(np.random.default_rng(0), count).astype(int).T
    cells = np.zeros((2, 9, 9))
    np.add.at(cells, (mirrored, down + 4, right + 4), 1)
    assert cells.sum() == count
    assert stats.chisquare(cells, axis=None).pvalue > 0.001


def test_crops_follow_the_law_of_torchvisions():
    count = 4000
    ours = CropAndFlip(64, 32).draw(np.random.default_rng(0), count)
    law, image = v2.RandomResizedCrop(32), torch.empty(3, 64, 64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        params = [law.make_params([image]) for _ in range(count)]
    theirs = np.array([[draw[name] for name in ("top", "left", "height", "width")] for draw in params])
    for mine, yours in zip(ours[:, :4].T, theirs.T, strict=True):
        assert stats.ks_2samp(mine, yours).pvalue > 0.001
    # And what hangs together: area, ratio, and how much room a part leaves below it.
    for combined in (
        lambda top, left, height, width: height * width,
        lambda top, left, height, width: width / height,
        lambda top, left, height, width: 64 - height - top,
        lambda top, left, height, width: left - top,
    ):
        assert stats.ks_2samp(combined(*ours[:, :4].T), combined(*theirs.T)).pvalue > 0.001
    mirrored = ours[:, 4]
    assert set(mirrored) == {0.0, 1.0}
    assert stats.binomtest(int(mirrored.sum()), count).pvalue > 0.001


@given(st.integers(0, 2**32 - 1), st.integers(1, 64))
def test_parts_lie_within_the_image(seed, image_side):
    top, left, height, width, _ = CropAndFlip(image_side, 8).draw(np.random.default_rng(seed), 20).T
    for start, length in ((top, height), (left, width)):
        assert np.all((start >= 0) & (length >= 1) & (start + length <= image_side))


@given(st.integers(0, 2**31 - 1), st.integers(1, 64))
def test_the_first_try_that_fits_is_torchvisions(seed, image_side):
    law = v2.RandomResizedCrop(8)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        theirs = law.make_params([torch.empty(1, image_side, image_side)])
        torch.manual_seed(seed)
        # Torchvision draws no further once a try fits: what follows here is of no matter.
        tries = [
            (torch.empty(1).uniform_(*law.scale).item(), torch.empty(1).uniform_(*law._log_ratio).exp().item())
            for _ in range(10)
        ]
    areas, ratios = np.array([tries]).transpose(2, 0, 1)
    assert first_that_fits(areas, ratios, image_side).tolist() == [[theirs["height"], theirs["width"]]]


def test_where_no_try_fits_the_whole_image_is_taken():
    too_wide, square = [4 / 3] * 3, [1.0] * 3
    sizes = first_that_fits(np.array([[0.99] * 3, [0.25] * 3]), np.array([too_wide, square]), 64)
    assert sizes.tolist() == [[64, 64], [32, 32]]


def test_augmentations_have_names():
    assert augmentation("none", 32, 16) is None
    assert augmentation("flip_and_shift", 32, None) == augmentation("flip_and_shift", 32, 32) == FlipAndShift(32)
    assert augmentation("flip_and_shift", 32, 16) == FlipAndShift(16)
    assert augmentation("crop_and_flip", 64, 32) == CropAndFlip(64, 32)
    assert augmentation("crop_and_flip", 64, None) == CropAndFlip(64, 64)


@pytest.mark.parametrize(
    ("name", "side", "message"),
    [
        ("flip_and_shift", 14, r"images of 32 x 32 pixels down, but not to 14 x 14; set DataSpec\.side to None"),
        ("flip_and_shift", 0, "but not to 0 x 0"),
        ("crop_and_flip", 0, r"was asked for images of 0 x 0 pixels; set DataSpec\.side"),
        ("mixup", None, "there is no augmentation 'mixup'; use one of: none, flip_and_shift, crop_and_flip"),
    ],
)
def test_what_does_not_fit_is_refused(name, side, message):
    with pytest.raises(InputError, match=message):
        augmentation(name, 32, side)


@pytest.mark.parametrize("change", BOTH, ids=lambda change: type(change).__name__)
def test_nothing_waits_for_the_device_or_leaves_it(change):
    """Tensors without content: a look at a value raises, and so does a tensor of another device."""
    with FakeTensorMode():
        images = torch.empty(5, 3, 64, 64, dtype=torch.uint8, device="cuda")
        draws = torch.empty(5, change.draw(np.random.default_rng(0), 1).shape[1], device="cuda")
        changed = change.apply(images, draws)
    assert (changed.device.type, changed.dtype, changed.shape[:2]) == ("cuda", torch.float32, (5, 3))
