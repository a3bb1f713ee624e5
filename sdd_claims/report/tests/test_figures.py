import re
from dataclasses import replace
from itertools import accumulate
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from markupsafe import Markup
from matplotlib.colors import to_hex

from sdd_claims.curves import SparsityCurve
from sdd_claims.report import figures, inline_svg
from sdd_claims.report.axes import Axes
from sdd_claims.report.figures import panel
from sdd_claims.report.lines import Line

DENSITY = 0.64 ** np.arange(16)
SEEDS = tuple(range(1000, 1012))
ROLES = tuple(f"--series-{number}" for number in range(1, 7))
WINDOWS = {"light": [0.3, 1.0], "critical": [0.018, 0.036]}


def line(name: str, measure: str = "test_accuracy", level: float = 0.7, label: str | None = None) -> Line:
    values = level + 0.01 * np.random.default_rng(1).normal(size=(12, 16))
    return Line(name, label or name, measure, SparsityCurve(SEEDS, DENSITY, values))


def draw(*lines: Line, salt: str = "a") -> str:
    return panel(lines, WINDOWS, Axes.around(lines), salt=salt)


def paths(svg: str, role: str) -> int:
    """Count the curves drawn in a role's colour; those of one look share a path."""
    found = re.findall(rf'<path d="([^"]*)" clip-path="[^"]*" style="fill: none;[^"]*stroke: var\({role}\)', svg)
    return sum(path.count("M") for path in found)


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter() if node.tag == "text"]


def test_every_seed_is_drawn_and_the_mean_beside():
    assert paths(draw(line("noisy")), "--series-1") == len(SEEDS) + 1


def test_a_diverged_seed_leaves_the_mean():
    whole = line("noisy")
    values = whole.curve.values.copy()
    values[0, 3:] = np.nan
    broken = Line("noisy", "noisy", "test_accuracy", SparsityCurve(SEEDS, DENSITY, values))
    assert paths(draw(broken), "--series-1") == len(SEEDS) + 1
    values[:, 3:] = np.nan
    svg = draw(Line("noisy", "noisy", "test_accuracy", SparsityCurve(SEEDS, DENSITY, values)))
    assert paths(svg, "--series-1") == len(SEEDS)
    assert "every replica diverged" in svg


def test_the_same_curves_give_the_same_bytes():
    assert draw(line("noisy"), line("clean")) == draw(line("noisy"), line("clean"))


def test_a_users_own_settings_of_matplotlib_change_nothing():
    with mpl.rc_context({"lines.linewidth": 7.0, "axes.grid": True, "svg.fonttype": "path"}):
        drawing = draw(line("noisy"))
    assert drawing == draw(line("noisy"))


def test_two_panels_on_one_page_share_no_id():
    ids = [set(re.findall(r'\bid="([^"]+)"', draw(line("noisy"), salt=salt))) for salt in ("a", "b")]
    assert ids[0]
    assert ids[0].isdisjoint(ids[1])


def test_every_reference_has_its_target():
    svg = draw(line("noisy"), line("distance", "learning_distance", 11.0))
    references = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    assert references == set(re.findall(r'\bid="([^"]+)"', svg))


def test_colours_are_roles_of_the_page():
    svg = draw(line("noisy"), line("clean"))
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", svg)
    assert "<style" not in svg


def test_classes_stand_for_the_same_styles_and_leave_texts_alone():
    classes = inline_svg.Classes()
    drawn = [draw(line("noisy", label='style="a"')), draw(line("noisy"), line("clean"))]
    short = [str(classes.instead(Markup(each))) for each in drawn]
    rules = dict(re.findall(r"^\.(\S+) { (.*) }$", str(classes.rules), re.MULTILINE))
    assert len(set(rules.values())) == len(rules)
    assert [re.sub(r'class="(s\d+)"', lambda found: f'style="{rules[found[1]]}"', each) for each in short] == drawn
    assert 'style="a"' in texts(short[0])


