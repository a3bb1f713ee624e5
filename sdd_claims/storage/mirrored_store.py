"""A store at any URL that fsspec reaches: a working copy on this machine that sends its levels as they are committed.

Files travel in the order in which the store commits them, the pass last, each under a passing name first. So whatever
breaks on the way, what lies at the URL is a store that lacks at most the newest levels. Results are immutable, and
verdicts may rest on the remote ones: where both sides have trained the same levels, the remote ones stand, and a chain
is fetched only when it has come whole.

The locks of a store are those of a file system and do not reach across a URL. Two machines that are told to train the
same at once both do so; one driver that hands out the work (the Ray engine) lets nothing be trained twice.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sdd_claims.record import ChainState, LevelRecord, Replica
from sdd_claims.storage import layout
from sdd_claims.storage.chains import in_words, pack_spec, weight_files
from sdd_claims.storage.checked_files import DamageError, read_checked
from sdd_claims.storage.files import unreadable, write_atomically
from sdd_claims.storage.ledger_file import LedgerFile, pack_ledger, unpack_ledger
from sdd_claims.storage.remote_chains import RemoteChain, read_chain, read_files, set_aside, weights_there
from sdd_claims.storage.remote_files import RemoteFiles, UnreachedError
from sdd_claims.storage.schema import unpack_schema
from sdd_claims.storage.store import Store


class MirroredStore(Store):
    """A store whose levels are sent to a URL as soon as they are committed."""

    def __init__(self, path: Path, url: str) -> None:
        """Open the working copy of the store at this URL, or make both.

        Raises:
            InputError: no URL that can be reached from here as it is installed.
            StoreError: it does not answer, or its store was written by a newer version.
        """
        self._remote = RemoteFiles(url)
        local, remote = path / layout.SCHEMA, self._remote.read(layout.SCHEMA)
        self._remote_schema = 0 if remote is None else unpack_schema(remote, f"{url}/{layout.SCHEMA}")
        if remote is not None:
            try:
                is_older = self._remote_schema > unpack_schema(local.read_bytes(), local)
            except FileNotFoundError:
                is_older = True
            except OSError as error:
                raise unreadable(local, error) from error
            if is_older:
                write_atomically(local, remote)
        super().__init__(path)
        self._unsent: dict[Replica, None] = {}
        self._send_schema()

    def commit(
        self, results: Sequence[tuple[Replica, LevelRecord, ChainState | None]], about: Mapping[str, Any]
    ) -> None:
        """Store a level as in any store, and send it; if that fails, the next commit or `send_unsent` sends it.

        Raises:
            InputError: a level that is not the next of its replica.
            StoreError: the disk is full or read-only. What was stored before stands.
        """
        super().commit(results, about)
        committed = [replica for replica, _, _ in results]
        try:
            self._send_late_and(committed)
        except UnreachedError as error:
            self._unsent |= dict.fromkeys(committed)
            self.warn_once(
                f"the store {self._remote.url} did not answer for a while ({error.__cause__!r}); what was trained "
                "meanwhile was kept here, to be sent with later levels"
            )

    def verify(self, replica: Replica, *, keeps_records: bool = False) -> str:
        """Check as in any store; a chain that had to be set aside is fetched again if the remote store has it.

        One of which weights alone are damaged is set aside, too: it could be neither sent nor gone on from.

        Raises:
            StoreError: what is damaged cannot be set aside, or the remote store does not answer.
        """
        levels = self.path / layout.levels(*replica.key)
        was_here = levels.exists()
        damaged = super().verify(replica)
        if was_here and not levels.exists():
            self._fetch(replica)
            self._send([replica])
            if levels.exists():
                self.warnings.append(f"{in_words(*replica.key)} has been fetched again from {self._remote.url}")
        return damaged

    def synchronise(self, replicas: Sequence[Replica], wait: bool) -> bool:
        """See `Store.synchronise`."""
        with self.locked(replicas, wait) as held:
            if held:
                for replica in replicas:
                    self._fetch(replica)
                self._send(replicas)
        return held

    def send_unsent(self) -> None:
        """See `Store.send_unsent`."""
        self._send_late_and([])

    def synchronise_ledger(self) -> None:
        """See `Store.synchronise_ledger`."""
        file = LedgerFile(self.path / layout.LEDGER)
        with file.locked():
            local, sent = file.read(), self._remote.read(layout.LEDGER)
            remote = {} if sent is None else unpack_ledger(sent, f"{self._remote.url}/{layout.LEDGER}")
            both = {**local, **remote}
            if both != local:
                file.write(both)
            if both != remote:
                self._remote.write(layout.LEDGER, pack_ledger(both))

    # Fetching

    def _fetch(self, replica: Replica) -> None:
        """Take over the remote chain if it has levels that are not here, and has them whole."""
        before = None
        # Twice: its owner may have deleted the state of a level, and gone on to the next, since its levels were read.
        for _ in range(2):
            remote, local = read_chain(self._remote, replica), self._local_passes(replica)
            if remote.passes == (local or ())[: remote.levels]:
                return
            if remote == before:
                break
            if (files := read_files(self._remote, replica, remote)) is not None:
                self._take_over(replica, remote, files)
                return
            before = remote
        self.warn_once(
            f"what {self._remote.url} has of {in_words(*replica.key)} is not whole and has not been fetched; it is "
            "left as it is until as many levels are stored here"
        )

    def _take_over(self, replica: Replica, remote: RemoteChain, files: Mapping[str, bytes]) -> None:
        """Write a chain that has come whole, its records last."""
        local = self._local_passes(replica)
        if local is None or local != remote.passes[: len(local)]:
            elsewhere = f"was trained elsewhere too, and sent to {self._remote.url} first"
            why = f"{in_words(*replica.key)} {'is damaged here' if local is None else elsewhere}"
            self.warn_once(f"{why}: the local levels have been set aside in {self._set_aside(replica, why)}")
        # Settings first, as in a commit: weights without them are damage.
        write_atomically(self.path / layout.spec(replica.spec.digest), pack_spec(replica.spec))
        for name, content in files.items():
            write_atomically(self.path / name, content)
        write_atomically(self.path / layout.levels(*replica.key), remote.pack())

    def _local_passes(self, replica: Replica) -> tuple[str, ...] | None:
        """The passes of the levels that are finished here; None where they are damaged."""
        try:
            return self._reader.chain(*replica.key).passes
        except DamageError:
            return None

    # Sending

    def _send_late_and(self, replicas: Sequence[Replica]) -> None:
        """Send some replicas whose locks are held, and what could not be sent before unless others are at it."""
        with ExitStack() as held:
            late = [r for r in self._unsent if r not in replicas and held.enter_context(self.locked([r], wait=False))]
            self._send(sent := [*late, *replicas])
        for replica in sent:
            self._unsent.pop(replica, None)

    def _send(self, replicas: Sequence[Replica]) -> None:
        """Send the levels that only this side has: states and records, then the newest passes, which make them count.

        The caller holds the locks of the replicas.
        """
        self._send_schema()
        newest: dict[str, None] = {}
        superseded = list[str]()
        for replica in replicas:
            remote, local = read_chain(self._remote, replica), self._local_passes(replica) or ()
            shared = min(remote.levels, len(local))
            conflicting = remote.is_damaged or remote.passes[:shared] != local[:shared]
            if not (self._may_replace(replica, remote, local) if conflicting else remote.levels < len(local)):
                continue
            if (weights := self._local_weights(replica)) is None:
                continue  # `verify` sets it aside
            if conflicting:
                aside = set_aside(self._remote, replica)
                self.warn_once(
                    f"what {self._remote.url} had of {in_words(*replica.key)} was damaged and has been set aside there "
                    f"in {aside}; the local levels take its place"
                )
            superseded += self._send_all_but_newest_pass(replica, 0 if conflicting else remote.levels, local, weights)
            newest[local[-1]] = None
        for pass_id in newest:
            self._send_once(layout.training_pass(pass_id))
        for name in superseded:
            self._remote.delete(name)

    def _may_replace(self, replica: Replica, remote: RemoteChain, local: Sequence[str]) -> bool:
        """Whether local levels may take the place of others: only if those are damaged, and no more of them count."""
        if len(local) < max(1, remote.levels):
            return False
        if read_files(self._remote, replica, remote) is None and read_chain(self._remote, replica) == remote:
            return True
        self.warn_once(
            f"{in_words(*replica.key)} was trained elsewhere too, and sent to {self._remote.url} first: the local "
            "levels are not sent, and the next run takes the remote ones"
        )
        return False

    def _send_all_but_newest_pass(
        self, replica: Replica, first: int, passes: Sequence[str], weights: Mapping[str, bytes]
    ) -> list[str]:
        """Send the levels of a replica from `first` on; returns the names of the weights there that they supersede."""
        self._send_once(layout.spec(replica.spec.digest))
        there = weights_there(self._remote, replica)
        # A state of a level that does not count yet may be there from a sending that broke.
        begun = [layout.state(*replica.key, level) for level in range(first, len(passes))]
        for name, content in weights.items():
            if first == 0 or name in begun or name not in there:
                self._remote.write(name, content)
        for pass_id in passes[first:-1]:
            self._send_once(layout.training_pass(pass_id))
        self._remote.write(layout.levels(*replica.key), self._chain(*replica.key).pack())
        return [name for name in there if name not in weights]

    def _local_weights(self, replica: Replica) -> Mapping[str, bytes] | None:
        """The weights that a chain goes on from, checked; None where a file is missing or damaged."""
        chain = self._chain(*replica.key)
        try:
            return {
                name: read_checked(self.path / name, checksum)
                for name, checksum in weight_files(replica, chain.states, chain.rewind).items()
            }
        except DamageError:
            return None

    def _send_once(self, name: str) -> None:
        self._remote.write_once(name, self.path / name)

    def _send_schema(self) -> None:
        """Let versions that cannot read what is sent leave it alone."""
        local = self.path / layout.SCHEMA
        content = local.read_bytes()
        if (schema := unpack_schema(content, local)) > self._remote_schema:
            self._remote.write(layout.SCHEMA, content)
            self._remote_schema = schema
