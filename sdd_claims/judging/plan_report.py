"""What --plan says: levels to train, their time and room on disk, what can come out, and what costs most."""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TypeAlias

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from sdd_claims.judging import possible_outcomes
from sdd_claims.judging.session import Session
from sdd_claims.judging.settings import Settings
from sdd_claims.machine import provenance
from sdd_claims.machine.devices import Device
from sdd_claims.planning.budget import Need, affordable, alone_and_unshared
from sdd_claims.planning.disk import missing_bytes, working_bytes
from sdd_claims.planning.estimate import Cost, Estimate, duration, missing
from sdd_claims.planning.plan import Plan
from sdd_claims.planning.rates import Rate
from sdd_claims.record import Replica
from sdd_claims.registration.claim import Tier
from sdd_claims.report import numbers

_MOST_EXPENSIVE = 10
_WIDTH = 200
_Lacking: TypeAlias = tuple[Replica, int, int]


@dataclass(frozen=True)
class Disk:
    """Bytes that a plan asks of the store's disk.

    Attributes:
        more: by which the store will have grown when all is stored.
        working: beside it, while it trains.
        free: now.
    """

    more: int
    working: int
    free: int


@dataclass(frozen=True)
class Look:
    """What the claims of a tier ask for up to a look.

    Attributes:
        look: from 1.
        asked: levels, each claim counted by itself.
        needed: levels, duplicates dropped.
        stacks: in which they are trained.
        stored: levels of them that are stored.
        on_cpu: cost of those that are trained on a CPU.
        on_gpu: cost of those that are trained on a GPU.
        seconds: until all is stored, where processes share the stacks.
        disk: None where nothing is to be trained.
        read: levels that are read from published runs, and not asked for.
    """

    look: int
    asked: int
    needed: int
    stacks: int
    stored: int
    on_cpu: Cost
    on_gpu: Cost
    seconds: float
    disk: Disk | None
    read: int = 0


@dataclass(frozen=True)
class Network:
    """The levels of one kind of network that are still to be trained, all looks included.

    Attributes:
        network: in words.
        precision: of its arithmetic.
        cost: of these levels.
        rate: that is counted with.
    """

    network: str
    precision: str
    cost: Cost
    rate: Rate


@dataclass(frozen=True)
class TierPlan:
    """What the claims of a tier ask for.

    Attributes:
        tier: its name.
        claims: how many.
        device: on which they are trained; None where there is none here.
        processes: that share the work.
        looks: each with what those before it ask for.
        networks: those that take most time first.
        exceptions: what keeps some from an outcome, with their names; None where nothing is judged.
    """

    tier: Tier
    claims: int
    device: str | None
    processes: int
    looks: tuple[Look, ...]
    networks: tuple[Network, ...]
    exceptions: Mapping[str, tuple[str, ...]] | None


@dataclass(frozen=True)
class OfTrial:
    """Something of a trial.

    Attributes:
        id: of its claim.
        tier: its tier.
        network: where the claim is judged on several.
    """

    id: str
    tier: Tier
    network: str

    @property
    def name(self) -> str:
        """As the trial is called."""
        return f"{self.id} with {self.network}" if self.network else self.id


@dataclass(frozen=True)
class Lacks(OfTrial):
    """What a claim lacks for its first look.

    Attributes:
        cost: of all that it lacks.
        not_shared: of what no other claim asks for.
    """

    cost: Cost
    not_shared: Cost


@dataclass(frozen=True)
class Fits(OfTrial):
    """A claim whose first look fits into a budget.

    Attributes:
        seconds: until it can be judged, beyond those before it.
    """

    seconds: float


@dataclass(frozen=True)
class WithinBudget:
    """The order in which a budget takes the claims, as far as it reaches.

    Attributes:
        hours: of the budget.
        first_looks: that fit, in that order.
    """

    hours: float
    first_looks: tuple[Fits, ...]


@dataclass(frozen=True)
class PlanReport:
    """All that --plan says of a selection.

    Attributes:
        store: its folder.
        tiers: those that are selected.
        claims: those that may be judged, the most expensive first.
        budget: None where none is given.
        refused: the sentence of each claim that may not be judged.
    """

    store: str
    tiers: tuple[TierPlan, ...]
    claims: tuple[Lacks, ...]
    budget: WithinBudget | None
    refused: tuple[str, ...]


