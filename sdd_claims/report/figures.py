"""One panel of curves as SVG: every seed thin, the mean thick, the registered windows shaded and named.

Dense is on the left, sparse on the right, density on a log axis; other axes rise to the right, in logs too. A few
curves are named beside themselves, many in a legend below; a window that is of one curve is a bar in its colour. The
drawing names its colours by role (`var(--series-1)`, `var(--ink)`); the page says what they are in light and in dark.
Text stays text.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import permutations
from typing import Any, Literal, TypeAlias

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Transform, offset_copy

from sdd_claims.curves import DENSITY
from sdd_claims.report import numbers
from sdd_claims.report.axes import ACCURACY, Axes, drawn_values, is_accuracy, row_of, whole_rows
from sdd_claims.report.inline_svg import INK, MUTED, PAPER, in_colours, inline_svg, own_style, series
from sdd_claims.report.labels import Box, Bundle, place
from sdd_claims.report.lines import Line
from sdd_claims.report.names import distinct, owner
from sdd_claims.report.strip import Mark, mark, pack

_WIDTH, _ROW_HEIGHT, _SECOND_ROW_HEIGHT, _EDGES = 4.7, 2.15, 1.45, 0.85  # inches
_LEFT, _RIGHT = 0.68, 0.08  # inches: room for numbers such as -0.015 and the measure's name
_SMALL, _TEXT = 7.5, 8.0  # points
_LABELS = {DENSITY: "density (fraction of weights left)", "epoch": "epochs trained"}
_EDGE = 1e-9  # as of a window: a level on its edge may miss it by rounding
_CHARACTER = 0.56  # mean width of a character, in units of the font size
_BESIDE_CURVES = 4  # more curves than that in one row are named in a legend
_TOUCH = 0.1  # of a name's area
_LEGEND_LINE, _STRIP_ROW = 0.15, 0.15  # inches
_LARGE = 1e6  # from here on numbers are divided by a power of 1000, named beside the axis
_NAME_LINES = 2  # of names of windows over the curves
_MARKS = 4  # about that many on a mean
_SHAPES = ("", "o", "s", "^", "D", "X")  # of the means in the colours of the palette: who sees no colours sees these
_DASHES = ("solid", (0, (4, 1.6)), (0, (1, 1.3)), (0, (6, 1.5, 1, 1.5)))


Label: TypeAlias = tuple[Box, str, str]
"""The name of a curve: where it goes, its text and its colour."""


def panel(lines: Sequence[Line], windows: Mapping[str, Sequence[float]], axes: Axes, *, salt: str) -> Markup:
    """Draw `lines` (at least one) as an inline `<svg>`, the same bytes for the same input.

    Args:
        lines: the curves; accuracies share the first row, every other measure gets a row of its own below.
        windows: for each window's name its range along the axis; one that the curves do not reach is left out.
        axes: shared by the panels that are to be compared.
        salt: makes ids unique within a page.
    """
    with _style(salt):
        figure = _drawn(distinct(lines), windows, axes)
        return inline_svg(figure, salt, describe(distinct(lines), windows, axes))


def image(
    lines: Sequence[Line],
    windows: Mapping[str, Sequence[float]],
    axes: Axes,
    *,
    kind: Literal["pdf", "png"],
    colours: Mapping[str, str],
) -> bytes:
    """Draw the same as a file of its own, in the colours of the page's roles, the same bytes for the same input."""
    with _style(""):
        return in_colours(_drawn(distinct(lines), windows, axes), kind, colours)


