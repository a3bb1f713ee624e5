"""The rule that a chain under label noise goes through all four phases of He et al. 2022, 2.3."""

from sdd_claims.stats.contrasts import Contrast, Greater, Term
from sdd_claims.stats.dips import Collapse, DipThenRise
from sdd_claims.stats.parts import AllOf
from sdd_claims.stats.phases import Phases
from sdd_claims.stats.rules import Rule
from sdd_claims.stats.threshold import ThresholdWithin
from sdd_claims.stats.window import Window

_NOTICED = 0.01
"""A point: a smaller fall is none."""


def four_phases(at: Phases, *, collapse: Collapse | None = None) -> AllOf:
    """Return the rule on the curves "accuracy" (test) and "train accuracy".

    Test accuracy falls, rises and falls again. The sparsest network of the light phase, where a pruned one belongs to
    it, is about as accurate as the dense one; train accuracy starts to fall between the light phase and the end of the
    critical one, and falls further from the sweet to the collapsed one.

    Args:
        at: windows of the phases.
        collapse: where train accuracy has collapsed; None for half of the dense network's.

    Raises:
        InputError: pilots showed no collapsed phase.
    """
    collapsed, dense = at.last_fall(), Window(1.0, 1.0)
    light: dict[str, Rule] = {}
    if at.light_end is not None:
        kept = Contrast((Term(1, "accuracy", at.light_end), Term(-1, "accuracy", dense)))
        light["a pruned network of the light phase is as accurate as the dense one, within a point"] = Greater(
            kept, margin=-_NOTICED
        )
    return AllOf(
        {
            "the four phases follow each other": DipThenRise(
                "accuracy",
                at.light,
                at.critical,
                at.sweet,
                collapsed,
                margin=_NOTICED,
                train_curve="train accuracy",
                collapse=collapse,
            ),
            **light,
            "train accuracy starts to fall between the light phase and the end of the critical one": ThresholdWithin(
                "train accuracy", at.falling, drop=_NOTICED
            ),
            "train accuracy falls further from the sweet to the collapsed phase": Greater(
                Contrast((Term(1, "train accuracy", at.sweet), Term(-1, "train accuracy", collapsed))), margin=_NOTICED
            ),
        }
    )
