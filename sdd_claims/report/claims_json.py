"""`claims.json`, version 2: the one record of a judged run. These types are its schema; the report reads nothing else.

A missing number is `None`. NaN and infinity never appear. Accuracies are fractions: an accuracy effect of 0.083 is
8.3 points. Version 1, which older published runs have, lacks what stands beside a verdict: `BesideVerdict`.
"""

import gzip
import json
import math
import re
import reprlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    TypedDict,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from sdd_claims.errors import InputError, escaped, plain
from sdd_claims.parsing import from_json
from sdd_claims.storage.files import write_atomically

Version = Literal[1, 2]
SCHEMA: Version = 2
READ: tuple[Version, ...] = get_args(Version)
"""The versions that are read."""

Verdict = Literal["supported", "refuted", "inconclusive"]
Tier = Literal["fast", "full"]
Basis = Literal["paper", "conjecture", "ours"]
Openness = Literal[
    "undecided",
    "open so far",
    "contrary on a proxy",
    "cannot be measured",
    "control supported",
    "control not measured",
]
"""The kinds of an inconclusive verdict: the data are near the margin; they are at the looks taken so far, and others
are left; the contrary is established, on a proxy, which refutes nothing; a seed lacks what the rule measures, or pilots
show no windows; or the rule says yes of the control, or a seed of the control lacks what it measures."""


Ruling = Literal["supported", "refuted", "contrary on a proxy", "open"]


class EffectEntry(TypedDict):
    """An effect with its two-sided t interval of level 1 - 2 * threshold."""

    value: float | None
    low: float | None
    high: float | None
    unit: str


class PartEntry(TypedDict):
    """One limb of a claim that has several."""

    name: str
    verdict: Verdict
    rule: str
    words: str
    effect: EffectEntry | None
    margin: float | None
    p: float | None
    p_contrary: float | None


class RunEntry(TypedDict):
    """One curve that was judged, as the store finds it again.

    `axis` is the axis of its levels, density where it is absent. `remark` is anything else that a reader should know
    of it, such as layers that pruning has emptied. `published` has the seeds that were read from published runs, by the
    SHA-256 of their evidence; it is absent where there are none.
    """

    digest: str
    measure: str
    seeds: list[int]
    levels: int
    label: str
    axis: NotRequired[str]
    remark: NotRequired[str]
    published: NotRequired[dict[str, list[int]]]


class DifferenceEntry(TypedDict):
    """The claim minus its control, seed by seed, in the test of the rule in which they are farthest apart.

    `beyond` of `seeds` lie farther on the claimed side than the same seed of the control; `p` is that of all tests of
    the rule and of all planned looks. `part` is empty for a rule without parts, `t` None where there is none.
    """

    part: str
    beyond: int
    seeds: int
    t: float | None
    p: float


class JudgedControl(TypedDict):
    """The judgement of a control; `verdict` is None where nothing was judged.

    `unmeasured`: why it could test nothing, such as a seed without a dip. `difference` decides nothing; it is absent
    where claim and control cannot be compared, and in files of older versions.
    """

    verdict: Verdict | None
    words: str
    p: float | None
    effect: EffectEntry | None
    unmeasured: NotRequired[str]
    difference: NotRequired[DifferenceEntry]


class ControlEntry(JudgedControl):
    """The same test in a setting where the claim is false."""

    setting: str
    runs: dict[str, RunEntry]


class CostEntry(TypedDict):
    """The cost of the training behind a claim: wall seconds of a core or GPU, and floating-point operations.

    `kept_train_flops` are the operations if pruned weights cost nothing. Energy and CO2 are estimates; `basis` says how
    they were made, or why not. `uncounted` are levels that were read from published runs: their cost is not known here.
    """

    seconds: float | None
    train_flops: float | None
    kept_train_flops: NotRequired[float | None]
    energy_kwh: NotRequired[float | None]
    co2_kg: NotRequired[float | None]
    basis: NotRequired[str]
    uncounted: NotRequired[int]


class RegistrationEntry(TypedDict):
    """The expected outcome of a claim's trial from a block of seeds on, and since which day and commit."""

    block: int
    expected: Verdict
    date: str
    commit: str
    why: str


