"""How often the trials of a run err, as `python -m sdd_claims.characteristics` measured it beforehand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from sdd_claims.report import sentences
from sdd_claims.report.claims_json import CharacteristicsEntry, ClaimEntry


def trial_errors(claims: Sequence[ClaimEntry], measured: Path) -> list[CharacteristicsEntry]:
    """Choose what was measured of trials that judged here as they did then; tiers of which nothing was are left out.

    Args:
        claims: of the run.
        measured: the folder with a file a tier, characteristics_fast.json and characteristics_full.json.
    """
    judged = {(claim["id"], sentences.network(claim), claim["protocol"]) for claim in claims if claim["verdict"]}
    found = []
    for tier in sorted({claim["tier"] for claim in claims}):
        if (path := measured / f"characteristics_{tier}.json").exists():
            entry = cast(CharacteristicsEntry, json.loads(path.read_text(encoding="utf-8")))
            trials = entry["trials"]
            entry["trials"] = [each for each in trials if (each["id"], each["network"], each["protocol"]) in judged]
            if entry["trials"]:
                found.append(entry)
    return found
