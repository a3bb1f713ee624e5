"""`HISTORY.md`: which published run said what of each claim: `python -m sdd_claims.report.history reports/published`.

It is made from the runs that stand in the folder and from those that they have replaced, which are kept in `history/`;
`history/notes.toml` says of a run why it was made.
"""

import argparse
import math
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdd_claims.errors import InputError
from sdd_claims.parsing import from_toml
from sdd_claims.report import claims_json, numbers, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.report.delivery import deliver
from sdd_claims.report.templating import environment

_LARGEST = 1e300  # of a product that no float holds
_BLOCK = 1000  # seeds; no report knows the registry, which says so too
FOLDER, ENDING = "history", ".claims.json.gz"


@dataclass(frozen=True)
class PublishedRun:
    """A run as it was published.

    Attributes:
        name: name of its folder, or of its file among the replaced ones.
        document: its claims.json.
        current: it is in the folder; else another run has replaced it.
        note: why it was made, or what changed with it.
    """

    name: str
    document: ClaimsDocument
    current: bool
    note: str

    @property
    def blocks(self) -> list[int]:
        """The blocks of seeds that judged."""
        return blocks_of(self.document["claims"])

    @property
    def machine(self) -> str:
        """Processor, instruction set where it was written down, and PyTorch."""
        return sentences.machine(self.document)


def current_paths(folder: Path) -> dict[str, Path]:
    """The claims.json of the runs that stand in the folder, by the names of theirs."""
    return {path.parent.name: path for path in sorted(folder.glob("*/claims.json"))}


def published_paths(folder: Path) -> dict[str, Path]:
    """The claims.json of every published run, by its name: those in the folder, and the replaced ones.

    Raises:
        InputError: two of one name.
    """
    current = current_paths(folder)
    replaced = {path.name.removesuffix(ENDING): path for path in sorted((folder / FOLDER).glob(f"*{ENDING}"))}
    if both := sorted(current.keys() & replaced.keys()):
        raise InputError(f"{replaced[both[0]]} bears the name of a run that was not replaced; give it another")
    return current | replaced


def published_runs(folder: Path) -> list[PublishedRun]:
    """All runs, the oldest first.

    Raises:
        InputError: a claims.json that cannot be read, or notes on a run that is not there.
    """
    paths = published_paths(folder)
    notes = read_notes(folder / FOLDER / "notes.toml", paths, "of which there is no run")
    runs = [
        PublishedRun(name, claims_json.read(path), path.parent.name != FOLDER, notes.get(name, ""))
        for name, path in paths.items()
    ]
    return sorted(runs, key=lambda run: (run.document["environment"]["started"], run.name))


def standing(folder: Path) -> list[PublishedRun]:
    """The runs that stand in a folder, but for replications, whose claims another run has judged first."""
    return [run for run in published_runs(folder) if run.current and "replication" not in run.document]


def last_verdicts(runs: Sequence[PublishedRun]) -> list[tuple[PublishedRun, ClaimEntry]]:
    """The entry of every claim, tier and network, with its run: of several runs' that of the last one with a verdict.

    Of verdicts those come first that are not open so far.

    Args:
        runs: the oldest first.
    """
    found = dict[tuple[str, str, str], tuple[PublishedRun, ClaimEntry]]()
    for run in runs:
        for claim in run.document["claims"]:
            key = sentences.key(claim)
            if key not in found or _standing(claim) >= _standing(found[key][1]):
                found[key] = (run, claim)
    return [*found.values()]


def _standing(claim: ClaimEntry) -> int:
    """0 where nothing was judged, 1 where looks are left, 2 for a verdict."""
    return 0 if claim["verdict"] is None else 1 if sentences.is_open_so_far(claim) else 2


