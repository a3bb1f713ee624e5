"""A shortened drawing has the same points, to a tenth, and the same text."""

import re
from itertools import accumulate
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.report.compact_svg import compact

THIN, THICK = "fill: none; stroke: red; stroke-width: 0.5", "fill: none; stroke: red; stroke-width: 2"
COORDINATES = st.floats(-500, 500).map(lambda value: round(value, 6))
POINTS = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=6)


def path(points, style=THIN):
    d = "M " + " \nL ".join(f"{x:.6f} {y:.6f}" for x, y in points) + " \n"
    return f'<g id="line"><path d="{d}" style="{style}"/></g>'.replace(' id="line"', "")


def points_of(svg):
    """The points of every line, line by line."""
    found = []
    for path in ElementTree.fromstring(f"<svg>{svg}</svg>").iter("path"):
        for part in re.findall(r"M[^M]*", path.get("d", "")):
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", part)]
            steps = zip(numbers[::2], numbers[1::2], strict=True)
            found.append([*accumulate(steps, lambda here, step: (here[0] + step[0], here[1] + step[1]))])
    return found


@given(st.lists(POINTS, min_size=1, max_size=5))
def test_every_point_stays_where_it_was_to_a_twentieth(lines):
    short = compact("".join(map(path, lines)))
    drawn = points_of(short)
    assert [len(line) for line in drawn] == [len(line) for line in lines]
    for line, original in zip(drawn, lines, strict=True):
        for point, other in zip(line, original, strict=True):
            assert point == pytest.approx(other, abs=0.0501)


def test_lines_of_one_look_share_a_path_and_others_keep_theirs_in_order():
    short = compact(path([(0, 0), (1, 1)]) + path([(2, 2), (3, 3)]) + path([(4, 4)], THICK) + path([(5, 5)]))
    assert re.findall(r'd="([^"]*)"', short) == ["M0 0l1 1M2 2l1 1", "M4 4", "M5 5"]


def test_curved_paths_keep_their_places():
    assert 'd="M0 0C1 1 2 2 3 3L4 5"' in compact('<path d="M 0 0 C 1 1 2 2 3 3 L 4 5" style="fill: red"/>')


def test_frames_without_a_line_and_groups_of_nothing_go():
    assert compact('<g><path d="M 0 0 L 1 1 z" style="fill: none"/><g/></g>') == ""


def test_areas_are_never_joined():
    area = '<path d="M 0 0 L 1 0 L 1 1 z" style="fill: red"/>'
    assert compact(area + area).count("<path") == 2


def test_text_stays_text_and_a_rotation_by_nothing_goes():
    style = "font-size: 7.5px; font-family: 'A', 'B'; fill: red"
    short = compact(f'<text style="{style}" x="1.26" transform="rotate(-0 1 2)">a &lt; b</text>')
    assert short == '<text style="font-size: 7.5px; fill: red" x="1.3">a &lt; b</text>'
    assert 'transform="rotate(-90 1.3 2)"' in compact('<text x="0" transform="rotate(-90 1.26 2)">y</text>')
