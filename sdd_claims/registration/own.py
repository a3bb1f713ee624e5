"""The claims on trial on a user's own network and data: "yours", apart from the papers' and their register.

Each is a claim of a paper, asked of another network. Nothing was registered before, so nothing is expected; windows are
set by pilots, by the formula that sets those of the papers' claims.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sdd_claims.errors import InputError, nearest
from sdd_claims.registration.claim import BLOCK, Claim
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.register import the_register
from sdd_claims.registration.setting import ChainSetting, dip, plainly
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import (
    Criterion,
    DerivationSpec,
    DistillationSpec,
    NoiseSpec,
    PenaltySpec,
    RunSpec,
)
from sdd_claims.spec.own import YOURS
from sdd_claims.spec.pruning import RetrainingMethod
from sdd_claims.stats import (
    AllOf,
    Collapse,
    Contrast,
    Correlated,
    DipFree,
    DipThenRise,
    Greater,
    Location,
    Phases,
    Rule,
    SamePlace,
    Term,
    four_phases,
)
from sdd_claims.stats.rules import MINIMUM_SEEDS

PAPER = YOURS
QUESTION = "sdd_appears_under_label_noise"
"""The question that is asked where none is named."""

PENALISED = "penalty_removes_the_dip"
"""The claim of a network that is trained with a penalty."""

WITHOUT = "without"
"""The curve of the network that no remedy was tried on."""

_ALPHA, _TEMPERATURE = 0.8, 10.0
"""Of the lessons, as in the code of Quétu & Milovanović 2023."""


@dataclass(frozen=True, kw_only=True)
class OwnSetting(ChainSetting):
    """A user's network and data.

    Attributes:
        clean: the setting without label noise.
        rate: rate of label noise.
        seeds: number of seeds that judge.
        pilots: the seeds that set windows.
        weight_decay: strength of weight decay that is asked to take the dip away.
        one_start: every seed begins with the same weights.
    """

    clean: RunSpec
    rate: float
    seeds: int
    pilots: tuple[int, ...]
    weight_decay: float
    one_start: bool = False

    @property
    def noisy(self) -> RunSpec:
        """The setting with label noise; every level is kept, for what is derived from it."""
        noise = NoiseSpec(kind="symmetric_always_wrong", rate=self.rate)
        return self.clean.but(noise=noise, record={"weights": "every_level"})

    @property
    def collapse(self) -> Collapse:
        """Where train accuracy has collapsed."""
        own = self.clean.data.own
        assert own is not None
        return Collapse(own.classes, self.rate)

    def both(self, spec: RunSpec) -> dict[str, CurveOf]:
        """Test and train accuracy of one setting."""
        return {"accuracy": self.curve(spec), "train accuracy": self.curve(spec, "train_accuracy")}

    def rule(self, build: Callable[[Phases], Rule]) -> Rule | FromPilots:
        """The rule at the windows of the chain with label noise."""
        return self.rule_at({"noisy": self.noisy}, lambda at: build(at["noisy"]))

    def rule_at(
        self, settings: Mapping[str, RunSpec], build: Callable[[Mapping[str, Phases]], Rule]
    ) -> Rule | FromPilots:
        """The rule at the windows that the pilots will set."""
        rule = super().rule_at(settings, build)
        return replace(rule, seeds=self.pilots) if isinstance(rule, FromPilots) else rule

    def by_criterion(self, spec: RunSpec) -> dict[str, RunSpec]:
        """The setting under every pruning criterion."""
        names: tuple[Criterion, ...] = ("magnitude", "gradient", "random")
        of_ours = {str(name): _variant(spec, "criterion", name) for name in names}
        return of_ours if spec.pruning.own is None else {**of_ours, "your own": spec}

    def by_retraining(self, spec: RunSpec) -> dict[str, RunSpec]:
        """The setting under every way of retraining; what is finetuned goes through the whole schedule again."""
        names: tuple[RetrainingMethod, ...] = ("lottery_ticket_rewinding", "learning_rate_rewinding", "scratch")
        return {str(name): _variant(spec, "retraining", name) for name in names}

    def on_trial(self, name: str, curves: Mapping[str, CurveOf], rule: Rule | FromPilots, control: Control) -> Trial:
        """One of the claims, on this network."""
        statement, source = _CLAIMS[name]
        claim = Claim(
            name=name,
            paper=PAPER,
            title="Your own network",
            statement=statement,
            source=source,
            basis="ours",
            exploratory=True,
            tiers=("fast",),
        )
        return Trial(
            claim,
            self.tier,
            curves=curves,
            rule=rule,
            control=control,
            block=self.block,
            looks=(self.seeds,),
            deviations=self.deviations,
            network=self.network,
        )


def _variant(spec: RunSpec, setting: str, name: str) -> RunSpec:
    if getattr(spec.pruning, setting) == name:
        return spec
    return plainly(spec).but(pruning={setting: name} | ({"own": None} if setting == "criterion" else {}))


_CLEAN_LABELS = "no label noise"


def _appears(at: OwnSetting) -> Trial:
    return at.on_trial(
        QUESTION,
        at.both(at.noisy),
        at.rule(
            lambda phases: DipThenRise(
                "accuracy",
                phases.light,
                phases.critical,
                phases.sweet,
                train_curve="train accuracy",
                collapse=at.collapse,
            )
        ),
        Control(_CLEAN_LABELS, at.both(at.clean)),
    )


def _none_without_noise(at: OwnSetting) -> Trial:
    return at.on_trial(
        "no_sdd_without_label_noise",
        {"accuracy": at.curve(at.clean)},
        at.rule(lambda phases: DipFree("accuracy", light=phases.light, critical=phases.critical, sweet=phases.sweet)),
        Control(f"{100 * at.rate:g}% label noise", {"accuracy": at.curve(at.noisy)}),
    )


def _four_phases(at: OwnSetting) -> Trial:
    return at.on_trial(
        "four_phases_in_order",
        at.both(at.noisy),
        at.rule(partial(four_phases, collapse=at.collapse)),
        Control(_CLEAN_LABELS, at.both(at.clean)),
    )


def _under_each(
    name: str, settings: Callable[[OwnSetting, RunSpec], dict[str, RunSpec]]
) -> Callable[[OwnSetting], Trial]:
    def trial(at: OwnSetting) -> Trial:
        noisy = settings(at, at.noisy)
        collapse = at.collapse
        rule = at.rule_at(noisy, lambda phases: AllOf({each: dip(each, phases[each], collapse) for each in noisy}))
        control = Control(_CLEAN_LABELS, at.accuracies(settings(at, at.clean)))
        return at.on_trial(name, at.accuracies(noisy), rule, control)

    return trial


def _distance_peaks(at: OwnSetting) -> Trial:
    return at.on_trial(
        "learning_distance_peaks_at_critical_phase",
        {"distance": at.curve(at.noisy, "learning_distance"), "accuracy": at.curve(at.noisy)},
        at.rule(
            lambda phases: SamePlace(
                "distance", Location(phases.whole, "peak"), "accuracy", Location(phases.to_sweet, "dip")
            )
        ),
        Control("the distance of the noise-free chain", {"distance": at.curve(at.clean, "learning_distance")}),
    )


def _distance_follows(at: OwnSetting) -> Trial:
    clean = at.curve(at.clean, "learning_distance")
    return at.on_trial(
        "learning_distance_follows_test_accuracy",
        {
            "distance": at.curve(at.noisy, "learning_distance"),
            "clean distance": clean,
            "accuracy": at.curve(at.noisy),
        },
        at.rule(
            lambda phases: Correlated(
                x="distance", null="clean distance", y="accuracy", between=phases.rise, direction=-1
            )
        ),
        Control("the distance of a second noise-free chain", {"distance": replace(clean, offset=100)}),
    )


def _reinitialized_wins(at: OwnSetting) -> Trial:
    def derived(draw: int) -> CurveOf:
        return at.curve(at.noisy.but(derivation=DerivationSpec(kind="reinitialized", draw=draw)))

    def rule(phases: Phases) -> Rule:
        terms = (Term(1, "reinitialized", phases.critical), Term(-1, "ticket", phases.critical))
        return Greater(Contrast(terms), margin=0.01)

    return at.on_trial(
        "reinitialized_ticket_can_win",
        {"reinitialized": derived(1), "ticket": at.curve(at.noisy)},
        at.rule(rule),
        Control("two independent reinitializations", {"ticket": derived(2)}),
    )


def _removed(remedied: str, phases: Phases) -> Rule:
    """The claim that a remedy removes the dip: a network that learns nothing has none either, so it must not harm."""
    terms = (Term(1, remedied, phases.critical), Term(-1, WITHOUT, phases.critical))
    return AllOf(
        {
            "no dip": DipFree(remedied, light=phases.light, critical=phases.critical, sweet=phases.sweet),
            "no lower where the dip was": Greater(Contrast(terms), margin=-0.01),
        }
    )


def _decay_removes(at: OwnSetting) -> Trial:
    decayed = plainly(at.noisy).but(training={"optimizer": {"weight_decay": at.weight_decay}})
    without = at.curve(at.noisy)
    return at.on_trial(
        "weight_decay_removes_the_dip",
        {"decayed": at.curve(decayed), WITHOUT: without},
        at.rule(lambda phases: _removed("decayed", phases)),
        Control("the same without weight decay", {"decayed": without}),
    )


def _penalty_removes(at: OwnSetting) -> Trial:
    without = at.noisy.but(training={"penalty": PenaltySpec()})

    return at.on_trial(
        PENALISED,
        {"penalised": at.curve(at.noisy), WITHOUT: at.curve(without)},
        at.rule_at({"without the penalty": without}, lambda set_by: _removed("penalised", *set_by.values())),
        Control("the same without the penalty", {"penalised": at.curve(without)}),
    )


def _teacher_removes(at: OwnSetting) -> Trial:
    lesson = DistillationSpec(alpha=_ALPHA, temperature=_TEMPERATURE, teacher=at.noisy)
    return at.on_trial(
        "teacher_removes_the_dip",
        {"student": at.curve(plainly(at.noisy).but(distillation=lesson)), WITHOUT: at.curve(at.noisy)},
        at.rule(lambda phases: _removed("student", phases)),
        Control("no teacher", {"student": at.curve(at.noisy)}),
    )


_HE, _QUETU = "He et al. 2022", "Quétu & Milovanović 2023"

_TRIALS: Mapping[str, tuple[str, str, Callable[[OwnSetting], Trial]]] = {
    QUESTION: (
        "Under label noise, your network's test accuracy falls and rises again as it is pruned.",
        f"{_HE}, Figure 1",
        _appears,
    ),
    "no_sdd_without_label_noise": (
        "With clean labels, its test accuracy does not dip.",
        f"{_HE}, section 3",
        _none_without_noise,
    ),
    "four_phases_in_order": (
        "A light phase, within a point of the dense network, a critical, a sweet and a collapsed one follow each "
        "other; train accuracy starts to fall after the light one and before the critical one ends, and falls further "
        "from the sweet to the collapsed one.",
        f"{_HE}, section 2.3",
        _four_phases,
    ),
    "sdd_under_every_pruning_criterion": (
        "It dips and rises whether weights are pruned by magnitude, by gradient, or at random.",
        f"{_HE}, section 3",
        _under_each("sdd_under_every_pruning_criterion", OwnSetting.by_criterion),
    ),
    "sdd_under_every_retraining": (
        "It dips and rises whether it is rewound, trained on, or trained from scratch after pruning.",
        f"{_HE}, section 3",
        _under_each("sdd_under_every_retraining", OwnSetting.by_retraining),
    ),
    "learning_distance_peaks_at_critical_phase": (
        "The learning distance peaks at the density at which test accuracy is lowest.",
        f"{_HE}, section 3.2",
        _distance_peaks,
    ),
    "learning_distance_follows_test_accuracy": (
        "From the critical to the sweet phase, the learning distance falls as test accuracy rises.",
        f"{_HE}, section 3.2",
        _distance_follows,
    ),
    "reinitialized_ticket_can_win": (
        "Where the ticket does worst, its mask does better from another random start.",
        f"{_HE}, section 4",
        _reinitialized_wins,
    ),
    "weight_decay_removes_the_dip": (
        "With weight decay, its test accuracy does not dip, and is no lower where it dips without it.",
        f"{_QUETU}, section 3",
        _decay_removes,
    ),
    PENALISED: (
        "With the penalty, its test accuracy does not dip, and is no lower where it dips without it.",
        "own question, after Quétu & Milovanović 2023, who ask it of weight decay",
        _penalty_removes,
    ),
    "teacher_removes_the_dip": (
        "If it learns from the dense network, its test accuracy does not dip, and is no lower where it dips otherwise.",
        f"{_QUETU}, section 4",
        _teacher_removes,
    ),
}
_CLAIMS = {name: (statement, source) for name, (statement, source, _) in _TRIALS.items()}
EVERY_NAME = tuple(_TRIALS)
OF_OTHER_STARTS = ("sdd_under_every_retraining", "reinitialized_ticket_can_win")
"""The claims that draw further first weights of a seed."""

NAMES = tuple(name for name in EVERY_NAME if name != PENALISED)
"""The claims of a network that is trained without a penalty."""


def chosen(text: str, *, penalised: bool = False) -> tuple[str, ...]:
    """The claims of a text: "all", or names between commas.

    Args:
        text: as the user gave it.
        penalised: whether the network is trained with a penalty, of which there is a claim.

    Raises:
        InputError: there is no such claim.
    """
    known = EVERY_NAME if penalised else NAMES
    if text == "all":
        return known
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name == "all":
            raise InputError(f"--claims {text}: all takes in every claim; give it by itself, or leave it out")
        if name == PENALISED and not penalised:
            raise InputError(f"--claims {name}: no penalty is given; name one with --penalty")
        if name not in known:
            raise InputError(
                f"--claims {name}: there is no such claim{nearest(name, known)}; use all, or {', '.join(known)}"
            )
    if not names:
        raise InputError(f"--claims names none; use all, or {', '.join(known)}")
    return names


def own_trials(setting: OwnSetting, names: Sequence[str], error_rate: tuple[float, int] | None = None) -> list[Trial]:
    """The trials of some claims on a user's network.

    Args:
        setting: the network and data.
        names: of the claims.
        error_rate: alpha and the number of claims that share it; by default the register's, and all on offer, with a
            penalty or without one: who asks one after the other asks no more of chance than who asks for all at once.
    """
    level = error_rate or (the_register().alpha, len(EVERY_NAME))
    return [replace(_TRIALS[name][2](setting), error_rate=level) for name in names]


def check_counts(seeds: int, pilots: int, block: int) -> None:
    """Check the numbers of seeds.

    Raises:
        InputError: too few or too many of them, or a block of pilots.
    """
    if not MINIMUM_SEEDS <= seeds <= 100:
        raise InputError(
            f"--seeds {seeds}: give {MINIMUM_SEEDS} to 100; with fewer the rules' error rates are not known"
        )
    if not 2 <= pilots <= 12:
        raise InputError(f"--pilots {pilots}: give 2 to 12")
    if block < BLOCK or block % BLOCK:
        raise InputError(f"--block {block}: blocks that judge begin with seed {BLOCK}, {2 * BLOCK}, ...; give one")