@contextmanager
def _style(salt: str) -> Iterator[None]:
    style = {"svg.hashsalt": salt, "font.size": _TEXT, "path.simplify": False}
    with own_style(**style), warnings.catch_warnings():
        # The reader's browser has the glyphs that matplotlib's own font may lack.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def _drawn(lines: Sequence[Line], windows: Mapping[str, Sequence[float]], axes: Axes) -> Figure:
    rows = [row for row in axes.rows if any(row_of(line.measure) == row for line in lines)]
    heights = [_ROW_HEIGHT, *[_SECOND_ROW_HEIGHT] * (len(rows) - 1)]
    bands = {name: axes.band(low, high) for name, (low, high) in windows.items()}
    visible = {name: band for name, band in bands.items() if band is not None}
    shaded, named, strip = _share_out(visible, axes)
    in_rows = [[line for line in lines if row_of(line.measure) == row] for row in rows]
    names = [_window_names(named, axes, heights[0]), *({} for _ in rows[1:])]
    beside = _beside(rows, in_rows, heights, names, axes) if _fit_beside(in_rows) else []
    columns = 2 if all(_size(line.label, _SMALL, 1)[0] < 0.42 for line in lines) else 1
    below = 0.0 if beside else _LEGEND_LINE * -(-len(lines) // columns) + 0.1
    above = _STRIP_ROW * len(strip)
    total = sum(heights) + _EDGES + above + below
    figure = Figure(figsize=(_WIDTH, total))
    grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for plot, row, of_row, taken in zip(grid, rows, in_rows, names, strict=True):
        _draw_row(plot, row, of_row, shaded, taken, axes)
    for plot, labels in zip(grid, beside, strict=False):  # none, where there is a legend
        for box, text, colour in labels:
            middle = (box.bottom + box.top) / 2
            _write(plot, box.left, middle, text, colour, ha="left", weight="bold", fontsize=_TEXT)
    figure.subplots_adjust(
        left=_LEFT / _WIDTH,
        right=1 - _RIGHT / _WIDTH,
        top=1 - (0.42 + above) / total,
        bottom=(0.43 + below) / total,
    )
    figure.align_ylabels(list(grid))
    frame = grid[0].get_position()
    _label_positions(grid[0], grid[-1], axes, 1 + above / total / frame.height)
    if strip:
        _draw_strip(figure.add_axes((frame.x0, frame.y1, frame.width, above / total)), strip, axes)
    if not beside:
        _draw_legend(figure, lines, axes, columns)
    return figure


def describe(lines: Sequence[Line], windows: Mapping[str, Sequence[float]], axes: Axes) -> str:
    """The text of a panel for screen readers: each mean at the first level, in each window, at the last."""
    sentences = []
    dense_left = axes.axis == DENSITY
    for line in lines:
        measure = _measure(line.measure)
        name = measure if line.label == measure else f"{line.label} ({measure})"
        name = f"{name}, {numbers.count(len(line.curve.seeds), 'seed')}"
        rows = whole_rows(drawn_values(line))
        if not len(rows):
            sentences.append(f"{name}: every replica diverged.")
            continue
        mean, position = rows.mean(axis=0), line.curve.position
        first, last = (f"at {axes.axis} {numbers.position(float(end))}" for end in (position[0], position[-1]))
        stops = [f"{_value(line, mean[0])} {'dense' if dense_left else first}"]
        for window, (low, high) in windows.items():
            curve, window = owner(window, tuple(axes.styles))
            if curve not in (None, line.name):
                continue
            within = mean[(position >= low * (1 - _EDGE)) & (position <= high * (1 + _EDGE))]
            if len(within):
                ends = dict.fromkeys((_value(line, within.min()), _value(line, within.max())))
                stops.append(f"{' to '.join(ends)} in the {window} window")
        stops.append(f"{_value(line, mean[-1])} {last}")
        sentences.append(f"{name}: mean {', '.join(stops)}.")
    side = ", dense on the left" if dense_left else ""
    return f"Curves against {axes.axis}{side}. " + " ".join(sentences)


def _share_out(
    bands: Mapping[str, tuple[float, float]], axes: Axes
) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float]], list[list[Mark]]]:
    """Return the windows that are shaded over the panel, those named there, and the rows of marks above it.

    Above are the windows of single curves, and the names of the others where they would need many lines.
    """
    widths = {name: _size(owner(name, tuple(axes.styles))[1], _SMALL, 1)[0] for name in bands}
    marks = {name: mark(name, band, axes, widths[name]) for name, band in bands.items()}
    shaded = {name: bands[name] for name, each in marks.items() if each.curve is None}
    names = _window_names(shaded, axes, _ROW_HEIGHT).values()
    crowded = any(box.bottom < 1 - (_NAME_LINES + 0.5) * (box.top - box.bottom) for box in names)
    of_strip = [each for each in marks.values() if each.curve is not None or crowded]
    return (
        shaded,
        {} if crowded else shaded,
        pack(of_strip, {marks[name].text: width for name, width in widths.items()}),
    )


