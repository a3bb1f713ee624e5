"""The trial of a claim in one tier: its curves, the rule that judges them, and the control where it must fail."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from itertools import combinations, pairwise
from typing import Any

from sdd_claims.errors import InputError
from sdd_claims.registration.claim import BLOCK, Claim, Decision, Tier, whole_number, whole_numbers
from sdd_claims.registration.curve_of import CurveOf, Reader
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.protocol import in_plain_numbers, protocol_digest
from sdd_claims.registration.register import the_register
from sdd_claims.stats import Phases, Picked, Rule
from sdd_claims.stats.study import check_axes


@dataclass(frozen=True)
class Control:
    """A setting in which the claim is false, judged by the same code: it must not come out supported.

    Attributes:
        setting: in words.
        curves: replaces the trial's curves of the same names.
    """

    setting: str
    curves: Mapping[str, CurveOf]


@dataclass(frozen=True)
class Trial:
    """The way a claim is judged in one tier. Everything here is fixed before the judged seeds are run.

    Attributes:
        claim: the sentence.
        tier: "fast" or "full".
        curves: curves, by the names that the rule uses.
        rule: the statistical test, with windows and margin; or how it follows from pilots that are still to be run.
        control: a setting in which it must fail.
        block: first of the thousand seeds that judge. After they have judged, a change takes another block.
        looks: numbers of seeds at which the data are looked at.
        expected: the registered outcome: that of the register for its block, where the claim comes from there; for an
            exploratory question it says nothing.
        proxy: the paper shows the claim on networks, data or a path so different that it is never refuted here.
        deviations: differences between this trial and the paper, or its code.
        own_seeds: judge these in one look instead of the block's.
        network: network and data that it is judged on, such as "ResNet-18 on CIFAR-10"; "" where a tier has one trial
            of the claim.
        windows_from: the pilots that set the windows of its rule, where some did; see `resolved`.
        error_rate: alpha and the number of claims that share it, where these are not those of the register.
        paper_numbers: by part of the rule, the paper's own number of the very quantity and in the unit that the part
            tests, to be told beside the interval. It judges nothing, and is no part of the protocol.
    """

    claim: Claim
    tier: Tier
    curves: Mapping[str, CurveOf]
    rule: Rule | FromPilots
    control: Control
    block: int = BLOCK
    looks: tuple[int, ...] = (12, 24)
    expected: Decision | None = None
    proxy: bool = False
    deviations: tuple[str, ...] = field(default=())
    own_seeds: tuple[int, ...] | None = None
    network: str = ""
    windows_from: FromPilots | None = None
    error_rate: tuple[float, int] | None = None
    paper_numbers: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the registration makes sense before anything is trained.

        Raises:
            InputError: unknown tier, pilot seeds as block, looks that are no rising numbers of seeds, an expected
                outcome that the register contradicts, curves that the rule lacks, windows off their curves or along
                another axis, more levels than a path has points, levels picked by something else than the validation
                accuracy of the same runs, numbers of the paper for parts that the rule lacks, a repetition on the same
                seeds.
        """
        where = f"the {self.tier} trial of {self.name}"
        if self.tier not in ("fast", "full"):
            raise InputError(f"{where}: there is no tier {self.tier!r}; use fast or full")
        self._in_plain_numbers(where)
        if self.block < BLOCK or self.block % BLOCK:
            raise InputError(
                f"{where}: block {self.block} cannot judge; give {BLOCK}, {2 * BLOCK}, ... (pilots are below)"
            )
        object.__setattr__(self, "expected", self._expected_by_register(where))
        if not self.looks or any(later - sooner < 2 for sooner, later in pairwise(self.looks)):
            raise InputError(f"{where}: the looks {self.looks} must be numbers of seeds that rise by two or more")
        waits = isinstance(self.rule, FromPilots)
        rule = self.rule.with_placeholder_windows() if isinstance(self.rule, FromPilots) else self.rule
        if unknown := self.paper_numbers.keys() - getattr(rule, "parts", {}).keys():
            raise InputError(f"{where}: the paper's numbers are of {sorted(unknown)}, which are no parts of its rule")
        if not hasattr(rule, "hypotheses"):
            raise InputError(
                f"{where}: the rule {rule.name} has no method `hypotheses`; give it one that says what it tests, or "
                "that returns None"
            )
        if self.looks[0] < rule.minimum_seeds:
            raise InputError(f"{where}: a look at {self.looks[0]} seeds; the rule needs {rule.minimum_seeds} or more")
        for curves in (self.curves, self.control_curves):
            try:
                _check_curves(rule, curves, windows_are_set=not waits)
            except InputError as error:
                raise InputError(f"{where}: {error}") from error
        self._check_repetitions(where)

    def _check_repetitions(self, where: str) -> None:
        """Check that a setting that is repeated has seeds of its own.

        Raises:
            InputError: it shares some, at the last look.
        """
        judged = set(self.judged_seeds()[-1])
        offsets: dict[str, set[int]] = {}
        for curve in self.all_curves:
            offsets.setdefault(curve.spec.digest, set()).add(curve.offset)
        for one, other in {pair for found in offsets.values() for pair in combinations(sorted(found), 2)}:
            if shared := {seed + one for seed in judged} & {seed + other for seed in judged}:
                raise InputError(
                    f"{where}: a setting and its repetition, at offsets {one} and {other}, share {len(shared)} of "
                    f"{len(judged)} seeds; give offsets further apart, or fewer seeds"
                )

    def _in_plain_numbers(self, where: str) -> None:
        """Put numbers of Python in place of NumPy's, which have no text for a protocol to be a digest of.

        Raises:
            InputError: something that is no number where one must stand.
        """
        own_seeds, rule = self.own_seeds, self.rule
        try:
            plain = {
                "block": whole_number(self.block, "blocks"),
                "looks": whole_numbers(self.looks, "looks"),
                "own_seeds": None if own_seeds is None else whole_numbers(own_seeds, "seeds"),
                "proxy": bool(self.proxy),
                "rule": rule if isinstance(rule, FromPilots) else in_plain_numbers(rule),
            }
            if isinstance(rule, FromPilots):
                in_plain_numbers(rule.with_placeholder_windows())
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def _expected_by_register(self, where: str) -> Decision:
        """The outcome that the register expects, or the trial itself where its claim comes from elsewhere.

        Raises:
            InputError: the register says nothing of this tier or block, or expects something else than the trial.
        """
        if self.tier not in self.claim.tiers:
            raise InputError(
                f"{where}: the claim is registered for {' and '.join(self.claim.tiers)} only; register this tier"
            )
        block = self.block if self.own_seeds is None else min(self.own_seeds)
        row = self.claim.registration(self.tier, block)
        if row is None and self.own_seeds is not None:
            row = next(iter(self.claim.registrations.get(self.tier, ())), None)
        if self.claim.registrations and row is None:
            raise InputError(f"{where}: the register says nothing of block {self.block}; give it a row for that block")
        expected = row.expected if row else self.expected or "supported"
        if self.expected not in (None, expected) and self.own_seeds is None:
            raise InputError(
                f"{where}: expected={self.expected!r}, but the register says {expected!r}; leave it out here"
            )
        return expected

    def on_block(self, block: int) -> "Trial":
        """This trial on another block of seeds, with the outcome that the register expects of it there.

        Raises:
            InputError: the block cannot judge, or the register says nothing of it.
        """
        return replace(self, block=block, expected=None if self.claim.registrations else self.expected)

    @property
    def key(self) -> tuple[str, Tier, str]:
        """Claim, tier and network, which together name one trial."""
        return self.claim.id, self.tier, self.network

    @property
    def name(self) -> str:
        """The claim and, where it is judged on several, the network."""
        return f"{self.claim.id} with {self.network}" if self.network else self.claim.id

    @property
    def judged_by(self) -> Rule:
        """The rule, once its windows are set.

        Raises:
            InputError: they wait for pilots.
        """
        if isinstance(self.rule, FromPilots):
            raise InputError(f"the windows of {self.name} ({self.tier}) wait for its pilots; use Trial.resolved")
        return self.rule

    def resolved(self, read: Reader) -> tuple["Trial", dict[str, Phases]]:
        """This trial with the windows that its pilots set, and the phases that they follow from.

        Pilots that diverged are among its deviations. Where windows wait for no pilots, the trial stays as it is.

        Args:
            read: gives the pilots' curves.

        Raises:
            InputError: pilots show no phases for some setting, which the message names, or lack one that the rule
                needs.
        """
        if not isinstance(self.rule, FromPilots):
            return self, {}
        try:
            phases = self.rule.phases(read)
        except InputError as error:
            raise InputError(f"{self.name} [{self.tier}], {error}") from error
        deviations = (*self.deviations, *self.rule.diverged(read))
        return replace(self, rule=self.rule.rule(phases), windows_from=self.rule, deviations=deviations), phases

    def judged_seeds(self) -> tuple[tuple[int, ...], ...]:
        """The seeds of each look."""
        if self.own_seeds is not None:
            return (self.own_seeds,)
        return tuple(tuple(range(self.block, self.block + n)) for n in self.looks)

    @property
    def control_curves(self) -> dict[str, CurveOf]:
        """The control's curves, with the trial's own where it does not replace them."""
        return {**self.curves, **self.control.curves}

    @property
    def all_curves(self) -> list[CurveOf]:
        """The trial's curves and the control's; those that both read stand twice."""
        return [*self.curves.values(), *self.control_curves.values()]

    @property
    def protocol(self) -> str:
        """SHA-256 of all that must not change once a block has judged: settings, control, rule, windows, seeds, level.

        Of windows that wait for pilots it says how they follow, so that it is known before the pilots are.
        """
        rule = self.windows_from or self.rule
        register = the_register()
        level = self.error_rate or (register.alpha, register.registered)
        return protocol_digest(self.curves, self.control_curves, rule, self.judged_seeds(), self.proxy, level)

    @property
    def family(self) -> str:
        """SHA-256 of the same but for seeds and level: evidence of blocks that share it adds up."""
        rule = self.windows_from or self.rule
        return protocol_digest(self.curves, self.control_curves, rule, (), self.proxy)


