"""The lines of --plan: levels to train, their time and room on disk, what can come out, and what costs most."""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from sdd_claims.judging import possible_outcomes
from sdd_claims.judging.session import Session
from sdd_claims.judging.settings import Settings
from sdd_claims.machine import provenance
from sdd_claims.machine.devices import Device
from sdd_claims.planning.budget import Need, alone_and_unshared, cheapest_first
from sdd_claims.planning.disk import missing_bytes, working_bytes
from sdd_claims.planning.estimate import Estimate, missing
from sdd_claims.planning.plan import Plan, plan
from sdd_claims.planning.rates import Rate
from sdd_claims.record import Replica
from sdd_claims.registration.claim import Tier
from sdd_claims.registration.trial import Trial
from sdd_claims.report import numbers

_MOST_EXPENSIVE = 10
_WIDTH = 200
_UPTO = ("first look", "if every claim is still open, up to the second look", "if every claim is still open, all looks")


def in_words(session: Session, settings: Settings, meant: str = "") -> list[str]:
    """Lines on the claims of a selection that may be judged, tier by tier and look by look.

    Args:
        session: has the selected claims.
        settings: the user's choices.
        meant: where nothing is selected, what may have been meant, as a part of a sentence.
    """
    if not session.trials:
        return [] if session.refused else [f"no claim is selected{meant}, so nothing would be trained"]
    estimates = session.estimates()
    lines = list[str]()
    tiers: tuple[Tier, ...] = ("fast", "full")
    for tier in tiers:
        trials = [trial for trial in session.trials if trial.tier == tier]
        who = "1 claim asks" if len(trials) == 1 else f"{len(trials)} claims ask"
        looks = max((session.looks(trial) for trial in trials), default=0)
        for look in range(looks):
            whole = session.plan(look, tier)
            stored = whole.stored(session.store)
            lines += [
                f"{tier} tier, {_UPTO[min(look, 2)]}: {who} for {whole.asked:,} "
                f"levels, {whole.needed:,} after duplicates are dropped, in {len(whole.stacks):,} stacks; {stored:,} "
                f"are stored, {whole.needed - stored:,} to train",
                *_costs(whole, session, estimates[tier], settings.devices[tier]),
            ]
        if looks:
            lines += _speeds(whole, session, estimates[tier])
            if settings.mode.judges:
                lines += possible_outcomes.in_words(trials, settings.error_rate)
    needs = [Need(plan(session.asked(trial, 0)).wanted, estimates[trial.tier]) for trial in session.trials]
    lines += _most_expensive(session.trials, needs, session)
    if settings.budget is not None:
        lines += _within(settings.budget, session.trials, needs, session)
    return lines


def _costs(whole: Plan, session: Session, estimate: Estimate, device: Device | None) -> Iterator[str]:
    """Operations and time of the levels that a plan lacks, and their room on disk."""
    lacking = list(missing(whole.wanted, session.store))
    if not (cost := estimate.cost(lacking)).flops:
        return
    yield f"  training: {numbers.tflop(cost.flops)}, {_time(lacking, estimate, device)}"
    more, working = missing_bytes(whole, session.store), working_bytes(whole, session.store) * estimate.processes
    free = shutil.disk_usage(session.store.path).free
    room = f"{decimal(more)} more when all is stored, up to {decimal(working)} beside it while it trains; "
    yield f"  disk: {room}{decimal(free)} are free at {session.store.path}"
    if more + working > free:
        yield "  warning: this does not fit; make room, or choose a store on another disk (--store)"