def planned(session: Session, settings: Settings) -> PlanReport:
    """What the claims of a selection that may be judged ask for, tier by tier and look by look."""
    estimates = session.training.estimates()
    needs = [Need(session.plan_of(trial, 0), estimates[trial.tier]) for trial in session.trials]
    tiers: tuple[Tier, ...] = ("fast", "full")
    return PlanReport(
        str(session.store.path),
        tuple(
            _of_tier(tier, session, estimates[tier], settings)
            for tier in tiers
            if any(trial.tier == tier for trial in session.trials)
        ),
        _most_expensive_first(needs, session),
        None if settings.budget is None else WithinBudget(settings.budget, _within(settings.budget, needs, session)),
        tuple(str(error) for error in session.refused.values()),
    )


def _of_tier(tier: Tier, session: Session, estimate: Estimate, settings: Settings) -> TierPlan:
    device = settings.devices[tier]
    trials = [trial for trial in session.trials if trial.tier == tier]
    plans = [session.plan(look, tier) for look in range(max(session.requests.looks(trial) for trial in trials))]
    return TierPlan(
        tier,
        len(trials),
        None if device is None else str(device),
        estimate.processes,
        tuple(_up_to(number, whole, session, tier, estimate, device) for number, whole in enumerate(plans, 1)),
        _networks(plans[-1], session, estimate),
        possible_outcomes.exceptions(trials, settings.error_rate) if settings.mode.judges else None,
    )


def _up_to(number: int, whole: Plan, session: Session, tier: Tier, estimate: Estimate, device: Device | None) -> Look:
    """Levels, operations and time of a plan, and the room on disk of those that it lacks."""
    on_cpu, on_gpu = list[_Lacking](), list[_Lacking]()
    for each in missing(whole.wanted, session.store):
        portable = each[0].spec.training.arithmetic == "portable"
        (on_cpu if portable or (device is not None and not device.is_gpu) else on_gpu).append(each)
    costs = estimate.cost(on_cpu), estimate.cost(on_gpu)
    disk = None
    if any(cost.flops for cost in costs):
        working = working_bytes(whole, session.store) * estimate.stacks_at_once
        free = shutil.disk_usage(session.store.path).free
        disk = Disk(missing_bytes(whole, session.store), working, free)
    stored, seconds = whole.stored(session.store), duration(whole, session.store, estimate)
    read = session.requests.levels_read((trial for trial in session.trials if trial.tier == tier), number - 1)
    return Look(number, whole.asked, whole.needed, len(whole.stacks), stored, *costs, seconds, disk, read)


def _networks(whole: Plan, session: Session, estimate: Estimate) -> tuple[Network, ...]:
    kinds = defaultdict[tuple[str, str, Rate], list[_Lacking]](list)
    for replica, done, levels in missing(whole.wanted, session.store):
        spec = replica.spec
        kinds[str(spec.model), spec.training.precision, estimate.rate(spec)].append((replica, done, levels))
    found = [Network(model, precision, estimate.cost(of), rate) for (model, precision, rate), of in kinds.items()]
    return tuple(sorted(found, key=lambda each: -each.cost.seconds))


def _most_expensive_first(needs: Sequence[Need], session: Session) -> tuple[Lacks, ...]:
    costs = alone_and_unshared(needs, session.store)
    found = [
        Lacks(trial.claim.id, trial.tier, trial.network, alone, own)
        for trial, (alone, own) in zip(session.trials, costs, strict=True)
    ]
    return tuple(sorted(found, key=lambda each: -each.cost.flops))


def _within(hours: float, needs: Sequence[Need], session: Session) -> tuple[Fits, ...]:
    found = list[Fits]()
    for group in affordable(needs, session.store, 3600 * hours):
        for index, seconds in group:
            trial = session.trials[index]
            found.append(Fits(trial.claim.id, trial.tier, trial.network, seconds))
    return tuple(found)


def in_words(found: PlanReport, meant: str = "") -> list[str]:
    """The plan in lines.

    Args:
        found: the plan.
        meant: where nothing is selected, what may have been meant, as a part of a sentence.
    """
    if not found.claims:
        return [] if found.refused else [f"no claim is selected{meant}, so nothing would be trained"]
    lines = list[str]()
    for tier in found.tiers:
        who = "1 claim asks" if tier.claims == 1 else f"{tier.claims} claims ask"
        for look in tier.looks:
            lines += [
                f"{tier.tier} tier, {_up_to_which(look.look, len(tier.looks))}: {who} for {look.asked:,} "
                f"levels, {look.needed:,} after duplicates are dropped, in {look.stacks:,} stacks; {look.stored:,} "
                f"are stored, {look.needed - look.stored:,} to train"
                + (f"; {look.read:,} more are read from published evidence" if look.read else ""),
                *_costs(look, tier, found.store),
            ]
        lines += _speeds(tier.networks)
        if tier.exceptions is not None:
            lines += possible_outcomes.in_words(tier.claims, tier.exceptions)
    lines += _most_expensive(found.claims)
    if found.budget is not None:
        lines += _fitting(found.budget, len(found.claims))
    return lines


