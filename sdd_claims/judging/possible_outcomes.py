"""The lines of --plan on what the trials can come out as, with the seeds and the error rate that are planned."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from textwrap import wrap

from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trial import Trial
from sdd_claims.report import numbers
from sdd_claims.stats import nominal_p
from sdd_claims.stats.attainable import Attainable, attainable

_WIDTH = 160

_UNKNOWN = "not known, as the rule is not one of this package"
_NEVER_SUPPORTED = "never supported, as too few seeds are planned: their number n gives no p below 2^-n times its parts"
_PROXY = "never refuted, as a proxy: what the paper shows the claim on is too different"
_NO_CONTRARY = "never refuted, as its rule tests no contrary"
_NEVER_REFUTED = "never refuted, as too few seeds are planned: their number n gives no p below 2^-n times its parts"
_COLLAPSE = "refuted only if train accuracy has collapsed at the last level"
_SUPPORTED_LATE = "supported only at a later look than the first, whose seeds are too few for its parts"
_REFUTED_LATE = "refuted only at a later look than the first, whose seeds are too few for its parts"
_COUNTED = (_SUPPORTED_LATE, _REFUTED_LATE)
"""What is so of most claims, and of none that needs a change: their number is said, and no names."""


def exceptions(trials: Sequence[Trial], error_rate: float) -> dict[str, tuple[str, ...]]:
    """What keeps trials from an outcome, or puts it off, each with the names of those of which it is so.

    Args:
        trials: of one tier.
        error_rate: of one claim.
    """
    groups = defaultdict[str, list[Trial]](list)
    for trial in trials:
        for limit in _limits(trial, error_rate):
            groups[limit].append(trial)
    order = (_UNKNOWN, _NEVER_SUPPORTED, _PROXY, _NO_CONTRARY, _NEVER_REFUTED, _COLLAPSE, *_COUNTED)
    return {limit: tuple(trial.name for trial in groups[limit]) for limit in order if limit in groups}


def in_words(claims: int, found: Mapping[str, Sequence[str]]) -> list[str]:
    """Lines on so many claims and their exceptions."""
    each = "its claim" if claims == 1 else f"each of its {numbers.count(claims, 'claim')}"
    whole = f"  outcomes: {each} can be supported, refuted or inconclusive"
    lines = [whole + (", with these exceptions" if found else "")]
    for limit, names in found.items():
        said = f"{limit} ({len(names)})" + ("" if limit in _COUNTED else f": {_listed(names)}")
        lines += wrap(said, _WIDTH, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)
    return lines


def _listed(names: Sequence[str]) -> str:
    """The claims, each once, with its network or the number of them."""
    networks = defaultdict[str, list[str]](list)
    for name in names:
        networks[name.partition(" with ")[0]].append(name)
    return ", ".join(
        some[0] if len(some) == 1 else f"{claim} with {numbers.count(len(some), 'network')}"
        for claim, some in networks.items()
    )


def _limits(trial: Trial, error_rate: float) -> list[str]:
    """What keeps a trial from an outcome, or puts it off."""
    looks = tuple(len(seeds) for seeds in trial.judged_seeds())
    found = _attainable(trial, looks, error_rate)
    if found is None:
        return [_UNKNOWN, *([_PROXY] if trial.proxy else [])]
    limits = []
    if found.supported is None:
        limits.append(_NEVER_SUPPORTED)
    elif found.supported > looks[0]:
        limits.append(_SUPPORTED_LATE)
    if trial.proxy:
        limits.append(_PROXY)
    elif not found.has_contrary:
        limits.append(_NO_CONTRARY)
    elif found.refuted is None:
        limits.append(_NEVER_REFUTED)
    else:
        limits += [_COLLAPSE] if found.needs_collapse else []
        limits += [_REFUTED_LATE] if found.refuted > looks[0] else []
    return limits


def _attainable(trial: Trial, looks: Sequence[int], error_rate: float) -> Attainable | None:
    rule = trial.rule.with_placeholder_windows() if isinstance(trial.rule, FromPilots) else trial.rule
    axes = {name: curve.axis for name, curve in trial.curves.items()}
    return attainable(rule, axes, nominal_p(error_rate, tuple(looks)), looks)
