"""The curves behind a claim, as the report gets them from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import StoreError
from sdd_claims.report.claims_json import RunEntry


class CurveSource(Protocol):
    """Where curves come from: the store, or anything that answers like it."""

    def curve(self, digest: str, measure: str, seeds: tuple[int, ...], levels: int, /) -> SparsityCurve:
        """Return the curve of `measure` over the first `levels` levels of the run `digest`, one row a seed.

        Raises:
            StoreError, InputError, LookupError, OSError: the curve is not there or cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Line:
    """One curve to draw: its name in the claim, the words that label it, its measure."""

    name: str
    label: str
    measure: str
    curve: SparsityCurve


@dataclass(frozen=True, slots=True)
class Evidence:
    """The curves that could be read, and a sentence for each that could not."""

    lines: tuple[Line, ...]
    missing: tuple[str, ...]


def gather(runs: Mapping[str, RunEntry], source: CurveSource) -> Evidence:
    """Read the curves of `runs`; one that cannot be read becomes a sentence, since the verdict stands without it."""
    lines: list[Line] = []
    missing: list[str] = []
    for name, run in runs.items():
        try:
            curve = source.curve(run["digest"], run["measure"], tuple(run["seeds"]), run["levels"])
        except (StoreError, ValueError, LookupError, OSError) as error:
            missing.append(f"The curves of {run['label']} ({run['measure']}) could not be read from the store: {error}")
        else:
            lines.append(Line(name, run["label"], run["measure"], curve))
    return Evidence(tuple(lines), tuple(missing))


def told_apart(lines: Sequence[Line]) -> tuple[tuple[Line, ...], str]:
    """Shorten the labels of `lines` (at least one) to what tells the curves apart.

    Labels are phrases between commas. Those that all curves share are left out, and returned beside the curves; where
    nothing remains, the curve goes by its name.
    """
    phrases = [line.label.split(", ") for line in lines]
    shared = [phrase for phrase in phrases[0] if all(phrase in others for others in phrases)]
    labels = [", ".join(phrase for phrase in own if phrase not in shared) for own in phrases]
    short = (replace(line, label=label or line.name) for line, label in zip(lines, labels, strict=True))
    return tuple(short), ", ".join(shared)
