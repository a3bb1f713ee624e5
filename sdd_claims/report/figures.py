"""One panel of curves as SVG: every seed thin, the mean thick, the registered windows shaded and named.

Dense is on the left, sparse on the right, density on a log axis; other axes rise to the right, in logs too. The
drawing names its colours by role (`var(--series-1)`, `var(--ink)`); the page says what they are in light and in dark.
Text stays text.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from sdd_claims.curves import DENSITY
from sdd_claims.report import numbers
from sdd_claims.report.axes import ACCURACY, Axes, drawn_values, is_accuracy, row_of, whole_rows
from sdd_claims.report.evidence import Line
from sdd_claims.report.inline_svg import INK, MUTED, PAPER, SERIES, inline_svg, series
from sdd_claims.report.labels import Box, Bundle, place

_WIDTH, _ROW_HEIGHT, _SECOND_ROW_HEIGHT, _EDGES = 4.7, 2.15, 1.45, 0.85  # inches
_LEFT, _RIGHT = 0.68, 0.08  # inches: room for numbers such as -0.015 and the measure's name
_SMALL, _TEXT = 7.5, 8.0  # points
_LABELS = {DENSITY: "density (fraction of weights left)", "epoch": "epochs trained"}
_EDGE = 1e-9  # as of a window: a level on its edge may miss it by rounding
_CHARACTER = 0.56  # mean width of a character, in units of the font size


def panel(lines: Sequence[Line], windows: Mapping[str, Sequence[float]], axes: Axes, *, salt: str) -> Markup:
    """Draw `lines` (at least one) as an inline `<svg>`, the same bytes for the same input.

    Args:
        lines: the curves; accuracies share the first row, every other measure gets a row of its own below.
        windows: for each window's name its range along the axis; one that the curves do not reach is left out.
        axes: shared by the panels that are to be compared.
        salt: makes ids unique within a page.
    """
    rows = [row for row in axes.rows if any(row_of(line.measure) == row for line in lines)]
    heights = [_ROW_HEIGHT, *[_SECOND_ROW_HEIGHT] * (len(rows) - 1)]
    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": _TEXT}
    bands = {name: axes.band(low, high) for name, (low, high) in windows.items()}
    visible = {name: band for name, band in bands.items() if band is not None}
    with mpl.rc_context(style), warnings.catch_warnings():
        # The reader's browser has the glyphs that matplotlib's own font may lack.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = Figure(figsize=(_WIDTH, sum(heights) + _EDGES))
        grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for position, (plot, row) in enumerate(zip(grid, rows, strict=True)):
            _draw_row(plot, row, [line for line in lines if row_of(line.measure) == row], visible, axes, position == 0)
        _label_positions(grid[0], grid[-1], axes)
        total = sum(heights) + _EDGES
        figure.subplots_adjust(
            left=_LEFT / _WIDTH, right=1 - _RIGHT / _WIDTH, top=1 - 0.42 / total, bottom=0.43 / total
        )
        figure.align_ylabels(list(grid))
        return inline_svg(figure, salt, describe(lines, windows, axes))


def describe(lines: Sequence[Line], windows: Mapping[str, Sequence[float]], axes: Axes) -> str:
    """Say what a panel shows, for those who hear it: each mean at the first level, in each window, at the last."""
    sentences = []
    dense_left = axes.axis == DENSITY
    for line in lines:
        name = f"{_measure(line.measure)} of {line.label}, {numbers.count(len(line.curve.seeds), 'seed')}"
        rows = whole_rows(drawn_values(line))
        if not len(rows):
            sentences.append(f"{name}: every replica diverged.")
            continue
        mean, position = rows.mean(axis=0), line.curve.position
        first, last = (f"at {axes.axis} {numbers.position(float(end))}" for end in (position[0], position[-1]))
        stops = [f"{_value(line, mean[0])} {'dense' if dense_left else first}"]
        for window, (low, high) in windows.items():
            within = mean[(position >= low * (1 - _EDGE)) & (position <= high * (1 + _EDGE))]
            if len(within):
                stops.append(f"{_value(line, within.min())} to {_value(line, within.max())} in the {window} window")
        stops.append(f"{_value(line, mean[-1])} {last}")
        sentences.append(f"{name}: mean {', '.join(stops)}.")
    side = ", dense on the left" if dense_left else ""
    return f"Curves against {axes.axis}{side}. " + " ".join(sentences)


def _draw_row(
    plot: Any, row: str, lines: Sequence[Line], windows: Mapping[str, Sequence[float]], axes: Axes, top: bool
) -> None:
    low, high = axes.rows[row]
    plot.set_xscale("log")
    plot.set_xlim(*axes.left_to_right)
    plot.set_ylim(low, high)
    plot.set_ylabel(f"{_row_name(row, lines)} (%)" if row == ACCURACY else _measure(row), color=INK)
    plot.yaxis.set_major_locator(MaxNLocator(5))
    plot.tick_params(colors=MUTED, labelcolor=MUTED, length=2.5, width=0.6, labelsize=_SMALL)
    plot.grid(axis="y", color=MUTED, alpha=0.18, linewidth=0.5)
    for side in ("top", "right"):
        plot.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        plot.spines[side].set(color=MUTED, linewidth=0.6)

    height = _ROW_HEIGHT if top else _SECOND_ROW_HEIGHT
    for window_low, window_high in windows.values():
        plot.axvspan(window_low, window_high, color=INK, alpha=0.075, linewidth=0)
    names = _window_names(windows, axes, height) if top else {}
    for (name, _), box in zip(windows.items(), names.values(), strict=False):
        middle = (box.left + box.right) / 2
        _write(plot, middle, (box.bottom + box.top) / 2, name, MUTED, ha="center", style="italic", fontsize=_SMALL)

    for line in lines:
        colour, dashes = _colour(axes.colours[line.name])
        plot.plot(
            axes.drawn(line.curve.position),
            drawn_values(line).T,
            color=colour,
            linewidth=0.55,
            alpha=0.4,
            linestyle=dashes,
        )
    for line in lines:
        colour, dashes = _colour(axes.colours[line.name])
        complete = whole_rows(drawn_values(line))
        if len(complete):
            x, mean = axes.drawn(line.curve.position), complete.mean(axis=0)
            # A thin edge in the paper's colour keeps the mean apart from the seeds.
            plot.plot(x, mean, color=PAPER, linewidth=3.0)
            plot.plot(x, mean, color=colour, linewidth=1.9, linestyle=dashes)
    _label_lines(plot, lines, axes, (low, high), height, list(names.values()))


def _label_lines(
    plot: Any, lines: Sequence[Line], axes: Axes, limits: tuple[float, float], height: float, taken: Sequence[Box]
) -> None:
    several = len({line.measure for line in lines}) > 1
    bundles, sizes, texts = [], [], []
    for line in lines:
        rows = (whole_rows(drawn_values(line)) - limits[0]) / (limits[1] - limits[0])
        if len(rows):
            named = several and line.label != line.name
            text = f"{line.label}, {_short(line.measure)}" if named else line.label
            x = axes.across(line.curve.position)
            bundles.append(Bundle(x, rows.mean(axis=0), rows.min(axis=0), rows.max(axis=0)))
            sizes.append(_size(text, _TEXT, height))
            texts.append((text, _colour(axes.colours[line.name])[0]))
    for box, (text, colour) in zip(place(bundles, sizes, taken), texts, strict=True):
        _write(plot, box.left, (box.bottom + box.top) / 2, text, colour, ha="left", weight="bold", fontsize=_TEXT)


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


def _label_positions(top: Any, bottom: Any, axes: Axes) -> None:
    ticks = _ticks(axes)
    names = [numbers.position(tick) for tick in ticks]
    zero = [] if axes.zero is None else [axes.zero]
    bottom.xaxis.set_major_locator(FixedLocator([*zero, *ticks]))
    bottom.xaxis.set_major_formatter(FixedFormatter([*("0" for _ in zero), *names]))
    bottom.xaxis.set_minor_locator(NullLocator())
    bottom.set_xlabel(_LABELS.get(axes.axis, axes.axis) + (", 0 set apart" if zero else ""), color=INK)
    if axes.axis != DENSITY:
        return
    above = top.secondary_xaxis("top")
    above.xaxis.set_major_locator(FixedLocator(ticks))
    above.xaxis.set_major_formatter(FixedFormatter([f"{100 * (1 - tick):.6g}\N{NO-BREAK SPACE}%" for tick in ticks]))
    above.xaxis.set_minor_locator(NullLocator())
    above.tick_params(colors=MUTED, labelcolor=MUTED, length=0, labelsize=_SMALL, pad=2)
    above.spines["top"].set_visible(False)
    above.set_xlabel("sparsity", color=MUTED, fontsize=_SMALL, labelpad=2)


def _ticks(axes: Axes) -> list[float]:
    """Return decades, every other one where they are many, or finer round numbers where they are fewer than three."""
    low, high = axes.ends
    if axes.zero is not None:
        low = float(np.sqrt(axes.zero * axes.lowest))
    if axes.axis == DENSITY:
        high = min(high, 1.0)
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


def _colour(number: int) -> tuple[str, str]:
    """Return a curve's colour and its dashes: where the palette is spent, the colours come again, dashed."""
    return series(number), "solid" if number <= SERIES else "dashed"


def _measure(measure: str) -> str:
    return measure.replace("_", " ")


def _short(measure: str) -> str:
    return _measure(measure.removesuffix("_accuracy"))


def _row_name(row: str, lines: Sequence[Line]) -> str:
    measures = {line.measure for line in lines}
    return _measure(measures.pop()) if len(measures) == 1 else row


def _value(line: Line, value: float) -> str:
    return f"{value:.1f} %" if is_accuracy(line.measure) else numbers.plain(value)