def _up_to_which(look: int, looks: int) -> str:
    """A look, counted from 1, of so many, in words."""
    if look == 1:
        return "first look"
    ordinals = {2: "second", 3: "third", 4: "fourth"}
    upto = "all looks" if look == looks > 2 else f"up to the {ordinals.get(look, f'{look}th')} look"
    return f"if every claim is still open, {upto}"


def _costs(look: Look, tier: TierPlan, store: str) -> Iterator[str]:
    """Operations and time of the levels that a plan lacks, and their room on disk."""
    if (disk := look.disk) is None:
        return
    yield f"  training: {numbers.tflop(look.on_cpu.flops + look.on_gpu.flops)}, {_time(look, tier)}"
    room = f"{decimal(disk.more)} more when all is stored, up to {decimal(disk.working)} beside it while it trains; "
    yield f"  disk: {room}{decimal(disk.free)} are free at {store}"
    if disk.more + disk.working > disk.free:
        yield "  warning: this does not fit; make room, or choose a store on another disk (--store)"


def _time(look: Look, tier: TierPlan) -> str:
    on_cpu, on_gpu = look.on_cpu, look.on_gpu
    if tier.device is not None and not (device := Device(tier.device)).is_gpu:
        shared = f"{tier.processes} process{'es' if tier.processes > 1 else ''}"
        took = numbers.duration(look.seconds)
        return f"about {took} with {shared} on {provenance.hardware(device)}{on_cpu.guessed}"
    parts = [f"about {_hours(on_cpu.seconds)} core-hours on the CPU{on_cpu.guessed}"] if on_cpu.seconds else []
    if parts and not on_gpu.seconds:
        return parts[0]
    assumed = on_gpu.seconds - on_gpu.measured
    if on_gpu.measured or not assumed:
        parts.append(f"about {_hours(on_gpu.measured)} GPU-hours by measured rates")
    if assumed:
        rest = "for the rest no" if on_gpu.measured else "no"
        hours = f"{_hours(assumed)} GPU-hours"
        parts.append(f"{rest} rate has been measured on a GPU yet: by the rates assumed below {hours}")
    return "; ".join(parts)


def _speeds(networks: Sequence[Network]) -> list[str]:
    """A table of the kinds of networks that are still to be trained, with the rates that are counted with."""
    table = _table("network", "precision", "TFLOP", "TFLOP/s", "hours", "rate")
    for each in networks:
        speed = numbers.plain(each.rate.flops / 1e12, 2)
        hours = _hours(each.cost.seconds)
        table.add_row(each.network, each.precision, _tera(each.cost.flops), speed, hours, each.rate.source)
    return ["  by network (hours of one core or GPU):", *_rendered(table)] if networks else []


def _most_expensive(claims: Sequence[Lacks]) -> list[str]:
    """A table of the most expensive claims, with the cost of all that each lacks for its first look."""
    table = _table("claim", "tier", "TFLOP", "of it not shared", "hours", "of it not shared")
    for each in claims[:_MOST_EXPENSIVE]:
        if (alone := each.cost).flops:
            own = each.not_shared
            row = (_tera(alone.flops), _tera(own.flops), _hours(alone.seconds), _hours(own.seconds))
            table.add_row(each.name, each.tier, *row)
    if not table.row_count:
        return []
    title = "most expensive claims: what each lacks for its first look, and how much of it no other claim asks for"
    return [f"{title} (hours of one core or GPU)", *_rendered(table)]


def _fitting(budget: WithinBudget, claims: int) -> list[str]:
    """A table of what fits into a budget."""
    table = _table("claim", "tier", "hours", "in all")
    total = 0.0
    for each in budget.first_looks:
        total += each.seconds
        table.add_row(each.name, each.tier, _hours(each.seconds), _hours(total))
    first = f"budget of {budget.hours:g} hours: {table.row_count} of {claims} first looks fit, "
    if not table.row_count:
        return [f"{first}so a part of the cheapest would be trained"]
    begun = [] if total or table.row_count == claims else ["of the others a part of the cheapest would be trained"]
    return [f"{first}in this order", *_rendered(table), *begun]


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
