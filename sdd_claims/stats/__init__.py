"""The rules that judge sparsity curves, and the control of their error rate: looks, multiplicity, calibration."""

from sdd_claims.stats.contrasts import Contrast, Equivalent, Greater, Lowest, MostSeeds, MostSeedsWithin, Term
from sdd_claims.stats.correlation import Correlated, PartiallyCorrelated
from sdd_claims.stats.dip_depth import best_without_dip, dip_depth
from sdd_claims.stats.dips import Collapse, DipFree, DipThenRise
from sdd_claims.stats.extremum_positions import SamePlace, Shifts
from sdd_claims.stats.four_phases import four_phases
from sdd_claims.stats.location import Located, Location
from sdd_claims.stats.multiplicity import holm
from sdd_claims.stats.one_sample import VERSION
from sdd_claims.stats.outcome import Effect, Outcome
from sdd_claims.stats.parts import AllOf, ordered
from sdd_claims.stats.phases import FORMULA, Phases, diverged_pilots, find_phases
from sdd_claims.stats.picks import Picked
from sdd_claims.stats.rules import RULES, Rule
from sdd_claims.stats.sequential import nominal_p
from sdd_claims.stats.threshold import ThresholdWithin
from sdd_claims.stats.turns import FewerTurns
from sdd_claims.stats.window import Window

__all__ = [
    "FORMULA",
    "RULES",
    "VERSION",
    "AllOf",
    "Collapse",
    "Contrast",
    "Correlated",
    "DipFree",
    "DipThenRise",
    "Effect",
    "Equivalent",
    "FewerTurns",
    "Greater",
    "Located",
    "Location",
    "Lowest",
    "MostSeeds",
    "MostSeedsWithin",
    "Outcome",
    "PartiallyCorrelated",
    "Phases",
    "Picked",
    "Rule",
    "SamePlace",
    "Shifts",
    "Term",
    "ThresholdWithin",
    "Window",
    "best_without_dip",
    "dip_depth",
    "diverged_pilots",
    "find_phases",
    "four_phases",
    "holm",
    "nominal_p",
    "ordered",
]