def _fit_beside(rows: Sequence[Sequence[Line]]) -> bool:
    """Whether every row has so few curves, with names so short, that each name may fit beside its curve."""
    widths = [[_size(line.label, _TEXT, 1)[0] for line in of_row] for of_row in rows]
    return all(len(of_row) <= _BESIDE_CURVES and max(of_row) < 0.6 for of_row in widths)


def _beside(
    rows: Sequence[str],
    lines: Sequence[Sequence[Line]],
    heights: Sequence[float],
    taken: Sequence[Mapping[str, Box]],
    axes: Axes,
) -> list[Sequence[Label]]:
    """The names of the curves of each row beside them; nothing where two would lie on each other."""
    found = [
        _labels(row, of_row, axes, height, list(names.values()))
        for row, of_row, height, names in zip(rows, lines, heights, taken, strict=True)
    ]
    return [] if any(_touch([box for box, *_ in labels]) for labels in found) else found


def _touch(boxes: Sequence[Box]) -> bool:
    """Whether two names lie on each other, by more than their widths may be estimated wrong."""
    return any(
        one.overlap(other) > _TOUCH * (one.right - one.left) * (one.top - one.bottom)
        for one, other in permutations(boxes, 2)
    )


def _draw_row(
    plot: Any,
    row: str,
    lines: Sequence[Line],
    shaded: Mapping[str, tuple[float, float]],
    names: Mapping[str, Box],
    axes: Axes,
) -> None:
    low, high = axes.rows[row]
    plot.set_xscale("log")
    plot.set_xlim(*axes.left_to_right)
    if row in axes.logs:
        plot.set_yscale("log")
    plot.set_ylim(low, high)
    plot.set_ylabel(f"{_row_name(row, lines)} (%)" if row == ACCURACY else _measure(row), color=INK)
    if row in axes.logs:
        plot.yaxis.set_major_locator(FixedLocator(_rounded(low, high)))
        plot.yaxis.set_minor_locator(NullLocator())
        plot.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.position(value)))
    else:
        ticks = MaxNLocator(5).tick_values(low, high)
        most = 100 if row == ACCURACY else high  # above 100 % there is room for the names of windows, and no accuracy
        plot.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= most]))
        if high >= _LARGE:
            unit = 10.0 ** (3 * int(np.log10(high) // 3))
            plot.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.plain(value / unit)))
            plot.set_ylabel(f"{_measure(row)} ({numbers.position(unit)})", color=INK)
    plot.tick_params(colors=MUTED, labelcolor=MUTED, length=2.5, width=0.6, labelsize=_SMALL)
    plot.grid(axis="y", color=MUTED, alpha=0.18, linewidth=0.5)
    for side in ("top", "right"):
        plot.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        plot.spines[side].set(color=MUTED, linewidth=0.6)

    for window_low, window_high in shaded.values():
        plot.axvspan(window_low, window_high, color=INK, alpha=0.075, linewidth=0)
    for name, box in names.items():
        middle = (box.left + box.right) / 2
        _write(plot, middle, (box.bottom + box.top) / 2, name, MUTED, ha="center", style="italic", fontsize=_SMALL)

    many = len(lines) > _BESIDE_CURVES
    for line in lines:
        colour, dashes = _stroke(line.name, axes)
        plot.plot(
            *_one_after_another(axes.drawn(line.curve.position), drawn_values(line)),
            color=colour,
            linewidth=0.35 if many else 0.55,
            alpha=0.25 if many else 0.4,
            linestyle=dashes,
        )
    # Solid means last: dashed ones, such as train accuracies, would hide those on which they lie.
    for line in sorted(lines, key=lambda line: -axes.styles[line.name][1]):
        colour, dashes = _stroke(line.name, axes)
        complete = whole_rows(drawn_values(line))
        if len(complete):
            x, mean = axes.drawn(line.curve.position), complete.mean(axis=0)
            # A thin edge in the paper's colour keeps the means apart from the seeds; all edges lie below all means.
            plot.plot(x, mean, color=PAPER, linewidth=3.0, zorder=2.1)
            marks = _marks(line.name, axes, len(x))
            plot.plot(x, mean, color=colour, linewidth=1.9, linestyle=dashes, zorder=2.2, **marks)


