"""The power of one mean against its effect, as a figure."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from matplotlib.figure import Figure

from sdd_claims.report import numbers
from sdd_claims.report.inline_svg import INK, MUTED, inline_svg, own_style, series

_WIDTH, _HEIGHT = 5.4, 3.1  # inches
_DASHES = ("solid", (0, (4, 1.6)), (0, (1, 1.3)), (0, (6, 1.5, 1, 1.5)), (0, (6, 1.5, 1, 1.5, 1, 1.5)))


def power_curve(
    effects: Sequence[float],
    power: Mapping[tuple[int, ...], Sequence[float]],
    measured: Sequence[float],
    salt: str = "mean-power",
) -> Markup:
    """Draw the chance that a mean is established, by its distance from the margin; the same bytes for the same input.

    Args:
        effects: distances from the margin, in standard deviations over seeds.
        power: for each scheme of looks the chance at every effect.
        measured: the distances of claims, for ticks along the axis; those beyond the last effect are left out.
        salt: what its ids begin with: another for each drawing of a page.
    """
    with own_style(**{"svg.hashsalt": "power", "font.size": 8.0}):
        figure = Figure(figsize=(_WIDTH, _HEIGHT))
        plot = figure.add_axes((0.1, 0.15, 0.87, 0.8))
        for number, (looks, chances) in enumerate(power.items(), 1):
            label = f"looks at {', '.join(map(str, looks))} seeds" if len(looks) > 1 else f"{looks[0]} seeds"
            plot.plot(
                effects, chances, color=series(number), linestyle=_DASHES[(number - 1) % len(_DASHES)], label=label
            )
        shown = [distance for distance in measured if effects[0] <= distance <= effects[-1]]
        plot.plot(shown, [0.0] * len(shown), "|", color=INK, markersize=7, clip_on=False)
        plot.set_xlim(effects[0], effects[-1])
        plot.set_ylim(0, 1)
        plot.set_xlabel("distance of the mean from its margin, in standard deviations over seeds", color=INK)
        plot.set_ylabel("chance to be established", color=INK)
        plot.grid(color=MUTED, linewidth=0.3)
        plot.tick_params(colors=INK)
        for spine in plot.spines.values():
            spine.set_color(MUTED)
        plot.legend(loc="lower right", frameon=False, labelcolor=INK)
        return inline_svg(figure, salt, _description(effects, power))


def _description(effects: Sequence[float], power: Mapping[tuple[int, ...], Sequence[float]]) -> str:
    """The text for screen readers: from which distance on each scheme of looks has a power of .8."""
    said = []
    for looks, chances in power.items():
        enough = next((effect for effect, chance in zip(effects, chances, strict=True) if chance >= 0.8), None)
        reached = "never" if enough is None else f"from {numbers.plain(enough, 3)} on"
        said.append(f"at {', '.join(map(str, looks))} seeds {reached}")
    return f"Power against effect in standard deviations over seeds. It is 0.8 or more: {'; '.join(said)}."