def _time(lacking: Iterable[tuple[Replica, int, int]], estimate: Estimate, device: Device | None) -> str:
    levels = list(lacking)
    if device is not None and not device.is_gpu:
        cost = estimate.cost(levels)
        shared = f"{estimate.processes} process{'es' if estimate.processes > 1 else ''}"
        took = numbers.duration(cost.seconds / estimate.processes)
        return f"about {took} with {shared} on {provenance.hardware(device)}{cost.guessed}"
    on_cpu = estimate.cost(level for level in levels if level[0].spec.training.arithmetic == "portable")
    parts = [f"about {_hours(on_cpu.seconds)} core-hours on the CPU{on_cpu.guessed}"] if on_cpu.seconds else []
    cost = estimate.cost(level for level in levels if level[0].spec.training.arithmetic != "portable")
    if parts and not cost.seconds:
        return parts[0]
    assumed = cost.seconds - cost.measured
    if cost.measured or not assumed:
        parts.append(f"about {_hours(cost.measured)} GPU-hours by measured rates")
    if assumed:
        rest = "for the rest no" if cost.measured else "no"
        hours = f"{_hours(assumed)} GPU-hours"
        parts.append(f"{rest} rate has been measured on a GPU yet: by the rates assumed below {hours}")
    return "; ".join(parts)


def _speeds(whole: Plan, session: Session, estimate: Estimate) -> list[str]:
    """A table of the kinds of networks that are still to be trained, with the rates that are counted with."""
    kinds = defaultdict[tuple[str, str, Rate], list[tuple[Replica, int, int]]](list)
    for replica, done, levels in missing(whole.wanted, session.store):
        spec = replica.spec
        kinds[str(spec.model), spec.training.precision, estimate.rate(spec)].append((replica, done, levels))
    costs = {kind: estimate.cost(levels) for kind, levels in kinds.items()}
    table = _table("network", "precision", "TFLOP", "TFLOP/s", "hours", "rate")
    for (network, precision, rate), cost in sorted(costs.items(), key=lambda each: -each[1].seconds):
        speed = numbers.plain(rate.flops / 1e12, 2)
        table.add_row(network, precision, _tera(cost.flops), speed, _hours(cost.seconds), rate.source)
    return ["  by network (hours of one core or GPU):", *_rendered(table)] if costs else []


def _most_expensive(trials: Sequence[Trial], needs: Sequence[Need], session: Session) -> list[str]:
    """A table of the most expensive claims, with the cost of all that each lacks for its first look."""
    costs = alone_and_unshared(needs, session.store)
    table = _table("claim", "tier", "TFLOP", "of it not shared", "hours", "of it not shared")
    ranked = sorted(zip(trials, costs, strict=True), key=lambda each: -each[1][0].flops)
    for trial, (alone, own) in ranked[:_MOST_EXPENSIVE]:
        if alone.flops:
            row = (_tera(alone.flops), _tera(own.flops), _hours(alone.seconds), _hours(own.seconds))
            table.add_row(trial.name, trial.tier, *row)
    if not table.row_count:
        return []
    title = "most expensive claims: what each lacks for its first look, and how much of it no other claim asks for"
    return [f"{title} (hours of one core or GPU)", *_rendered(table)]


def _within(hours: float, trials: Sequence[Trial], needs: Sequence[Need], session: Session) -> list[str]:
    """The order in which a budget takes the claims, as far as it reaches."""
    table = _table("claim", "tier", "hours", "in all")
    total = 0.0
    for index, seconds in cheapest_first(needs, session.store):
        if total + seconds > 3600 * hours:
            break
        total += seconds
        table.add_row(trials[index].name, trials[index].tier, _hours(seconds), _hours(total))
    first = f"budget of {hours:g} hours: {table.row_count} of {len(trials)} first looks fit, in this order"
    return [first, *_rendered(table)] if table.row_count else [first.removesuffix(", in this order")]


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < 2 or column == "rate" else "right", no_wrap=True)
    return table


def _rendered(table: Table) -> list[str]:
    text = StringIO()
    Console(file=text, width=_WIDTH, color_system=None).print(table)
    return [f"  {line.rstrip()}" for line in text.getvalue().splitlines() if line.strip()]


def _tera(flops: float) -> str:
    return numbers.plain(flops / 1e12, 2) if flops else "0"


def _hours(seconds: float) -> str:
    """In hours, none smaller than a person would wait for."""
    return "0" if not seconds else numbers.plain(seconds / 3600, 2) if seconds >= 36 else "< 0.01"
