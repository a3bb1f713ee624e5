"""Whatever fails while a judgement is noted, a store is repaired or runs are dropped: the next try finishes it.

Nothing that is sound is lost meanwhile, and no wrong number is served.
"""

import errno
import io
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sdd_claims.engines.tests.test_store_under_faults import CALLS, FAULTS, JUDGED, faulty, quick
from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.ledger import Ledger
from sdd_claims.planning.plan import Request, plan
from sdd_claims.storage import layout
from sdd_claims.storage.inventory import damage, drop, unneeded_runs
from sdd_claims.storage.ledger_file import LedgerFile
from sdd_claims.storage.mirrored_store import MirroredStore
from sdd_claims.storage.store import Store
from sdd_claims.tests.crash import train
from sdd_claims.tests.tiny import KEPT, NOISY, REDENSE, fill, numbers

EVERY = 1 if "SDD_CLAIMS_EXAMPLES" in os.environ else 4
"""Of the calls of a repair that copies files, one in so many fails."""

READS = ((os, "stat"), (io, "open"))
"""How a store looks at files, and reads them."""

FEW = plan([Request(KEPT, (1000, 1001), 2), Request(REDENSE, (1000,), 1), Request(NOISY, (1000,), 2)])


@pytest.fixture(autouse=True)
def instant(monkeypatch):
    quick(monkeypatch)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("filled") / "store"
    fill(Store(path), FEW)
    return path


@pytest.fixture(scope="module")
def right(filled):
    return numbers(Store(filled), FEW)


def files(store):
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def passes(store, replicas):
    """The trainings that made the levels of some replicas."""
    return [Store(store)._chain(*replica.key).passes for replica in replicas]


def served(store, right):
    """How many levels the store serves of each replica, all of them right; a damaged one is left out."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for replica in FEW.wanted:
        with suppress(StoreError):
            found |= numbers(Store(store), replace(FEW, wanted={replica: 2}))
    assert all(levels == right[key][: len(levels)] for key, levels in found.items())
    return {key: len(levels) for key, levels in found.items()}


# The ledger


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("calls", [CALLS, READS], ids=["changing", "reading"])
def test_what_was_judged_stays_so_and_is_noted_whatever_call_fails(tmp_path, monkeypatch, calls, kind):
    monkeypatch.setattr(Path, "exists", lambda self: os.path.exists(self))  # as it is from Python 3.14 on
    first, changed = JUDGED
    for moment in count(1):
        path = tmp_path / str(moment) / layout.LEDGER
        with faulty(kind, moment, calls) as fault:
            Ledger(path).record(first, (1000,))
        Ledger(path).record(first, (1000,))
        before = LedgerFile(path).read()
        with faulty(kind, moment, calls) as later:
            Ledger(path).record(changed, (2000,))
        assert LedgerFile(path).read().items() >= before.items(), moment
        Ledger(path).record(changed, (2000,))
        after = LedgerFile(path).read()
        assert len(after) == 2
        assert after.items() >= before.items()
        for trial, block in ((changed, 1000), (first, 2000)):
            with pytest.raises(InputError, match="have changed after the block"):
                Ledger(path).record(trial, (block,))
        path.write_bytes(rotten := path.read_bytes()[:-9])
        with faulty(kind, moment, calls):
            Ledger(path).record(changed, (3000,))
        assert path.read_bytes() == rotten, moment  # for who restores it
        if not (fault.happened or later.happened):
            break
    assert moment > 2


@pytest.mark.parametrize("kind", FAULTS)
def test_what_either_side_has_judged_stays_so_whatever_call_fails_while_they_share_it(tmp_path, kind):
    first, changed = JUDGED
    for moment in count(1):
        here, there = (tmp_path / str(moment) / name / layout.LEDGER for name in ("here", "there"))
        store = MirroredStore(here.parent, f"file://{there.parent}")
        Ledger(here).record(first, (1000,))
        Ledger(there).record(changed, (2000,))
        both = LedgerFile(here).read() | LedgerFile(there).read()
        with faulty(kind, moment) as fault:
            store.synchronise_ledger()
        for side in (here, there):
            assert LedgerFile(side).read().items() <= both.items()
        assert LedgerFile(here).read() | LedgerFile(there).read() == both, moment
        store.synchronise_ledger()
        assert LedgerFile(here).read() == LedgerFile(there).read() == both, moment
        if not fault.happened:
            break
    assert moment > 4


# Repair


def newest_pass(store):
    """The pass that trained the newest levels of two seeds."""
    return layout.training_pass(Store(store)._chain(KEPT.digest, 1000).passes[-1])


ROTTEN = {
    "state": lambda _: layout.state(KEPT.digest, 1000, 1),
    "levels": lambda _: layout.levels(KEPT.digest, 1000),
    "settings": lambda _: layout.spec(KEPT.digest),
    "pass": newest_pass,
}


def repaired(store):
    """What a session does first; returns what is said."""
    opened = Store(store)
    for replica in FEW.wanted:
        opened.verify(replica)
    return opened.warnings


def other_disk(name, to, **settings):
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("rotten", [*ROTTEN, "state, to be set aside on another disk"])
def test_a_repair_that_fails_at_any_call_is_finished_by_the_next(tmp_path, monkeypatch, filled, right, rotten, kind):
    if "disk" in rotten:
        monkeypatch.setattr(os, "rename", other_disk)
    victims = {"settings": (), "pass": (1000, 1001)}.get(rotten, (1000,))
    sound = [replica for replica in FEW.wanted if replica.spec != KEPT or replica.seed not in victims]
    for moment in count(1, EVERY if "disk" in rotten else 1):
        store = tmp_path / str(moment)
        shutil.copytree(filled, store)
        (store / ROTTEN[rotten.split(",")[0]](store)).write_bytes(b"rot")
        contents = set(files(store).values())
        with faulty("killed", 1) as looking:
            assert list(damage(Store(store)))
        assert not looking.happened  # who only looks changes nothing
        with faulty(kind, moment) as fault:
            repaired(store)
        assert served(store, right).items() >= {r.key: len(right[r.key]) for r in sound}.items(), moment
        assert contents - set(files(store).values()) <= ({b"rot"} if rotten == "settings" else set()), moment
        repaired(store)
        train(store, FEW)
        assert repaired(store) == [], moment
        assert numbers(Store(store), FEW) == right, moment
        assert passes(store, sound) == passes(filled, sound), moment
        assert list(damage(Store(store))) == [], moment
        if not fault.happened:
            break
    assert moment > 2


# What goes


@pytest.mark.parametrize("kind", FAULTS)
def test_runs_that_are_dropped_are_gone_in_the_end_and_no_others_whatever_call_fails(tmp_path, filled, right, kind):
    needed = {REDENSE.digest, KEPT.digest}

    def dropped(store):
        return drop(Store(store), unneeded_runs(Store(store), needed))

    shutil.copytree(filled, tmp_path / "undisturbed")
    assert dropped(tmp_path / "undisturbed") == []
    left = files(tmp_path / "undisturbed").keys()
    staying = {name: content for name, content in files(filled).items() if name in left}
    for moment in count(1):
        store = tmp_path / str(moment)
        shutil.copytree(filled, store)
        with faulty(kind, moment) as fault:
            dropped(store)
        assert files(store).items() >= staying.items(), moment
        assert served(store, right).items() >= {key: len(right[key]) for key in right if key[0] in needed}.items()
        assert list(damage(Store(store))) == [], moment
        assert dropped(store) == [], moment
        assert files(store).keys() == left, moment
        if not fault.happened:
            break
    assert moment > 9
