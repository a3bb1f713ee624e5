"""What a report keeps of a network of the user's own, and the trials that are made of it again."""

from sdd_claims.errors import InputError
from sdd_claims.registration.own import EVERY_NAME, PAPER, OwnSetting, own_trials
from sdd_claims.registration.trial import Trial
from sdd_claims.report.claims_json import ClaimsDocument, YoursEntry
from sdd_claims.spec import canonical_json, run_of


def as_written(setting: OwnSetting) -> YoursEntry:
    """What a report keeps of a setting, so that its claims can be judged again without the network."""
    return YoursEntry(
        network=setting.network,
        run=canonical_json(setting.clean.as_dict()),
        noise=setting.rate,
        levels=setting.levels,
        block=setting.block,
        seeds=setting.seeds,
        pilots=[*setting.pilots],
        weight_decay=setting.weight_decay,
    )


def trials_again(document: ClaimsDocument) -> list[Trial]:
    """The trials of a report on a user's network, made of what it has kept of them.

    Raises:
        InputError: it has kept nothing, something that this version cannot read, or a claim that it does not know.
    """
    kept = document.get("yours")
    if kept is None:
        raise InputError(
            "this run on a network of your own was written by a version that kept no settings to judge again by; check "
            f"again: {document['environment']['command']}"
        )
    setting = OwnSetting(
        tier="fast",
        levels=kept["levels"],
        block=kept["block"],
        deviations=(),
        network=kept["network"],
        clean=run_of(kept["run"]),
        rate=kept["noise"],
        seeds=kept["seeds"],
        pilots=tuple(kept["pilots"]),
        weight_decay=kept["weight_decay"],
    )
    names = [claim["id"].partition("/")[2] for claim in document["claims"]]
    if unknown := [name for name in names if name not in EVERY_NAME]:
        raise InputError(f"this version of sdd_claims knows no claim {PAPER}/{unknown[0]}; use the one that judged it")
    return own_trials(setting, names, (document["alpha"], document["registered"]))
