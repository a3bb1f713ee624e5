"""The runs that trials need: those that a rule, a control or the pilots of windows read, and those behind them."""

from collections.abc import Iterable

from sdd_claims.planning.plan import Request, plan
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trial import Trial


def needed_digests(trials: Iterable[Trial]) -> set[str]:
    """The digests of all runs that some trials need, whatever the seeds; teachers and chains behind them too."""
    curves = []
    for trial in trials:
        curves += trial.all_curves
        waiting = next((rule for rule in (trial.rule, trial.windows_from) if isinstance(rule, FromPilots)), None)
        curves += waiting.pilot_curves().values() if waiting else []
    wanted = plan(Request(curve.spec, (0,), curve.levels) for curve in curves).wanted
    return {replica.spec.digest for replica in wanted}
