"""The names of curves and windows in a figure: as short as distinguishes them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sdd_claims.curves import DENSITY
from sdd_claims.report import numbers
from sdd_claims.report.axes import row_of
from sdd_claims.report.lines import Line

_SHORT = 26  # characters that a curve's setting may take beside it
_EXPONENT = re.compile(r"\b\d(\.\d+)?e-\d+\b")
_RANGE = re.compile(r"[\d.,e+-]+( to [\d.,e+-]+)?")


def curve_names(judged: Sequence[Line], control: Sequence[Line]) -> tuple[list[Line], list[Line], str]:
    """Shorten the labels of a claim's curves and of its control's (together at least one) until they just differ.

    Labels are phrases between commas; those that all curves share are left out, and returned beside the curves. Where
    what is left is long, or leaves two judged curves alike, the judged curves go by their names in the trial. A
    control's curve then goes by the name of the judged curve that it equals, or by the phrases that are its own.
    """
    phrases = {id(line): line.label.split(", ") for line in (*judged, *control)}
    first = next(iter(phrases.values()))
    shared = [phrase for phrase in first if all(phrase in others for others in phrases.values())]

    def setting(line: Line) -> str:
        return ", ".join(phrase for phrase in phrases[id(line)] if phrase not in shared)

    drawn = distinct([*judged])
    alike = Counter((line.measure, setting(line)) for line in drawn if setting(line))
    if all(len(setting(line)) <= _SHORT for line in (*judged, *control)) and max(alike.values(), default=1) == 1:
        ours = [_labelled(line, setting(line), judged) for line in judged]
        theirs = [
            _labelled(line, setting(line), control) if setting(line) else _in_its_own_words(line, judged, control)
            for line in control
        ]
    else:
        ours = [replace(line, label=_of_all_its_names(line, judged)) for line in judged]
        theirs = [_in_its_own_words(line, judged, control) for line in control]
    return _written(ours), _written(_with_seeds(theirs)), ", ".join(shared)


def distinct(lines: Sequence[Line]) -> list[Line]:
    """Leave out every curve that repeats another: the same measure of the same run on the same seeds."""
    return list({(line.run, line.measure): line for line in reversed(lines)}.values())[::-1]


def window_name(name: str, low: float, high: float, axis: str, registered: str = "") -> str:
    """A window's name; one that is named by its edges alone is called by its phase, or gets their unit: "epoch 50,000".

    Args:
        name: its name in the claim.
        low: its lower edge.
        high: its higher edge.
        axis: along which it lies.
        registered: the phase that another claim registers with these edges on the same run; empty for none.
    """
    part, colon, phase = name.rpartition(": ")
    if not _RANGE.fullmatch(phase):
        return name
    if registered:
        return f"{part}{colon}{registered}"
    ends = dict.fromkeys((numbers.position(low), numbers.position(high)))
    where = "dense" if axis == DENSITY and low == high == 1 else f"{axis.split()[-1]} {' to '.join(ends)}"
    return f"{part}{colon}{where}"


def owner(name: str, curves: Sequence[str]) -> tuple[str | None, str]:
    """The curve that a window belongs to, if any, and the window's own name.

    For "pairflip: critical" they are the curve "pairflip" and its window "critical".
    """
    for curve in curves:
        if name.startswith(f"{curve}: "):
            return curve, name.removeprefix(f"{curve}: ")
        if name.endswith(f" of {curve}"):
            return curve, name.removesuffix(f" of {curve}")
    return None, name


def _labelled(line: Line, setting: str, panel: Sequence[Line]) -> Line:
    """Label a curve by its setting, with its measure where the row holds several; by either, or its name, otherwise."""
    measures = {other.measure for other in panel if row_of(other.measure) == row_of(line.measure)}
    if not setting:
        return replace(line, label=line.measure.replace("_", " ") if len(measures) > 1 else line.name)
    short = line.measure.removesuffix("_accuracy").replace("_", " ")
    return replace(line, label=f"{setting}, {short}" if len(measures) > 1 else setting)


def _in_its_own_words(line: Line, judged: Sequence[Line], control: Sequence[Line]) -> Line:
    counterpart = next((other for other in judged if other.name == line.name), None)
    equals = [other for other in judged if (other.label, other.measure) == (line.label, line.measure)]
    if equals:
        same = next((other for other in equals if other.run == line.run), line)  # drawn in its colour, then
        return replace(line, name=same.name, label=(counterpart if counterpart in equals else equals[0]).name)
    known = counterpart.label.split(", ") if counterpart else []
    own = ", ".join(phrase for phrase in line.label.split(", ") if phrase not in known)
    if own and len(own) <= _SHORT:
        return _labelled(line, own, control)
    if counterpart and counterpart.measure != line.measure:
        return replace(line, label=line.measure.replace("_", " "))
    return replace(line, label=f"in place of {line.name}")


def _of_all_its_names(line: Line, judged: Sequence[Line]) -> str:
    """The phrases that all names of a curve share, or its own name."""
    names = [other.name.split(", ") for other in judged if (other.run, other.measure) == (line.run, line.measure)]
    return ", ".join(phrase for phrase in names[0] if all(phrase in name for name in names)) or line.name


def _with_seeds(lines: Sequence[Line]) -> list[Line]:
    """Distinguish curves with one label by their seeds, or else by the names of the curves that they replace."""
    seeds: dict[tuple[str, str], list[tuple[int, ...]]] = {}
    for line in distinct(lines):
        seeds.setdefault((line.measure, line.label), []).append(line.curve.seeds)

    def label(line: Line) -> str:
        alike = seeds.get((line.measure, line.label), [])  # none where it repeats a curve of another label
        if len(alike) <= 1:
            return line.label
        if len(set(alike)) == len(alike):
            return f"{line.label}, seeds {numbers.seed_list(line.curve.seeds)}"
        return f"in place of {line.name}"

    return [replace(line, label=label(line)) for line in lines]


def _written(lines: Sequence[Line]) -> list[Line]:
    """Write small numbers as a person does: 1e-05 is 10⁻⁵."""
    return [
        replace(line, label=_EXPONENT.sub(lambda found: numbers.position(float(found[0])), line.label))
        for line in lines
    ]
