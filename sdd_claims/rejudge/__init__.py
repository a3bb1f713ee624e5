"""A published run judged again from its evidence, and some of its chains trained again to compare every number."""

from sdd_claims.rejudge.again import Rules, Trials, judged_anew, judged_run, may_have_judged, trials_for, tried_out
from sdd_claims.rejudge.run import Rejudging, rejudge

__all__ = [
    "Rejudging",
    "Rules",
    "Trials",
    "judged_anew",
    "judged_run",
    "may_have_judged",
    "rejudge",
    "trials_for",
    "tried_out",
]
