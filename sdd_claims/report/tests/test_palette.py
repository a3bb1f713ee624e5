"""Whoever confuses colours can still tell the curves of a figure apart, in the light page and in the dark one."""

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

from sdd_claims.report.inline_svg import SERIES

SHEET = files("sdd_claims.report").joinpath("templates/report.css").read_text(encoding="utf-8")
LIGHT, _, DARK = SHEET.partition("@media (prefers-color-scheme: dark)")

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
SEEN_BY = {
    "all three cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(axis=1)


def linear(colour):
    coded = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def lab(colour, eye):
    t = TO_XYZ @ np.clip(np.array(SEEN_BY[eye]) @ linear(colour), 0, 1) / WHITE
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def colours(theme):
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", theme))
    return [found[f"series-{number}"] for number in range(1, SERIES + 1)], found["paper"]


def test_the_distance_of_colours_is_that_of_cie_lab():
    assert lab("#ffffff", "all three cones") == pytest.approx([100, 0, 0], abs=0.01)
    assert lab("#ff0000", "all three cones") == pytest.approx([53.24, 80.09, 67.20], abs=0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("eye", SEEN_BY)
def test_every_two_curves_differ_in_colour_to_every_eye(theme, eye):
    series, _ = colours(theme)
    for one, other in combinations(series, 2):
        assert np.linalg.norm(lab(one, eye) - lab(other, eye)) > 20, (one, other)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_a_curve_can_also_be_that_of_its_name(theme):
    series, paper = colours(theme)
    for colour in series:
        dim, bright = sorted(float(TO_XYZ[1] @ linear(each)) for each in (colour, paper))
        assert (bright + 0.05) / (dim + 0.05) > 4.5
