"""The ledger of judged blocks of seeds: nothing is changed after looking and judged again on the same seeds."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

from sdd_claims.errors import InputError
from sdd_claims.registration.claim import BLOCK
from sdd_claims.registration.trial import Trial
from sdd_claims.report import claims_json
from sdd_claims.spec.own import YOURS
from sdd_claims.storage.ledger_file import LedgerFile


class Ledger:
    """Judged blocks, from a file of the store that this class writes and from published verifications that it reads."""

    def __init__(self, path: Path, published: Iterable[Path] = ()) -> None:
        """Open the ledger at `path`, made when first written; `published` are claims.json files."""
        self._file = LedgerFile(path)
        self._published: dict[str, set[str]] = {}
        for path_of_report in published:
            for entry in claims_json.read(path_of_report)["claims"]:
                if entry["verdict"] is not None:
                    for block in _blocks(entry["seeds"]):
                        key = _key(entry["id"], entry["tier"], entry.get("network", ""), block)
                        self._published.setdefault(key, set()).add(entry["protocol"] or "")

    def check(self, trial: Trial, seeds: tuple[int, ...]) -> None:
        """Raise if these seeds' block has judged this claim under another protocol.

        Raises:
            InputError: it has.
            StoreError: the ledger cannot be read.
        """
        for block in _blocks(seeds):
            key = _key(*trial.key, block)
            if {self._file.read().get(key), *self._published.get(key, ())} - {None, trial.protocol}:
                raise InputError(self._changed(trial, block))

    def _changed(self, trial: Trial, block: int) -> str:
        fresh = self._fresh(trial)
        if trial.claim.paper == YOURS:
            return (
                f"{trial.name}: the block of seeds {block} has judged a network of this name, and since then code, "
                "data, recipe, pilots, number of seeds, device or versions have changed; judge it on fresh seeds with "
                f"--block {fresh} (block={fresh}), or take the change back; if it is another network, give it another "
                "name or a store of its own"
            )
        if trial.own_seeds is not None:
            return (
                f"{trial.name}: the block of seeds {block} has judged its {trial.tier} trial already, with other "
                f"seeds, settings, windows or rules; give seeds of a fresh block, such as --seeds {fresh}-{fresh + 11}"
            )
        return (
            f"{trial.name}: its settings, windows, margin, rule, error rate or judged seeds have changed after "
            f"the block of seeds {block} judged its {trial.tier} trial; give the trial a fresh block "
            f"(block={fresh}, or --block {fresh}), or take the change back"
        )

    def judged(self, trial: Trial) -> list[int]:
        """The blocks that are known to have judged this trial, by whatever protocol.

        Raises:
            StoreError: the ledger cannot be read.
        """
        found = [key.rpartition(" ") for key in {**self._file.read(), **self._published}]
        own, _, _ = _key(*trial.key, BLOCK).rpartition(" ")
        return sorted(int(block) for of, _, block in found if of == own)

    def _fresh(self, trial: Trial) -> int:
        """The first block after the trial's own that has judged no claim of its paper, tier and network.

        They share trainings: of a block that has judged another of them something has been seen.
        """
        used, place = set[int](), " ".join(filter(None, (trial.tier, trial.network)))
        for key in {**self._file.read(), **self._published}:
            claim, _, rest = key.partition(" ")
            tier_and_network, _, block = rest.rpartition(" ")
            if claim.startswith(f"{trial.claim.paper}/") and tier_and_network == place:
                used.add(int(block))
        return next(block for block in count(trial.block + BLOCK, BLOCK) if block not in used)

    def record(self, trial: Trial, seeds: tuple[int, ...]) -> None:
        """Note that these seeds' block has judged this trial.

        Raises:
            InputError: another process has judged it under another protocol meanwhile.
            StoreError: the ledger cannot be locked, read or written.
        """
        now = {_key(*trial.key, block): trial.protocol for block in _blocks(seeds)}
        before = self._file.read()
        self.check(trial, seeds)
        if now.keys() <= before.keys():
            return  # also where the store can only be read
        with self._file.locked():
            self.check(trial, seeds)
            judged = self._file.read()
            if not now.keys() <= judged.keys():
                self._file.write({**now, **judged})


def _blocks(seeds: Iterable[int]) -> list[int]:
    """The blocks that these seeds belong to."""
    return sorted({seed // BLOCK * BLOCK for seed in seeds})


def _key(claim: str, tier: str, network: str, block: int) -> str:
    return " ".join(filter(None, (claim, tier, network, str(block))))