def _one_after_another(x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The curves of all seeds as one line with gaps between them, which matplotlib draws much faster than many."""
    gap = np.full((len(rows), 1), np.nan)
    return np.tile(np.append(x, np.nan), len(rows)), np.hstack([rows, gap]).ravel()


def _draw_strip(strip: Any, rows: Sequence[Sequence[Mark]], axes: Axes) -> None:
    """Draw rows of bars and names between the topmost panel and its labels of sparsity."""
    strip.set_axis_off()
    strip.set(xlim=(0, 1), ylim=(len(rows), 0))
    for number, row in enumerate(rows):
        for each in row:
            if each.bar is not None and each.curve is not None:
                left, right = max(each.bar[0], 0.0), min(each.bar[1], 1.0)
                colour = series(axes.styles[each.curve][0])
                strip.barh(number + 0.5, right - left, height=0.8, left=left, color=colour, alpha=0.28, linewidth=0)
            y = 1 - (number + 0.5) / len(rows)
            _write(strip, each.centre, y, each.text, INK if each.bar else MUTED, ha="center", fontsize=_SMALL - 0.5)


def _draw_legend(figure: Any, lines: Sequence[Line], axes: Axes, columns: int) -> None:
    strokes = [_stroke(line.name, axes) for line in lines]
    figure.legend(
        [
            Line2D([], [], color=colour, linestyle=dashes, linewidth=1.9, **_marks(line.name, axes))
            for line, (colour, dashes) in zip(lines, strokes, strict=True)
        ],
        [line.label.replace("$", r"\$") for line in lines],
        loc="lower left",
        bbox_to_anchor=(_LEFT / _WIDTH - 0.02, 0),
        ncols=columns,
        frameon=False,
        fontsize=_SMALL,
        labelcolor=INK,
        handlelength=4.0,
        labelspacing=0.3,
        borderpad=0,
    )


def _labels(row: str, lines: Sequence[Line], axes: Axes, height: float, taken: Sequence[Box]) -> Sequence[Label]:
    """The names of the curves of a row, and where they go."""
    bundles, sizes, texts = [], [], []
    for line in lines:
        rows = axes.up(row, whole_rows(drawn_values(line)))
        if len(rows):
            x = axes.across(line.curve.position)
            bundles.append(Bundle(x, rows.mean(axis=0), rows.min(axis=0), rows.max(axis=0)))
            sizes.append(_size(line.label, _TEXT, height))
            texts.append((line.label, _stroke(line.name, axes)[0]))
    return [(box, *text) for box, text in zip(place(bundles, sizes, taken), texts, strict=True)]


def _window_names(windows: Mapping[str, Sequence[float]], axes: Axes, height: float) -> dict[str, Box]:
    """Return where the windows' names go: centred over each window, one line lower where two would touch."""
    boxes: dict[str, Box] = {}
    for name, (low, high) in windows.items():
        width, tall = _size(name, _SMALL, height)
        centre = float(axes.across(np.sqrt(np.array(low) * high)))
        left = min(max(centre - width / 2, 0.0), 1.0 - width)
        box = Box(left, 1.0 - tall, left + width, 1.0)
        while any(box.overlap(other) > 0 for other in boxes.values()):
            box = Box(box.left, box.bottom - tall, box.right, box.top - tall)
        boxes[name] = box
    return boxes


def _label_positions(top: Any, bottom: Any, axes: Axes, height: float) -> None:
    """Label the levels below, and sparsities above, at a height in units of the topmost panel's."""
    ticks = _ticks(axes)
    names = [numbers.position(tick) for tick in ticks]
    zero = [] if axes.zero is None else [axes.zero]
    bottom.xaxis.set_major_locator(FixedLocator([*zero, *ticks]))
    bottom.xaxis.set_major_formatter(FixedFormatter([*("0" for _ in zero), *names]))
    bottom.xaxis.set_minor_locator(NullLocator())
    bottom.set_xlabel(_LABELS.get(axes.axis, axes.axis) + (", 0 set apart" if zero else ""), color=INK)
    if axes.axis != DENSITY:
        return
    # Texts, not a second axis, which would take a sixth of the time of the whole page.
    labels = [(tick, f"{100 * (1 - tick):.6g}\N{NO-BREAK SPACE}%") for tick in ticks]
    for x, text in labels:
        _write_above(top, x, height, text, top.get_xaxis_transform(), points=2.0)
    _write_above(top, 0.5, height, "sparsity", top.transAxes, points=2.0 + 1.35 * _SMALL)


def _write_above(plot: Any, x: float, height: float, text: str, place: Transform, points: float) -> None:
    place = offset_copy(place, plot.figure, y=points, units="points")
    plot.text(x, height, text, transform=place, color=MUTED, ha="center", va="bottom", fontsize=_SMALL)


def _ticks(axes: Axes) -> list[float]:
    """Return round numbers for the x axis."""
    low, high = axes.ends
    if axes.zero is not None:
        low = float(np.sqrt(axes.zero * axes.lowest))
    return _rounded(low, min(high, 1.0) if axes.axis == DENSITY else high)


def _rounded(low: float, high: float) -> list[float]:
    """Return decades, every other one where they are many, or finer round numbers where they are fewer than three."""
    inside: list[float] = []
    for steps in ((1,), (1, 2, 5), (1, 2, 3, 4, 5, 6, 7, 8, 9)):
        rounded = [float(f"{step}e{power}") for power in range(-12, 13) for step in steps]
        inside = [number for number in rounded if low <= number <= high]
        if len(inside) >= 3:
            break
    return inside[:: 1 + len(inside) // 8]


def _write(plot: Any, x: float, y: float, text: str, colour: str, **how: Any) -> None:
    """Write text at a fraction of the panel, its dollar signs left alone."""
    plot.text(x, y, text, transform=plot.transAxes, color=colour, va="center_baseline", parse_math=False, **how)


def _size(text: str, points: float, height: float) -> tuple[float, float]:
    """Return the estimated width and the height of a line of text, as fractions of a panel `height` inches tall."""
    width = len(text) * points * _CHARACTER / 72 / (_WIDTH - _LEFT - _RIGHT)
    return min(width, 1.0), 1.35 * points / 72 / height


def _stroke(name: str, axes: Axes) -> tuple[str, Any]:
    """Return a curve's colour and its dashes."""
    colour, dashes = axes.styles[name]
    return series(colour), _DASHES[dashes % len(_DASHES)]


def _marks(name: str, axes: Axes, levels: int = 1) -> dict[str, Any]:
    """Return how a mean is marked, a few times along it: with another shape for each colour, and none for the first."""
    number, _ = axes.styles[name]
    step = max(1, levels // _MARKS)
    return {"marker": _SHAPES[number - 1], "markersize": 3.6, "markevery": (number % step, step)}


def _measure(measure: str) -> str:
    return measure.replace("_", " ")


def _row_name(row: str, lines: Sequence[Line]) -> str:
    measures = {line.measure for line in lines}
    return _measure(measures.pop()) if len(measures) == 1 else row


def _value(line: Line, value: float) -> str:
    return f"{value:.1f} %" if is_accuracy(line.measure) else numbers.plain(value)
