"""What is said of a network of one's own: before it is trained, and of its verdict."""

from collections.abc import Mapping, Sequence

from sdd_claims.curves import SparsityCurve
from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.verdict import NO_WINDOWS
from sdd_claims.registration.own import PAPER, QUESTION, OwnSetting
from sdd_claims.registration.trial import Trial
from sdd_claims.report import numbers, sentences
from sdd_claims.report.claims_json import ClaimEntry
from sdd_claims.stats import diverged_pilots
from sdd_claims.stats.dip_depth import below_both
from sdd_claims.storage.store import Store


def asked_first(entries: Mapping[str, ClaimEntry]) -> ClaimEntry:
    """The verdict on the question whether it shows sparse double descent, else the first one."""
    return entries.get(QUESTION) or next(iter(entries.values()))


def beginning(setting: OwnSetting, trials: Sequence[Trial]) -> str:
    """What will be trained and judged."""
    network, data = setting.clean.model.own, setting.clean.data.own
    assert network is not None
    assert data is not None
    penalty, compiled = setting.clean.training.penalty, setting.clean.training.arithmetic == "portable"
    penalised = "" if penalty.name == "none" else f", with {penalty}"
    if penalty.own is not None:
        penalised += ", which compiled code does not know: trained as a stack, by PyTorch"
    engine_words = f"{', by compiled code' if compiled else ''}{penalised}"
    return (
        f"{setting.network}: {numbers.count(data.train_count, 'training image')} of {data.shape}, {data.classes} "
        f"classes; prunes {', '.join(network.prunable)}{engine_words}. {numbers.count(len(trials), 'claim')}: "
        f"{len(setting.pilots)} pilots set windows, then {setting.seeds} seeds judge."
    )


def answer(entry: ClaimEntry, setting: OwnSetting, store: Store) -> str:
    """What came out, in plain words."""
    question = entry["id"] == f"{PAPER}/{QUESTION}"
    kind = sentences.openness(entry)
    noise = f"under {100 * setting.rate:g}% label noise"
    if not entry["words"]:
        return f"Inconclusive, since no seed has judged{f' {noise}' if question else ''}: {_seen(entry, store)}"
    words = entry["words"]
    if not question:
        return f"{entry['statement']} {sentences.ruling(entry).capitalize()}. {words}"
    if kind == "control supported":
        return f"Inconclusive: it dips and rises {noise}, but just so with clean labels. {words}"
    if kind == "control not measured":
        return f"Inconclusive: it dips and rises {noise}, but with clean labels that could not be measured. {words}"
    if entry["verdict"] == "supported":
        return f"Yes, it shows sparse double descent {noise}. {words}"
    if entry["verdict"] == "refuted":
        return f"No, it does not show sparse double descent {noise}. {words}"
    if kind == "cannot be measured":
        return f"Inconclusive: it cannot be measured {noise}: {entry['reason']}. {words}"
    return f"Undecided whether it shows sparse double descent {noise}. {words}"


def _seen(entry: ClaimEntry, store: Store) -> str:
    """The pilots' mean curve in words, or what it lacks for the windows of another claim."""
    if entry["id"] != f"{PAPER}/{QUESTION}":
        return f"{(entry['reason'] or 'there are no curves').removeprefix(NO_WINDOWS)}."
    for run in entry["runs"].values():
        if run["measure"] == "test_accuracy":
            try:
                curve: SparsityCurve = store.curve(run["digest"], run["measure"], run["seeds"], run["levels"])
            except (InputError, StoreError):
                continue
            if lost := diverged_pilots(curve):
                return f"{lost}; lower the learning rate with --lr."
            return (
                f"{numbers.count(len(curve.seeds), 'pilot')} were looked at; their mean test accuracy {_shape(curve)}."
            )
    return f"{entry['reason'] or 'there are no curves'}."


def _shape(curve: SparsityCurve) -> str:
    """A mean curve for which no windows could be set."""
    mean, at = curve.values.mean(0), curve.position
    depth = below_both(mean)
    low = int(depth.argmax())
    if depth[low] > 0:
        after = low + int(mean[low:].argmax())
        scatter = 100 * curve.values.std(0, ddof=1)
        return (
            f"falls from {mean[: low + 1].max():.1%} to {mean[low]:.1%} at density {at[low]:.3g} and rises to "
            f"{mean[after]:.1%} at density {at[after]:.3g}, but gives no windows: seeds scatter by up to "
            f"{scatter[: after + 1].max():.1f} points, where dense networks do by {scatter[0]:.1f}; train for "
            "longer, or with more images"
        )
    best = int(mean.argmax())
    return (
        f"shows no dip and rise: it is {mean[0]:.1%} dense, highest at density {at[best]:.3g} ({mean[best]:.1%}), and "
        f"{mean[-1]:.1%} at density {at[-1]:.3g}"
    )


def row_of(entry: ClaimEntry) -> tuple[str, ...]:
    """A verdict as a row of a table: statement, verdict, effect, p."""
    effect = f"{numbers.effect(entry['effect'])} ({numbers.interval(entry['effect'])})"
    return entry["statement"], sentences.ruling(entry), effect, sentences.shown_p(entry)