def test_text_is_text_and_literal():
    svg = draw(line("noisy", label="costs $1 & <2 $"))
    assert {"light", "critical", "costs $1 & <2 $", "density (fraction of weights left)", "sparsity"} <= set(texts(svg))


def test_dense_is_on_the_left_with_its_sparsity_above():
    svg = draw(line("noisy"))
    x = {}
    for label in ("1", "0.1", "0.01", "90\N{NO-BREAK SPACE}%"):
        found = re.search(rf'<text [^>]*x="([\d.]+)"[^>]*>{label}</text>', svg)
        assert found is not None, label
        x[label] = float(found[1])
    assert x["1"] < x["0.1"] < x["0.01"]
    assert x["90\N{NO-BREAK SPACE}%"] == pytest.approx(x["0.1"], abs=0.5)


def test_accuracies_share_a_row_in_per_cent_and_other_measures_get_their_own():
    lines = (line("test"), line("train", "train_accuracy", 0.9), line("distance", "learning_distance", 11.0))
    axes = Axes.around(lines)
    assert list(axes.rows) == ["accuracy", "learning_distance"]
    low, high = axes.rows["accuracy"]
    assert low < 70 < 90 < high
    assert axes.rows["learning_distance"][0] < 11.0 < axes.rows["learning_distance"][1]
    assert {"accuracy (%)", "learning distance", "train", "distance"} <= set(texts(panel(lines, {}, axes, salt="a")))


def test_a_claim_and_its_control_are_drawn_on_the_same_axes():
    judged, control = line("noisy"), line("noisy", level=0.9)
    axes = Axes.around([judged, control])
    ticks = [
        re.findall(r'y="([\d.]+)"[^>]*>(\d+)</text>', panel([each], {}, axes, salt="a")) for each in (judged, control)
    ]
    assert ticks[0] == ticks[1]


def test_the_description_gives_the_numbers_of_the_mean():
    flat = Line("noisy", "20 % noise", "test_accuracy", SparsityCurve(SEEDS, DENSITY, np.full((12, 16), 0.75)))
    svg = draw(flat)
    assert 'role="img"' in svg
    assert "75.0 % in the critical window" in svg
    assert "75.0 % to" not in svg
    assert "20 % noise (test accuracy), 12" in svg


def test_a_seventh_curve_is_told_from_the_first_by_dashes():
    svg = draw(*(line(f"curve {number}", level=0.1 * number) for number in range(1, 8)))
    assert "stroke-dasharray" in svg
    assert paths(svg, "--series-1") == 2 * (len(SEEDS) + 1)


def test_no_edge_of_a_mean_hides_another_mean_and_solid_ones_lie_on_top():
    """A train accuracy that equals the test accuracy would else be all that is seen."""
    test = replace(line("noisy"), digest="one")
    svg = draw(test, replace(test, name="noisy, train", label="train", measure="train_accuracy"))
    means = re.findall(r'<path [^>]*style="([^"]*stroke-width: (?:3|1.9)[^"]*)"', svg)
    assert ["var(--paper)" in style for style in means] == [*[True] * (len(means) - 2), False, False]
    assert ["dasharray: " in style and "dasharray: none" not in style for style in means[-2:]] == [True, False]


def test_names_that_would_lie_on_each_other_beside_their_curves_stand_in_a_legend():
    def height(*levels: float) -> float:
        svg = draw(*(line(f"a curve of a rather long name, no {n}", level=level) for n, level in enumerate(levels)))
        return float(re.findall(r'viewBox="0 0 \S+ (\S+?)"', svg)[0])

    assert height(0.2, 0.4, 0.6, 0.8) == height(0.2, 0.4)
    assert height(0.7, 0.7005, 0.701, 0.7015) > height(0.2, 0.4) + 4 * 8  # a line of the legend a curve


def test_the_means_of_different_colours_bear_different_marks():
    lines = [line(f"curve {number}", level=0.1 * number) for number in range(1, 7)]
    svg = draw(*lines)
    marks = {role: set(re.findall(rf'<use href="#([^"]+)"[^>]*var\({role}\)', svg)) for role in ROLES}
    assert [len(of_role) for of_role in marks.values()] == [0, 1, 1, 1, 1, 1]
    assert len(set.union(*marks.values())) == 5


