"""The power of every trial before it judges, as a table: `python -m sdd_claims.report.power REPORT`.

REPORT is the folder of a `--pilots` run. The table says what each trial is registered as and what it would come to, by
its own looks and by others, if effect and scatter of the pilots are the true ones.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sdd_claims.errors import InputError
from sdd_claims.report import claims_json, numbers, sentences
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument, ForeseenEntry
from sdd_claims.report.delivery import deliver
from sdd_claims.report.templating import environment

DECIDED = 0.8
"""The chance to be decided that a trial should have."""


def to_markdown(document: ClaimsDocument) -> str:
    """Return the table of a run over pilots.

    Raises:
        InputError: it looked at no pilots.
    """
    claims = [claim for claim in document["claims"] if claim.get("foreseen")]
    if not claims:
        raise InputError("this run says nothing of power: no trial of it looked at pilots; run pytest with --pilots")
    schemes = _schemes(claims)
    template = environment(autoescape=False).get_template("power.md.j2")
    return template.render(
        document=document, schemes=schemes, rows=[_row(claim, schemes) for claim in claims], summary=_summary(claims)
    )


def decided(found: ForeseenEntry) -> float:
    """The chance that a trial is decided, either way."""
    return round(found["supported"] + found["contrary"], 2)


def _schemes(claims: Sequence[ClaimEntry]) -> list[tuple[int, ...]]:
    """The schemes of looks that power is told for in every claim, from the fewest seeds on."""
    found = [{tuple(each["looks"]) for each in claim["foreseen"]} for claim in claims]
    return sorted(set.intersection(*found))


def _row(claim: ClaimEntry, schemes: Sequence[tuple[int, ...]]) -> dict[str, str]:
    own = claim["foreseen"][0]
    by_looks = {tuple(each["looks"]): each for each in claim["foreseen"]}
    ahead = [numbers.chance(decided(by_looks[looks])) for looks in schemes]
    return {
        "claim": sentences.name(claim) + (", proxy" if claim["proxy"] else ""),
        "expected": claim["expected"],
        "looks": ", ".join(map(str, own["looks"])),
        "supported": numbers.chance(own["supported"]),
        "contrary": numbers.chance(own["contrary"]) if own["refutable"] else "never",
        "ahead": " / ".join(ahead),
        "control": sentences.control_in_a_word(claim["control"]),
    }


def _summary(claims: Sequence[ClaimEntry]) -> str:
    registered = [claim for claim in claims if sentences.is_registered(claim)]
    enough = sum(decided(claim["foreseen"][0]) >= DECIDED for claim in registered)
    mean = numbers.plain(sum(decided(claim["foreseen"][0]) for claim in registered), 3)
    return (
        f"{enough} of {len(registered)} registered trials are decided with a chance of {numbers.chance(DECIDED)} or "
        f"more; of all, {mean} are expected to be."
    )


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sdd_claims.report.power", description=__doc__)
    parser.add_argument("report", type=Path, help="folder of a run with --pilots")
    parser.add_argument("--write", type=Path, help="file to write; without it the table goes to standard output")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table of a run; returns the exit status."""
    given = _arguments(arguments)
    return deliver(lambda: to_markdown(claims_json.read(given.report / "claims.json")), given.write)


if __name__ == "__main__":
    raise SystemExit(main())