class DecisiveEntry(TypedDict):
    """The one p of a claim that is shown: of its contrary where that is established, else of the claim itself.

    `p` is that of the design with all its looks, to be compared with `level`, the error rate of the claim. `t` and
    `beyond`, the number of `seeds` that lie beyond the margin in the tested direction, are of the test that decides: of
    all parts the weakest, of some, as of contraries, the strongest; None where the rule does not say. `part` names it
    where the effect is that of another part.
    """

    of: Literal["claim", "contrary"]
    p: float
    level: float
    t: float | None
    beyond: int | None
    seeds: int
    part: NotRequired[str]


class EValuesEntry(TypedDict):
    """The evidence of the judged block for a claim and for its contrary, as e-values: blocks of one `family` multiply.

    `family` is the digest of the protocol without its seeds. `claim` and `contrary` take the numbers for normal, those
    by signs count only on which side of the margin a seed lies. None where nothing is tested.
    """

    family: str
    claim: float | None
    contrary: float | None
    claim_by_signs: float | None
    contrary_by_signs: float | None


class ForeseenEntry(TypedDict):
    """What a trial would come to under one scheme of looks, if effect and scatter of the pilots are the true ones.

    `contrary` is the chance that the contrary is established, which refutes the claim unless the trial is a proxy's;
    `refutable` says whether so many seeds could establish it at all.
    """

    looks: list[int]
    supported: float
    contrary: float
    refutable: bool


class BesideVerdict(TypedDict):
    """What stands beside a verdict and decides nothing, made from the judged curves; absent in version 1.

    `openness` is the kind of an inconclusive verdict. `stability` is the chance that a fresh block of seeds comes to
    the same verdict, by simulation, with two digits. Both are None where they have no meaning. `robustness` says what
    the same seeds come to with one thing changed: windows a level on, margins halved or doubled, a seed left out.
    """

    openness: NotRequired[Openness | None]
    stability: NotRequired[float | None]
    decisive: NotRequired[DecisiveEntry | None]
    e_values: NotRequired[EValuesEntry | None]
    robustness: NotRequired[dict[str, Ruling]]


class JudgedClaim(BesideVerdict):
    """The judgement of a claim: the same curves judged again must repeat it. See `ClaimEntry`."""

    verdict: Verdict | None
    rule: str
    words: str
    effect: EffectEntry | None
    margin: float | None
    p: float | None
    p_contrary: float | None
    threshold: float | None
    seeds: list[int]
    looks: list[int]
    reason: str | None
    parts: list[PartEntry]
    windows: dict[str, list[float]]
    protocol: str | None
    window_axes: NotRequired[dict[str, str]]


class ClaimEntry(JudgedClaim):
    """One claim in one tier, on one network where it is judged on several.

    `verdict` is None where nothing was judged (a smoke run). `title` opens with the authors and the year, up to its
    first comma. `windows` are ranges, low before high, along the axes in `window_axes` (density if absent). `looks` are
    the numbers of seeds at which the data were looked at, the last one the deciding one, if one has decided. `reason`
    says why a verdict stayed open, where something other than its p kept it open, or that looks are left. `protocol` is
    the digest of all that was fixed before the judged seeds were run. `exploratory` says that this is a question
    outside the register (if absent, it is not). `network` is what the claim was judged on, empty or absent where a tier
    has one trial of it. `expected` is what was registered before its block judged; `registrations` are all of the
    register for this tier, those for later blocks too, and none of a claim that the register does not hold. `pilots`
    are the curves from which the windows followed, where they did. `foreseen` is what pilots say that the trial would
    come to, by its own looks first, then by others; empty where no pilots were looked at. `blocks` are all blocks of
    seeds known to have judged the claim, where the user chose this run's seeds and another block had judged before;
    else there are none. `paper_numbers` are the paper's own numbers of the quantity that a part tests, in its unit, by
    part. `p_holm` is the p of `decisive`, adjusted for all claims of its kind (version 1: `p` of one look).
    """

    id: str
    paper: str
    title: str
    statement: str
    source: str
    tier: Tier
    expected: Verdict
    p_holm: float | None
    control: ControlEntry
    basis: Basis
    proxy: bool
    deviations: list[str]
    paper_value: str | None
    cost: CostEntry
    rerun: str
    runs: dict[str, RunEntry]
    exploratory: NotRequired[bool]
    network: NotRequired[str]
    registrations: NotRequired[list[RegistrationEntry]]
    pilots: NotRequired[dict[str, RunEntry]]
    foreseen: NotRequired[list[ForeseenEntry]]
    blocks: NotRequired[list[int]]
    paper_numbers: NotRequired[dict[str, float]]


