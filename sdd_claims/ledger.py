"""Which block of seeds has judged which protocol: nothing is changed after looking and judged again on the same."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from filelock import FileLock

from sdd_claims.claim import BLOCK, Trial
from sdd_claims.errors import InputError, StoreError
from sdd_claims.files import write_atomically


class Ledger:
    """Judged blocks, from a file of the store that this class writes and from published verifications that it reads."""

    def __init__(self, path: Path, published: Iterable[Path] = ()) -> None:
        """Open the ledger at `path`, made when first written; `published` are claims.json files."""
        self._path = path
        self._published: dict[str, str] = {}
        for claims_json in published:
            for entry in json.loads(claims_json.read_text(encoding="utf-8"))["claims"]:
                if entry["verdict"] is not None:
                    block = min(entry["seeds"]) // BLOCK * BLOCK
                    self._published[f"{entry['id']} {entry['tier']} {block}"] = entry["protocol"]

    def check(self, trial: Trial, seeds: tuple[int, ...]) -> None:
        """Raise if these seeds' block has judged this claim under another protocol.

        Raises:
            InputError: it has.
        """
        key = _key(trial, seeds)
        for judged in (self._read(), self._published):
            if judged.get(key, trial.protocol) != trial.protocol:
                raise InputError(
                    f"{trial.claim.id}: its windows, margin, rule or settings have changed after the block of seeds "
                    f"{_block(seeds)} judged its {trial.tier} trial; give the trial a fresh block "
                    f"(block={_block(seeds) + BLOCK}), or take the change back"
                )

    def record(self, trial: Trial, seeds: tuple[int, ...]) -> None:
        """Note that these seeds' block has judged this trial."""
        with FileLock(self._path.with_suffix(".lock")):
            judged = self._read()
            if _key(trial, seeds) not in judged:
                text = json.dumps({**judged, _key(trial, seeds): trial.protocol}, indent=1, sort_keys=True) + "\n"
                write_atomically(self._path, text.encode())

    def _read(self) -> Mapping[str, str]:
        if not self._path.exists():
            return {}
        try:
            return dict(json.loads(self._path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise StoreError(
                f"{self._path} is damaged ({error}); restore it, or start a new store with --store"
            ) from error


def _block(seeds: tuple[int, ...]) -> int:
    return min(seeds) // BLOCK * BLOCK


def _key(trial: Trial, seeds: tuple[int, ...]) -> str:
    return f"{trial.claim.id} {trial.tier} {_block(seeds)}"