def read_notes(path: Path, known: Collection[str] | None = None, unless: str = "") -> dict[str, str]:
    """The texts that a TOML file holds by the names of what they are about; none where there is no such file.

    Args:
        path: the file.
        known: names that there may be notes on; None for any.
        unless: what is said of others, as a relative clause.

    Raises:
        InputError: it is no TOML, a note is no text, or there is a note on something else.
    """
    try:
        notes = from_toml(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise InputError(f"{path} is not TOML: {error}; mend that line") from error
    if unread := [name for name, note in notes.items() if not isinstance(note, str)]:
        raise InputError(f"{path}: the note on {unread[0]} must be a text in quotes")
    if known is not None and (unknown := notes.keys() - set(known)):
        raise InputError(f"{path} has notes on {', '.join(sorted(unknown))}, {unless}; drop them")
    return notes


@dataclass(frozen=True)
class Earlier:
    """A verdict of earlier runs on a claim, on one block of seeds.

    Attributes:
        run: the last of them.
        entry: what it said.
        runs: how many came to this verdict on this block.
    """

    run: PublishedRun
    entry: ClaimEntry
    runs: int


Verdicts = Mapping[str, Sequence[Earlier]]
"""The verdicts of earlier runs on each claim, network and tier (`key`), the oldest first."""


def before(directory: Path, document: ClaimsDocument) -> Verdicts:
    """The verdicts on the claims of a run that others gave before it, where it stands in a folder with a history.

    Once for each block and verdict, and none that repeats the run itself.

    Args:
        directory: the folder of the run.
        document: its claims.json.
    """
    if not (directory.parent / FOLDER).is_dir():
        return {}
    started = document["environment"]["started"]
    own = {key(entry): _block_and_ruling(entry) for entry in document["claims"]}
    found: dict[str, dict[object, Earlier]] = {}
    for run in published_runs(directory.parent):
        if run.document["environment"]["started"] < started and run.name != directory.name:
            for entry in run.document["claims"]:
                said = _block_and_ruling(entry)
                if entry["verdict"] is not None and said != own.get(key(entry)):
                    of_claim = found.setdefault(key(entry), {})
                    held = of_claim.pop(said, None)
                    of_claim[said] = Earlier(run, entry, 1 + (held.runs if held else 0))
    return {name: [*of_claim.values()] for name, of_claim in found.items()}


def _block_and_ruling(claim: ClaimEntry) -> tuple[tuple[int, ...], str]:
    return tuple(blocks_of([claim])), sentences.ruling(claim)


def key(claim: ClaimEntry) -> str:
    """A claim with its network and tier."""
    return f"{_name(claim)} [{claim['tier']}]"


def to_markdown(runs: Sequence[PublishedRun]) -> str:
    """The verdict of each run on each claim, as GitHub-flavoured Markdown."""
    tiers = {tier: [run for run in runs if _judged(run, tier)] for tier in ("fast", "full")}
    tables = {tier: _table(of_tier, tier) for tier, of_tier in tiers.items()}
    evidence = {tier: _evidence(of_tier, tier) for tier, of_tier in tiers.items()}
    template = environment(autoescape=False).get_template("history.md.j2")
    judged = {tier: judged_blocks(of_tier, tier) for tier, of_tier in tiers.items()}
    return template.render(runs=runs, tiers=tiers, tables=tables, evidence=evidence, judged=judged)


def blocks_of(claims: Iterable[ClaimEntry]) -> list[int]:
    """The blocks of the seeds that claims were judged on."""
    return sorted({seed // _BLOCK * _BLOCK for claim in claims for seed in claim["seeds"]})


def judged_blocks(runs: Sequence[PublishedRun], tier: str) -> list[float]:
    """The error rate of every claim on every block that has judged it; their sum bounds that of them all together.

    A block whose seeds were trained anew counts once, at the largest of its rates.
    """
    rates: dict[tuple[str, int], float] = {}
    for run in runs:
        rate = run.document["alpha"] / run.document["registered"]
        for claim in run.document["claims"]:
            if claim["tier"] == tier and claim["verdict"] is not None and sentences.is_registered(claim):
                for block in blocks_of([claim]):
                    at = _name(claim), block
                    rates[at] = max(rate, rates.get(at, 0.0))
    return list(rates.values())


def _table(runs: Sequence[PublishedRun], tier: str) -> dict[str, list[str]]:
    """What runs said of each claim and network, the oldest first: once where several say the same of the same seeds."""
    said = dict[str, dict[str, None]]()
    for run in runs:
        for claim in run.document["claims"]:
            if claim["tier"] == tier and claim["verdict"] is not None:
                said.setdefault(_name(claim), {})[_said(claim)] = None
    return {name: [*said[name]] for name in sorted(said)}


def evidence_of_blocks(claims: Sequence[ClaimEntry]) -> str:
    """The product of the e-values of all blocks that judged a claim, for what is shown of the last one: "12 (1000)".

    Args:
        claims: its entries, the oldest first, of which only those with published evidence have e-values; a block that
            judged twice counts once, and pilots, which set the windows, not at all.

    Raises:
        InputError: blocks that were judged by different protocols, whose e-values say different things.
    """
    claims = [each for each in claims if each["verdict"] is not None and each.get("e_values") and each["seeds"]]
    blocks = {min(each["seeds"]) // _BLOCK * _BLOCK: each for each in claims}
    if not blocks:
        return ""
    held = [each["e_values"] for each in blocks.values()]
    named = ", ".join(map(str, sorted(blocks)))
    if len({each["family"] for each in held if each}) > 1:
        raise InputError(
            f"the e-values of the blocks {named} are not multiplied: they were judged by different protocols"
        )
    shown = claims[-1].get("decisive")
    of = shown["of"] if shown else "claim"
    factors = [each[of] for each in held if each]
    known = [each for each in factors if each is not None]
    if len(known) < len(factors):
        return ""
    product = min(math.prod(known), _LARGEST)
    return f"{numbers.e_value(product)}{' for the contrary' if of == 'contrary' else ''} ({named})"


def _evidence(runs: Sequence[PublishedRun], tier: str) -> dict[str, str]:
    """The same of every claim of a tier, or the sentence that refuses it."""
    entries: dict[str, list[ClaimEntry]] = {}
    for claim in (claim for run in runs for claim in run.document["claims"] if claim["tier"] == tier):
        entries.setdefault(_name(claim), []).append(claim)
    found = {}
    for name, claims in entries.items():
        try:
            found[name] = evidence_of_blocks(claims)
        except InputError as error:
            found[name] = str(error)
    return found


def _judged(run: PublishedRun, tier: str) -> bool:
    return any(claim["tier"] == tier for claim in run.document["claims"])


def _name(claim: ClaimEntry) -> str:
    return f"{claim['id']} ({sentences.network(claim)})" if sentences.network(claim) else claim["id"]


def _said(claim: ClaimEntry) -> str:
    """The seeds of a claim, its verdict and its effect."""
    return f"{numbers.seed_list(claim['seeds'])}: {sentences.ruling(claim)}, {numbers.effect(claim['effect'])}"


def main(arguments: list[str] | None = None) -> int:
    """Write the history of a folder; an error of the user's is one sentence and exit status 2."""
    parser = argparse.ArgumentParser(prog="python -m sdd_claims.report.history", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of published runs")
    folder: Path = parser.parse_args(arguments).folder

    def page() -> str:
        runs = published_runs(folder)
        if not runs:
            raise InputError(f"{folder} holds no published run; give the folder that holds fast/claims.json and others")
        return to_markdown(runs)

    return deliver(page, folder / "HISTORY.md")


if __name__ == "__main__":
    sys.exit(main())