class SizeEntry(TypedDict):
    """How often a rule reached `verdict` in studies where that verdict is wrong; `upper` bounds the rate at 97.5 %."""

    rule: str
    null: str
    seeds: int
    verdict: Literal["supported", "refuted"]
    rate: float
    upper: float
    repetitions: int


class PowerEntry(TypedDict):
    """How often a rule supports a claim that is true by the named alternative."""

    rule: str
    alternative: str
    seeds: int
    rate: float
    repetitions: int


class DesignEntry(TypedDict):
    """One scheme of looks, and the nominal p asked for at each of them."""

    looks: list[int]
    threshold: float


class CalibrationEntry(TypedDict):
    """The rules' measured size and power; `tests` is the version of the tests.

    `threshold` is what a size is held against: the error rate that a design allows over all of its looks. `designs` are
    the schemes of looks that were measured, and `seeds` of a row is where one ends. In version 1, which has none, each
    of the `looks` was measured alone, and `threshold` is the nominal p at each. `measured` says when, of which commit
    and where, but for early ones. `populations` is the SHA-256 of the rules and of the populations of their studies.
    """

    schema: int
    tests: NotRequired[int]
    threshold: float
    looks: list[int]
    designs: NotRequired[list[DesignEntry]]
    command: str
    measured: NotRequired[str]
    populations: NotRequired[str]
    size: list[SizeEntry]
    power: list[PowerEntry]


class ErrorsEntry(TypedDict):
    """How often simulated studies of a trial came to a verdict that was wrong there.

    The claim, or its contrary, is just false at each of the `places`; `rate` is the largest of these, `upper` the
    largest upper end of their 95 % Clopper-Pearson intervals, and `above` whether a whole interval is above the level.
    """

    rate: float
    upper: float
    places: int
    above: bool


class TrialErrorsEntry(TypedDict):
    """How often one trial errs; an error is None where no seeds can come to that verdict.

    `network` is that of its claim, empty where the tier has one trial of it.
    """

    id: str
    network: str
    protocol: str
    looks: list[int]
    false_support: ErrorsEntry | None
    false_contrary: ErrorsEntry | None


class MeanPowerEntry(TypedDict):
    """The chance that one mean is established, at each of the effects, by one scheme of looks."""

    looks: list[int]
    chances: list[float]


class CharacteristicsEntry(TypedDict):
    """How often the trials of a tier err, as `python -m sdd_claims.characteristics` measured it.

    `studies` is the number at each place, `level` the error rate of a trial over all of its looks, and `effects` are
    distances of a mean from its margin, in standard deviations over seeds.
    """

    tier: Tier
    command: str
    measured: str
    studies: int
    level: float
    effects: list[float]
    power: list[MeanPowerEntry]
    trials: list[TrialErrorsEntry]


class TrainingEntry(TypedDict):
    """Where some of the judged levels were trained, and with what; `capability` is empty where it was not recorded."""

    hardware: str
    capability: str
    torch: str
    commit: str
    levels: int


class TakenEntry(TypedDict):
    """A published run whose curves were read in place of trainings, and how many levels of them.

    `commit`, `started`, `sha256` (of its evidence) and `machine` are those of that run.
    """

    run: str
    commit: str
    started: str
    sha256: str
    machine: str
    levels: int


class EnvironmentEntry(TypedDict):
    """Where and when the run was judged. `started` is ISO 8601; `duration` is in seconds.

    `capability` is the processor's instruction set as PyTorch uses it: it alone moves numbers. `training` says where
    the levels were trained, which may have been on other days and machines; `taken` says how many were not trained for
    this run but read from others, and is absent where there were none.
    """

    commit: str
    versions: dict[str, str]
    hardware: str
    started: str
    duration: float
    device: str
    command: str
    capability: NotRequired[str]
    training: NotRequired[list[TrainingEntry]]
    taken: NotRequired[list[TakenEntry]]


