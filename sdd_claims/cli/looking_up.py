"""`sdd-claims data`: the data sets that the claims need, and how to get those that are missing."""

from collections import defaultdict
from pathlib import Path

import click

from sdd_claims.cli.words import json_option, say_json


@click.command()
@click.option("--root", metavar="DIR", type=click.Path(path_type=Path), help="Where larger data sets lie.")
@json_option
def data(root: Path | None, as_json: bool) -> None:
    """Say which data sets are there or missing.

    Of each that a claim needs: where it is looked for, and how to get it. Without --root it is looked for in the
    folder that SDD_CLAIMS_DATA names, else in ~/.cache/sdd_claims/data.
    """
    from sdd_claims.data import datasets, human_labels, regression
    from sdd_claims.data.catalogue import find
    from sdd_claims.registration.trials import all_trials
    from sdd_claims.report.numbers import count

    if root is not None and not datasets.resolve_root(root).is_dir():
        raise datasets.no_such_root(f"--root {root}")
    needed = defaultdict[tuple[str, bool], set[tuple[str, str]]](set)
    for trial in all_trials().values():
        for curve in trial.all_curves:
            spec = curve.spec
            needed[spec.data.name, False].add((trial.tier, trial.claim.id))
            if spec.noise.kind == "human":
                needed[spec.data.name, True].add((trial.tier, trial.claim.id))
    found = []
    for (name, annotated), claims in sorted(needed.items()):
        if name in regression.PROBLEMS:
            continue  # drawn by every seed
        missing = (human_labels if annotated else datasets).why_unavailable(name, root)
        embedded = not annotated and find(name).embedded
        where = datasets.EMBEDDED_FOLDER if embedded else datasets.resolve_root(root)
        where = where / human_labels.FOLDER if annotated else where
        by_tier = {tier: sorted(claim for of, claim in claims if of == tier) for tier in sorted({t for t, _ in claims})}
        what = f"{name}, labels by people" if annotated else name
        found.append({"data": what, "folder": str(where), "missing": missing, "claims": by_tier})
        if not as_json:
            of_whom = ", ".join(f"{count(len(ids), 'claim')} of the {tier} tier" for tier, ids in by_tier.items())
            click.echo(f"{what} ({of_whom}): {f'missing: {missing}' if missing else f'there, in {where}'}")
    if as_json:
        say_json(found)
