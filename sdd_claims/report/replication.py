"""Verdicts on a fresh block beside those that they repeat: `python -m sdd_claims.report.replication ORIGINAL AGAIN`.

ORIGINAL and AGAIN are folders of published runs, or packed claims.json of runs that others have replaced. AGAIN has
judged another block of seeds (`--block`); what it judged by another protocol is named and left out. Beside each verdict
of ORIGINAL stands the chance that fresh seeds repeat it; here is how often they did.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdd_claims.errors import InputError
from sdd_claims.report import claims_json, history, numbers, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.report.delivery import deliver
from sdd_claims.report.templating import environment

CERTAIN = 0.99
"""A verdict with this chance of being repeated should be."""


@dataclass(frozen=True)
class Pair:
    """A claim that two blocks have judged.

    Attributes:
        first: its entry in the original run.
        again: its entry in the replication.
    """

    first: ClaimEntry
    again: ClaimEntry

    @property
    def of_one_protocol(self) -> bool:
        """Whether the two differ in their seeds alone: in neither rule, settings, nor looks, which set the level."""
        one, other = self.first.get("e_values"), self.again.get("e_values")
        if one is None or other is None or one["family"] != other["family"]:
            return False
        return self.first["threshold"] == self.again["threshold"] and self.first["looks"][:1] == self.again["looks"][:1]

    @property
    def is_finished(self) -> bool:
        """Whether neither is open so far."""
        return not (sentences.is_open_so_far(self.first) or sentences.is_open_so_far(self.again))

    @property
    def repeated(self) -> bool:
        """Whether both came to the same: supported, refuted, the contrary on a proxy, or neither."""
        return _kind(self.first) == _kind(self.again)

    @property
    def promised(self) -> float:
        """The chance that fresh seeds repeat the first verdict, by the first seeds."""
        chance = self.first.get("stability")
        assert chance is not None  # see `replication`
        return chance


@dataclass(frozen=True)
class Replication:
    """What two runs have both judged, in the order of the original.

    Attributes:
        pairs: the claims that both judged by one protocol.
        changed: those that the second run judged by another, which is no repetition.
        unfinished: those that one of the runs left open so far.
    """

    pairs: Sequence[Pair]
    changed: Sequence[ClaimEntry]
    unfinished: Sequence[ClaimEntry]


def replication(original: ClaimsDocument, again: ClaimsDocument) -> Replication:
    """Pair the registered claims that both have judged; questions are left out.

    Raises:
        InputError: nothing is there to compare, verdicts that say no chance of being repeated, seeds in common, or no
            claim that both judged by one protocol.
    """
    known = {sentences.key(claim): claim for claim in again["claims"] if claim["verdict"]}
    both = [
        Pair(claim, known[sentences.key(claim)])
        for claim in original["claims"]
        if claim["verdict"] and sentences.key(claim) in known and not sentences.is_exploratory(claim)
    ]
    found = [pair for pair in both if pair.is_finished]
    if not found:
        raise InputError("no claim was judged to the end by both runs; give a run and its replication")
    same = [pair for pair in found if pair.of_one_protocol]
    if not same:
        raise InputError("the two runs have judged by different protocols; what they came to is no repetition")
    for pair in same:
        name = sentences.name(pair.first)
        if pair.first.get("stability") is None:
            raise InputError(f"{name}: the first run says no chance of being repeated; give a run of this version")
        if set(pair.first["seeds"]) & set(pair.again["seeds"]):
            raise InputError(f"{name} was judged on the same seeds twice; a replication takes a fresh block (--block)")
    changed = [pair.again for pair in found if not pair.of_one_protocol]
    return Replication(same, changed, [pair.again for pair in both if not pair.is_finished])


def at_most(count: int, chances: Sequence[float]) -> float:
    """The chance that at most `count` of some independent events happen, each with a chance of its own."""
    total = np.ones(1)
    for chance in chances:
        total = np.convolve(total, [1 - chance, chance])
    return float(total[: count + 1].sum())


def to_markdown(original: ClaimsDocument, again: ClaimsDocument) -> str:
    """The comparison as GitHub-flavoured Markdown."""
    found = replication(original, again)
    both = found.pairs
    template = environment(autoescape=False).get_template("replication.md.j2")
    certain = [pair for pair in both if pair.promised >= CERTAIN]
    return template.render(
        runs={"first": original, "again": again},
        blocks={
            "first": history.blocks_of(pair.first for pair in both),
            "again": history.blocks_of(pair.again for pair in both),
        },
        pairs=both,
        changed=found.changed,
        unfinished=found.unfinished,
        certain=certain,
        repeated=sum(pair.repeated for pair in both),
        expected=numbers.plain(sum(pair.promised for pair in both), 3),
        tail=numbers.probability(
            at_most(sum(pair.repeated for pair in both), [pair.promised for pair in both]),
        ),
        row=_row,
        CERTAIN=CERTAIN,
    )


def _row(pair: Pair) -> dict[str, str]:
    return {
        "promised": numbers.chance(pair.promised),
        "first": f"{sentences.ruling(pair.first)}, {numbers.effect(pair.first['effect'])}",
        "again": f"{sentences.ruling(pair.again)}, {numbers.effect(pair.again['effect'])}",
        "seeds": f"{len(pair.first['seeds'])}, {len(pair.again['seeds'])}",
        "repeated": "yes" if pair.repeated else "**no**",
    }


def _kind(claim: ClaimEntry) -> str:
    """What a verdict counts as in `stability`: all that is open is one kind."""
    kind = sentences.openness(claim)
    return "open" if kind not in (None, "contrary on a proxy") else kind or str(claim["verdict"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison, or write it; an error of the user's is one sentence and exit status 2."""
    parser = argparse.ArgumentParser(prog="python -m sdd_claims.report.replication", description=__doc__)
    parser.add_argument("original", type=Path, help="folder of the run that judged first, or its claims.json.gz")
    parser.add_argument("again", type=Path, help="folder of the run that judged a fresh block, or its claims.json.gz")
    parser.add_argument("--write", type=Path, help="file to write; without it the table goes to standard output")
    given = parser.parse_args(arguments)
    paths = (path if path.suffix == ".gz" else path / "claims.json" for path in (given.original, given.again))
    return deliver(lambda: to_markdown(*map(claims_json.read, paths)), given.write)


if __name__ == "__main__":
    raise SystemExit(main())
