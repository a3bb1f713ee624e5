"""The curves behind a claim, as the page draws them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import StoreError
from sdd_claims.report.claims_json import RunEntry


class CurveSource(Protocol):
    """Where curves come from: the store, the evidence of a run, or anything that answers like them."""

    def curve(self, digest: str, measure: str, seeds: tuple[int, ...], levels: int, /) -> SparsityCurve:
        """Return the curve of `measure` over the first `levels` levels of the run `digest`, one row a seed.

        Raises:
            StoreError, InputError, LookupError, OSError: the curve is not there or cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Line:
    """One curve to draw.

    Attributes:
        name: name in the claim; its control uses it again for the curve that takes its place.
        label: the words that label it.
        measure: name of the measure.
        curve: the curve of that measure.
        digest: digest of the run, empty where it is not known.
    """

    name: str
    label: str
    measure: str
    curve: SparsityCurve
    digest: str = ""

    @property
    def run(self) -> tuple[str, tuple[int, ...], str]:
        """A key that is equal for two measures of the same networks."""
        return self.digest or self.name, self.curve.seeds, self.curve.axis


@dataclass(frozen=True, slots=True)
class FoundLines:
    """The curves that could be read, and a sentence for each that could not."""

    lines: tuple[Line, ...]
    missing: tuple[str, ...]


def gather(runs: Mapping[str, RunEntry], source: CurveSource) -> FoundLines:
    """Read the curves of `runs`; one that cannot be read becomes a sentence, since the verdict holds without it."""
    lines: list[Line] = []
    missing: list[str] = []
    for name, run in runs.items():
        try:
            curve = source.curve(run["digest"], run["measure"], tuple(run["seeds"]), run["levels"])
        except (StoreError, ValueError, LookupError, OSError) as error:
            missing.append(f"The curves of {run['label']} ({run['measure']}) cannot be shown: {error}")
        else:
            lines.append(Line(name, run["label"], run["measure"], curve, run["digest"]))
    return FoundLines(tuple(lines), tuple(missing))
