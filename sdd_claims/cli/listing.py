"""`sdd-claims list`: the register, with what has been published on it."""

import shutil
import textwrap
from typing import Any

import click

from sdd_claims.cli.words import json_option, say_json
from sdd_claims.errors import InputError, nearest


@click.command("list")
@click.option("--paper", metavar="PAPER", help="Only the claims of one paper, such as he2022.")
@click.option("--tier", type=click.Choice(["fast", "full"]), help="Only one tier.")
@json_option
def list_claims(paper: str | None, tier: str | None, as_json: bool) -> None:
    """List the claims, with their published verdicts.

    Of each: what it says, in which tiers and on which networks it is on trial, what was expected, what was published.
    """
    from sdd_claims.registration.register import the_register
    from sdd_claims.registration.trials import all_trials
    from sdd_claims.report import numbers

    claims = the_register().claims
    papers = sorted({claim.paper for claim in claims.values()})
    if paper is not None and paper not in papers:
        raise InputError(f"--paper {paper}: there is no such paper{nearest(paper, papers)}; use {', '.join(papers)}")
    runs = _published()
    trials = [trial for _, trial in sorted(all_trials().items()) if tier in (None, trial.tier)]
    listed: list[dict[str, Any]] = []
    for name, claim in sorted(claims.items()):
        of_claim = [trial for trial in trials if trial.claim.id == name]
        if paper not in (None, claim.paper) or not of_claim:
            continue
        entries = [
            {
                "tier": trial.tier,
                "network": trial.network,
                "expected": None if claim.exploratory else trial.expected,
                "proxy": trial.proxy,
                "published": runs.get(trial.key),
            }
            for trial in of_claim
        ]
        listed.append(
            {
                "id": name,
                "paper": claim.paper,
                "statement": claim.statement,
                "source": claim.source,
                "basis": claim.basis,
                "question": claim.exploratory,
                "trials": entries,
            }
        )
    if as_json:
        say_json(listed)
        return
    for claim_entry in listed:
        _say(claim_entry)
    click.echo(
        f"{numbers.count(len(listed), 'claim')}, {numbers.count(sum(len(e['trials']) for e in listed), 'trial')}"
    )
    if not runs:
        click.echo("Published verdicts lie in the repository, under reports/published, not in the wheel.")


def _published() -> dict[tuple[str, str, str], dict[str, Any]]:
    """What the current published runs say, by claim, tier and network; nothing where there is no checkout.

    Replications are left out: they repeat what another run has judged first. Of several runs the last one counts.
    """
    from sdd_claims.locations import checkout
    from sdd_claims.report import sentences
    from sdd_claims.report.history import last_verdicts, standing

    top = checkout()
    return {
        sentences.key(claim): {
            "run": run.name,
            "verdict": claim["verdict"],
            "ruling": sentences.ruling(claim),
            "effect": claim["effect"],
            "p": claim["p"],
            "p_contrary": claim["p_contrary"],
            "decisive": claim.get("decisive"),
            "seeds": claim["seeds"],
        }
        for run, claim in (last_verdicts(standing(top / "reports" / "published")) if top else ())
        if claim["verdict"] is not None
    }


def _say(entry: dict[str, Any]) -> None:
    width = max(60, shutil.get_terminal_size().columns)
    click.secho(entry["id"], bold=True)
    click.echo(textwrap.fill(entry["statement"], width, initial_indent="  ", subsequent_indent="  "))
    outcomes: dict[str, list[str]] = {}  # networks of which the same is to be said, in one line
    for trial in entry["trials"]:
        outcomes.setdefault(f"{trial['tier']}{{}}: {_outcome(trial, entry['question'])}", []).append(trial["network"])
    for words, networks in outcomes.items():
        named = ", ".join(filter(None, networks))
        text = words.format(f", {named}" if named else "")
        click.echo(textwrap.fill(text, width, initial_indent="  ", subsequent_indent="    "))
    click.echo()


def _outcome(trial: dict[str, Any], is_question: bool) -> str:
    from sdd_claims.report import numbers
    from sdd_claims.report.sentences import shown_p

    expected = "a question, nothing expected" if is_question else f"expected {trial['expected']}"
    proxy, found = " (proxy)" if trial["proxy"] else "", trial["published"]
    if found is None:
        return f"{expected}{proxy}; no published verdict"
    effect, interval = numbers.effect(found["effect"]), numbers.interval(found["effect"])
    return (
        f"{expected}{proxy}; published {found['ruling']}, effect {effect} ({interval}), "
        f"p {shown_p(found)}, {numbers.count(len(found['seeds']), 'seed')}"
    )
