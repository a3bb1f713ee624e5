"""`sdd-claims diff`: two runs side by side."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdd_claims.cli.words import json_option, say_json, say_table

if TYPE_CHECKING:
    from sdd_claims.report.claims_json import EffectEntry
    from sdd_claims.report.difference import ClaimDifference, Difference


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@json_option
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Compare two runs, verdict by verdict.

    OLD and NEW are folders with a claims.json. Exit status 0: every claim that both have judged has the same verdict;
    1: some verdict differs.
    """
    from sdd_claims.report.difference import between

    found = between(old, new)
    if as_json:
        say_json(found.as_json())
    else:
        _say(found)
    click.get_current_context().exit(1 if found.differing else 0)


def _say(found: "Difference") -> None:
    from sdd_claims.report import sentences
    from sdd_claims.report.numbers import count

    changed = [claim for claim in found.claims if claim.changed]
    columns = [("claim", False), ("verdict", False), ("effect", True), ("p", True), ("seeds", True), ("note", False)]
    if changed:
        say_table(columns, [_row(claim) for claim in changed])
        click.echo()
    for what, entries in (("added", found.added), ("gone", found.gone)):
        for entry in entries:
            click.echo(f"{what}: {sentences.name(entry)}: {sentences.verdict_word(entry['verdict'])}")
    for claim in changed:
        for what, (before, after) in _details(claim):
            click.echo(f"{claim.name}: {what}: {_text(before)} → {_text(after)}")
    for what, (before, after) in found.environment.items():
        click.echo(f"{what}: {_text(before)} → {_text(after)}")
    if found.numbers is not None:
        trained, other = found.numbers.common, found.numbers.other
        click.echo(f"evidence: {trained:,} numbers trained for both, {other:,} of them not the same")
    others = [claim for claim in found.claims if not claim.is_comparable]
    if others:
        click.echo(
            f"{count(len(others), 'claim')} judged by another protocol: something else was fixed beforehand, so that "
            "the two verdicts cannot be compared"
        )
    click.echo(
        f"{count(len(found.claims), 'claim')} in both: {count(len(found.differing), 'verdict')} not the same, "
        f"{len(found.claims) - len(changed)} the same in everything"
    )


def _row(claim: "ClaimDifference") -> tuple[str, ...]:
    from sdd_claims.report import numbers
    from sdd_claims.report.sentences import shown_p, verdict_word

    old, new = claim.old, claim.new
    return (
        claim.name,
        _pair(verdict_word(old["verdict"]), verdict_word(new["verdict"])),
        _effects(old["effect"], new["effect"]),
        _pair(shown_p(old), shown_p(new)),
        _pair(numbers.seed_list(old["seeds"]), numbers.seed_list(new["seeds"])),
        "" if claim.is_comparable else "protocols differ",
    )


def _effects(before: "EffectEntry | None", after: "EffectEntry | None") -> str:
    """Both effects; their unit once, where it is one."""
    from sdd_claims.report import numbers

    texts = numbers.effect(before), numbers.effect(after)
    if texts[0] != texts[1] and before and after and before["unit"] == after["unit"]:
        unit = "points" if before["unit"] == "accuracy" else before["unit"]
        return _pair(texts[0].removesuffix(unit).rstrip(), texts[1])
    return _pair(*texts)


def _details(claim: "ClaimDifference") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """What the table leaves out, but for numbers that follow from it."""
    shown = ("verdict", "effect", "p", "p_contrary", "p_holm", "seeds", "protocol", "control p", "control effect")
    yield from ((name, change) for name, change in claim.changed.items() if name not in shown)


def _pair(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):  # where levels were trained
        return "; ".join(", ".join(map(str, filter(None, each.values()))) for each in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