def _check_curves(rule: Rule, curves: Mapping[str, CurveOf], windows_are_set: bool) -> None:
    """Check that a rule can read the curves of a trial, or of its control.

    Raises:
        InputError: it cannot.
    """
    if missing := set(rule.curves()) - set(curves):
        raise InputError(f"the rule needs the curves {sorted(missing)}; add them to the trial")
    positions = {name: curve.position() for name, curve in curves.items()}
    check_axes(rule, {name: curve.axis for name, curve in curves.items()})
    if windows_are_set:
        rule.check(positions)
    for pick in _picks(rule):
        read, by = curves[pick.curve], curves[pick.by]
        if (read.spec, read.offset, by.measure) != (by.spec, by.offset, "validation_accuracy"):
            raise InputError(
                f"levels of {pick.curve!r} are picked by {pick.by!r}, which is not the validation accuracy of the same "
                "runs; give both curves one spec and one offset"
            )


def _picks(value: Any) -> Iterator[Picked]:
    """The picks in a rule, however deep."""
    if isinstance(value, Picked):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _picks(getattr(value, each.name))
    elif isinstance(value, Mapping):
        yield from (pick for item in value.values() for pick in _picks(item))
    elif isinstance(value, tuple | list):
        yield from (pick for item in value for pick in _picks(item))