@pytest.mark.parametrize("levels", [1, 2])
def test_the_short_curves_of_a_smoke_run_are_drawn(levels):
    values = np.full((2, levels), 0.1)
    short = Line("noisy", "noisy", "test_accuracy", SparsityCurve((0, 1), DENSITY[:levels], values))
    assert paths(draw(short), "--series-1") == 3
    assert "critical" not in texts(draw(short))


def test_a_label_that_matplotlibs_font_cannot_draw_is_left_to_the_browser():
    assert "標籤" in draw(line("noisy", label="標籤"))


STRENGTHS = np.array([0, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1])


def path_line(position: np.ndarray = STRENGTHS, axis: str = "penalty strength") -> Line:
    values = 0.7 + 0.01 * np.random.default_rng(1).normal(size=(12, len(position)))
    return Line("path", "path", "test_accuracy", SparsityCurve(SEEDS, position, values, axis))


def x_of(svg: str, label: str) -> float:
    found = re.search(rf'<text [^>]*x="([\d.]+)"[^>]*>{label}</text>', svg)
    assert found is not None, label
    return float(found[1])


def y_of(svg: str, pattern: str) -> float:
    found = re.search(rf'y="([\d.]+)"[^>]*>{pattern}</text>', svg)
    assert found is not None, pattern
    return float(found[1])


def shaded(svg: str) -> list[tuple[float, float]]:
    """Left and right edge of every window."""
    bands = re.findall(r'<path d="([^"]*)"[^>]*style="fill: var\(--ink\); opacity: 0.075', svg)
    steps = [[float(x) for x in re.findall(r"-?[\d.]+", band)[::2]] for band in bands]
    edges = [[*accumulate(each)] for each in steps]
    return [(min(x), max(x)) for x in edges]


def test_strengths_rise_to_the_right_with_zero_set_apart_and_no_sparsity():
    line = path_line()
    svg = panel([line], {}, Axes.around([line]), salt="a")
    assert x_of(svg, "0") < x_of(svg, "10⁻⁵") < x_of(svg, "0.01") < x_of(svg, "1")
    assert "penalty strength, 0 set apart" in texts(svg)
    assert "sparsity" not in texts(svg)
    assert "Curves against penalty strength. " in svg
    assert "at penalty strength 0, " in svg


def test_epochs_are_drawn_on_a_log_axis():
    line = path_line(np.array([10, 100, 1000, 10_000, 50_000.0]), "epoch")
    svg = panel([line], {}, Axes.around([line]), salt="a")
    assert "epochs trained" in texts(svg)
    steps = np.diff([x_of(svg, label) for label in ("10", "100", "1,000", "10,000")])
    assert np.ptp(steps) < 0.1


@pytest.mark.parametrize("point", STRENGTHS.tolist())
def test_a_window_of_a_single_point_can_be_seen_around_it(point):
    line = path_line()
    svg = panel([line], {"here": (point, point)}, Axes.around([line]), salt="a")
    ((left, right),) = shaded(svg)
    assert 2 < right - left < 8
    assert "in the here window" in svg
    assert "here" in texts(svg)


def test_a_window_from_zero_reaches_from_the_place_of_zero():
    line = path_line()
    axes = Axes.around([line])
    low, high = axes.band(0, 1e-4) or (0, 0)
    assert (low, high) == (axes.zero, 1e-4)


@pytest.mark.parametrize("levels", [1, 2, 7])
def test_short_paths_are_drawn(levels):
    short = path_line(STRENGTHS[:levels])
    assert paths(panel([short], {}, Axes.around([short]), salt="a"), "--series-1") == len(SEEDS) + 1


def losses(lowest: float) -> Line:
    falling = np.geomspace(20, lowest, 16) * np.ones((12, 1))
    return Line("loss", "loss", "train_loss", SparsityCurve(SEEDS, DENSITY, falling))