class EvidenceEntry(TypedDict):
    """The file of curves beside `claims.json`: its SHA-256 once unpacked, and how much it holds."""

    file: str
    sha256: str
    curves: int
    numbers: int


class YoursEntry(TypedDict):
    """What claims on a network of the user's own were judged by, so that they can be judged again from the evidence.

    `run` is the canonical JSON of the settings without label noise, whose SHA-256 is the digest of its curves. `noise`
    is the rate of label noise; `seeds` is how many judge, from `block` on; `pilots` set windows.
    """

    network: str
    run: str
    noise: float
    levels: int
    block: int
    seeds: int
    pilots: list[int]
    weight_decay: float


class ClaimsDocument(TypedDict):
    """The whole file. `registered` counts the claims of the register, whatever was selected.

    `evidence` is absent in runs that were published before there was any. `unloaded` has a sentence on each claim
    module that could not be loaded, and on each claim that was refused or crashed, so that nobody has judged it; it is
    absent where there was none. `replication` is the block of seeds that judged in place of the registered ones; it is
    absent where these did. `characteristics` says, tier by tier, how often its trials err, of those that are judged as
    they were when that was measured; it is absent where there are none. `yours` is there where the network is the
    user's own: `registered` then counts the claims that were asked for.
    """

    schema: Version
    environment: EnvironmentEntry
    alpha: float
    registered: int
    calibration: CalibrationEntry | None
    characteristics: NotRequired[list[CharacteristicsEntry]]
    claims: list[ClaimEntry]
    evidence: NotRequired[EvidenceEntry]
    unloaded: NotRequired[list[str]]
    replication: NotRequired[int]
    yours: NotRequired[YoursEntry]


_KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""What Python makes of a byte that is not UTF-8, which no file of text can hold."""


def write(path: Path, document: ClaimsDocument) -> None:
    """Write `document` to `path`, in one step.

    Raises:
        InputError: the document holds NaN or infinity; the message says where.
        StoreError: the folder is read-only or the disk is full; what stood at `path` before is untouched.
    """
    write_atomically(path, as_text(document).encode())


def as_text(document: ClaimsDocument) -> str:
    """The document as JSON. A byte that is not UTF-8, of a path or of the command line, is written as "\\xff".

    Raises:
        InputError: it holds NaN or infinity; the message says where.
    """
    for place in _non_finite(document, ""):
        raise InputError(f"claims.json cannot hold NaN or infinity, found at {place}; write null for a missing number")
    text = json.dumps(document, allow_nan=False, indent=1, ensure_ascii=False) + "\n"
    return _SURROGATE.sub(lambda match: json.dumps(escaped(match[0]))[1:-1], text)


def read(path: Path) -> ClaimsDocument:
    """Read a file that `write` wrote, or its `.gz`.

    A text that would move a terminal, or break a drawing, comes written out.

    Raises:
        InputError: no such file, not JSON, another schema version, or something in it that is not as it should be: the
            message says where.
    """
    remedy = "run the claims again with --report to write a new one"
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        document = _plain(from_json(text))
    except OSError as error:
        raise InputError(f"no claims.json can be read at {path} ({error.strerror or error}); {remedy}") from error
    except (ValueError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is not JSON, or cut short ({error}); {remedy}") from error
    if not isinstance(document, dict) or document.get("schema") not in READ:
        found = document.get("schema") if isinstance(document, dict) else None
        raise InputError(
            f"{path} has schema {found}, this version of sdd_claims reads schema {' and '.join(map(str, READ))}; "
            f"use the version that wrote it, or {remedy}"
        )
    if wrong := misfit(document, ClaimsDocument, "the document"):
        raise InputError(f"{path}: {wrong}; {remedy}")
    for index, claim in enumerate(document["claims"]):
        for name, window in claim["windows"].items():
            if len(window) != 2:
                raise InputError(f"{path}: the window {name} of claims [{index}] has not two ends; {remedy}")
    for measured in document.get("characteristics", []):
        effects = measured["effects"]
        rises = len(effects) > 1 and all(0 <= low < high <= 10 for low, high in pairwise(effects))
        fits = all(
            each["looks"]
            and len(each["chances"]) == len(effects)
            and all(0 <= chance <= 1 for chance in each["chances"])
            for each in measured["power"]
        )
        if not (measured["power"] and rises and fits):
            needs = "needs rising effects from 0 to 10, and a chance for each"
            raise InputError(f"{path}: power in characteristics {needs}; {remedy}")
    tiers = [measured["tier"] for measured in document.get("characteristics", [])]
    if len(set(tiers)) < len(tiers):
        raise InputError(f"{path}: characteristics has one tier twice; {remedy}")
    if not 0 < document["alpha"] < 0.5 or document["registered"] < 1:
        rate = f"alpha {document['alpha']} of {document['registered']} claims"
        raise InputError(f"{path}: {rate} is no error rate; {remedy}")
    return cast(ClaimsDocument, document)


def misfit(value: object, kind: Any, where: str) -> str | None:
    """A phrase for the first thing in `value` that is not of its kind; None where all is."""
    found = _finder(kind)(value)
    return found and f"{where}{found[0]} {found[1]}"


_Misfit = tuple[str, str] | None
"""The place below a value, and what is wrong there."""


@cache
def _finder(kind: Any) -> Callable[[Any], _Misfit]:
    """What finds the first misfit in values of a kind: made once a kind, since documents hold many values of few."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is NotRequired:
        return _finder(arguments[0])
    if origin in (Union, UnionType):
        (held,) = (_finder(each) for each in arguments if each is not NoneType)  # all that these types have
        return (lambda value: None if value is None else held(value)) if NoneType in arguments else held
    if origin is Literal:
        return partial(_of_literal, arguments)
    if is_typeddict(kind):
        fields = {name: _finder(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}
        return partial(_of_object, fields, kind.__required_keys__)
    if origin is list:
        return partial(_of_list, _finder(arguments[0]))
    if origin is dict:
        return partial(_of_dict, _finder(arguments[1]))
    types = (int, float) if kind is float else (kind,)
    return lambda value: None if type(value) in types else ("", f"is {_shown(value)}, expected {_KINDS[kind]}")


def _of_literal(words: tuple[object, ...], value: object) -> _Misfit:
    if value in words and not isinstance(value, bool):  # True == 1
        return None
    return "", f"is {_shown(value)}, expected one of {', '.join(map(str, words))}"


def _of_object(fields: Mapping[str, Callable[[Any], _Misfit]], required: frozenset[str], value: object) -> _Misfit:
    if not isinstance(value, dict):
        return "", "is no object"
    if missing := required - value.keys():
        return "", f"lacks {', '.join(sorted(missing))}"
    for name, find in fields.items():
        if name in value and (found := find(value[name])):
            return f", {name}{found[0]}", found[1]
    return None


def _of_dict(find: Callable[[Any], _Misfit], value: object) -> _Misfit:
    if not isinstance(value, dict):
        return "", "is no object"
    for name, item in value.items():
        if found := find(item):
            return f", {name}{found[0]}", found[1]
    return None


def _of_list(find: Callable[[Any], _Misfit], value: object) -> _Misfit:
    if not isinstance(value, list):
        return "", "is no list"
    for index, item in enumerate(value):
        if found := find(item):
            return f" [{index}]{found[0]}", found[1]
    return None


def _plain(node: Any) -> Any:
    """The same with every text as one line that can be shown."""
    if isinstance(node, dict):
        return {plain(name): _plain(held) for name, held in node.items()}
    if isinstance(node, list):
        return [_plain(held) for held in node]
    return plain(node) if isinstance(node, str) else node


def _shown(value: object) -> str:
    """A value as it stands in the file, cut short."""
    return reprlib.repr(json.dumps(value))[1:-1]


def _non_finite(node: object, place: str) -> Iterator[str]:
    """Yield the place of every NaN and infinity below `node`, as in `.claims[0].effect.low`."""
    if isinstance(node, float) and not math.isfinite(node):
        yield place
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _non_finite(value, f"{place}.{key}")
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _non_finite(value, f"{place}[{index}]")