@pytest.mark.parametrize(("lowest", "log"), [(1.0, False), (1e-5, True), (0.0, False)])
def test_positive_values_that_span_decades_are_drawn_on_a_log_axis(lowest, log):
    line = losses(max(lowest, 1e-3))
    if lowest == 0:
        line.curve.values[:, -1] = 0
    elif log:
        line = losses(lowest)
    axes = Axes.around([line])
    assert axes.logs == ({"train_loss"} if log else set())
    assert ("10⁻⁵" in texts(panel([line], {}, axes, salt="a"))) == log
    low, high = axes.rows["train_loss"]
    assert axes.up("train_loss", np.array([low, high])).tolist() == pytest.approx([0, 1])


def test_accuracies_are_never_drawn_in_logs():
    values = np.geomspace(1e-3, 1, 16) * np.ones((12, 1))
    assert not Axes.around([Line("a", "a", "test_accuracy", SparsityCurve(SEEDS, DENSITY, values))]).logs


def test_what_is_measured_of_one_run_shares_its_colour():
    curves = [("test", "test_accuracy", "x"), ("train", "train_accuracy", "x"), ("other", "test_accuracy", "y")]
    lines = [Line(name, name, measure, line(name, measure).curve, run) for name, measure, run in curves]
    assert Axes.around(lines).styles == {"test": (1, 0), "train": (1, 1), "other": (2, 0)}


def test_a_curve_that_repeats_another_is_drawn_once():
    first = line("first")
    again = Line("again", "again", first.measure, first.curve, "digest")
    svg = draw(Line("first", "first", first.measure, first.curve, "digest"), again)
    assert "first" in texts(svg)
    assert "again" not in texts(svg)


def test_many_curves_are_named_in_a_legend_below_the_axis():
    lines = [line(f"costs $1 of curve {number}", level=0.1 * number) for number in range(1, 7)]
    svg = draw(*lines)
    y = [y_of(svg, re.escape(each.label)) for each in lines]
    assert min(y) > y_of(svg, r"density \(fraction of weights left\)")
    assert len(set(y)) == 3  # in two columns


def test_a_window_of_one_curve_is_a_bar_in_its_colour_above_the_panel():
    lines = (line("mild"), line("strong", level=0.5))
    windows = {"light": [0.3, 1.0], "mild: critical": [0.02, 0.1], "strong: critical": [0.03, 0.2]}
    svg = panel(lines, windows, Axes.around(lines), salt="a")
    assert len(shaded(svg)) == 1
    assert re.findall(r"fill: var\((--series-\d)\); opacity: 0.28", svg) == ["--series-1", "--series-2"]
    heights = [float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>critical</text>', svg)]
    assert len(set(heights)) == 2


def test_names_of_windows_that_would_cover_the_curves_stand_above_them():
    windows = {f"window number {number}": [0.01, 0.02] for number in range(5)}
    drawn = line("noisy")
    svg = panel([drawn], windows, Axes.around([drawn]), salt="a")
    highest_tick = min(float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>[\d.]+</text>', svg))
    assert y_of(svg, "sparsity") < max(y_of(svg, name) for name in windows) < highest_tick


def test_a_file_is_drawn_in_the_colours_of_the_roles_and_in_no_stand_in():
    lines = [line("noisy"), line("train", "train_accuracy"), line("distance", "learning_distance")]
    axes = Axes.around(lines)
    roles = dict(inline_svg._ROLES.items())
    colours = {role: f"#{128 + number:02x}40ff" for number, role in enumerate(roles.values())}
    figure = figures._drawn(lines, WINDOWS, axes)
    inline_svg.in_colours(figure, "pdf", colours)
    drawn = {to_hex(colour) for artist in figure.findobj() for colour in drawn_colours(artist)}
    assert not drawn & roles.keys()
    assert {colours["--ink"], colours["--muted"], colours["--series-1"]} <= drawn


def drawn_colours(artist):
    for name in ("color", "facecolor", "edgecolor"):
        if (get := getattr(artist, f"get_{name}", None)) is not None:
            found = get()
            yield from found if np.ndim(found) == 2 else [found]
