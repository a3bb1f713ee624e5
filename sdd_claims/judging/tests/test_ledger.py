import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.ledger import Ledger
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.trial import Trial
from sdd_claims.report.claims_json import ClaimEntry, ClaimsDocument
from sdd_claims.stats import Window
from sdd_claims.storage import locks
from sdd_claims.storage.schema import SCHEMA, pack_schema
from sdd_claims.tests.tiny import NOISY, SPEC, YES, trial_named

TRIAL = trial_named("obedience")
CHANGES: dict[str, Trial] = {
    "window": trial_named("obedience", replace(YES, windows_=(Window(0.9, 1.0), Window(0.45, 0.6)))),
    "margin": trial_named("obedience", replace(YES, margin=0.02)),
    "rule": trial_named("obedience", replace(YES, p_contrary=0.5)),
    "spec": trial_named("obedience", spec=NOISY),
    "levels": trial_named("obedience", levels=3),
    "looks": trial_named("obedience", looks=(2, 5)),
    "measure": replace(TRIAL, curves={"accuracy": CurveOf(SPEC, "train_accuracy", 2)}),
    "control": replace(
        TRIAL, control=replace(TRIAL.control, curves={"accuracy": CurveOf(NOISY, "test_accuracy", 2, 500)})
    ),
}
SEEDS = (1000, 1001)


@pytest.fixture
def path(tmp_path):
    Ledger(tmp_path / "judged.json").record(TRIAL, SEEDS)
    return tmp_path / "judged.json"


def entry_of(trial: Trial, **changes):
    return {
        "id": trial.claim.id,
        "tier": trial.tier,
        "verdict": "supported",
        "seeds": list(SEEDS),
        "protocol": trial.protocol,
        **changes,
    }


def blank(kind):
    """The least that a document of this kind may say."""
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        return {name: blank(hints[name]) for name in kind.__required_keys__}
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return arguments[0]
    if type(None) in arguments:
        return None
    return (get_origin(kind) or kind)()


def published(folder, *entries):
    document = blank(ClaimsDocument) | {"schema": 1, "alpha": 0.05, "registered": 46}
    path = folder / "claims.json"
    path.write_text(json.dumps(document | {"claims": [blank(ClaimEntry) | each for each in entries]}))
    return path


def test_every_block_that_the_seeds_belong_to_is_looked_up(path):
    with pytest.raises(InputError, match=r"have changed after the block of seeds 1000 judged"):
        Ledger(path).check(CHANGES["margin"], (500, 501, 1001))
    Ledger(path).check(CHANGES["margin"], (500, 501))


@pytest.mark.parametrize("changed", CHANGES)
def test_what_changed_after_its_block_has_judged_is_refused_with_the_remedy(path, changed):
    with pytest.raises(
        InputError, match=r"have changed after the block of seeds 1000 judged .*\(block=2000, or --block 2000\)"
    ):
        Ledger(path).check(CHANGES[changed], SEEDS)


def test_seeds_of_a_block_that_has_judged_are_refused_with_seeds_that_have_not(path):
    seeds = (1000, 1001, 1002)
    with pytest.raises(InputError, match=r"the block of seeds 1000 has judged .* such as --seeds 2000-2011$"):
        Ledger(path).check(replace(TRIAL, own_seeds=seeds), seeds)


@pytest.mark.parametrize("changed", CHANGES)
def test_a_fresh_block_may_judge_what_changed(path, changed):
    Ledger(path).check(replace(CHANGES[changed], block=2000), (2000, 2001))


def test_the_fresh_block_named_is_one_that_has_not_judged(path):
    Ledger(path).record(TRIAL, (2000,))
    with pytest.raises(InputError, match=r"\(block=3000, or --block 3000\)"):
        Ledger(path).check(CHANGES["margin"], SEEDS)


def test_nor_has_it_judged_another_claim_of_the_paper_and_it_lies_after_the_trials_own(path):
    Ledger(path).record(trial_named("defiance"), (2000,))
    Ledger(path).record(replace(TRIAL, tier="full"), (3000,))
    with pytest.raises(InputError, match=r"\(block=3000, or --block 3000\)"):
        Ledger(path).check(CHANGES["margin"], SEEDS)
    Ledger(path).record(replace(TRIAL, block=5000), (5000,))
    with pytest.raises(InputError, match=r"\(block=6000, or --block 6000\)"):
        Ledger(path).check(replace(CHANGES["margin"], block=5000), (5000, 5001))


def test_the_same_protocol_may_judge_again_and_again(path):
    Ledger(path).check(TRIAL, SEEDS)
    Ledger(path).record(TRIAL, SEEDS)
    Ledger(path).check(TRIAL, tuple(range(1000, 1024)))


def test_words_of_a_claim_are_no_part_of_its_protocol(path):
    reworded = replace(TRIAL, claim=replace(TRIAL.claim, statement="Otherwise said."), deviations=("one",))
    Ledger(path).check(replace(reworded, expected="inconclusive"), SEEDS)


def test_another_claim_or_tier_is_not_bound(path):
    Ledger(path).check(trial_named("defiance", replace(YES, margin=0.02)), SEEDS)
    Ledger(path).check(replace(CHANGES["margin"], tier="full"), SEEDS)


def test_another_network_is_not_bound_and_binds_itself(tmp_path):
    ledger = Ledger(tmp_path / "judged.json")
    on_ten, on_hundred = (replace(TRIAL, network=f"ResNet-18 on CIFAR-{classes}") for classes in (10, 100))
    ledger.record(on_ten, SEEDS)
    for other in (on_hundred, TRIAL):
        ledger.check(replace(CHANGES["margin"], network=other.network), SEEDS)
    with pytest.raises(InputError, match=r"on CIFAR-10: its settings, .*\(block=2000, or --block 2000\)"):
        ledger.check(replace(CHANGES["margin"], network=on_ten.network), SEEDS)


def test_a_published_verification_binds_the_network_that_it_names(tmp_path):
    binding = published(tmp_path, entry_of(TRIAL, network="ResNet-18 on CIFAR-10"))
    ledger = Ledger(tmp_path / "judged.json", [binding])
    ledger.check(CHANGES["window"], SEEDS)
    with pytest.raises(InputError, match="the block of seeds 1000 judged"):
        ledger.check(replace(CHANGES["window"], network="ResNet-18 on CIFAR-10"), SEEDS)


def test_the_blocks_that_have_judged_a_trial_are_those_of_the_file_and_of_published_runs(tmp_path):
    binding = published(tmp_path, entry_of(TRIAL, seeds=[3000, 3001]), entry_of(TRIAL, seeds=[4000], network="VGG-16"))
    ledger = Ledger(tmp_path / "judged.json", [binding])
    assert ledger.judged(TRIAL) == [3000]
    ledger.record(TRIAL, (20000, 20001))
    ledger.record(replace(CHANGES["margin"], block=1000), SEEDS)
    ledger.record(replace(TRIAL, tier="full"), (5000,))
    ledger.record(trial_named("obedience_too"), (6000,))
    assert ledger.judged(TRIAL) == [1000, 3000, 20000]
    assert ledger.judged(replace(TRIAL, network="VGG-16")) == [4000]


@given(st.sets(st.integers(1000, 4999), min_size=1, max_size=6))
def test_seeds_bind_every_block_that_they_belong_to(tmp_path_factory, seeds):
    path = tmp_path_factory.mktemp("ledger") / "judged.json"
    Ledger(path).record(TRIAL, tuple(seeds))
    for block in (1000, 2000, 3000, 4000):
        if any(block <= seed < block + 1000 for seed in seeds):
            with pytest.raises(InputError, match=f"the block of seeds {block} judged"):
                Ledger(path).check(CHANGES["margin"], (block + 7,))
        else:
            Ledger(path).check(CHANGES["margin"], (block + 7,))


def test_a_protocol_that_loses_the_race_to_judge_a_block_is_refused(path):
    with pytest.raises(InputError, match="have changed after the block of seeds 1000 judged"):
        Ledger(path).record(CHANGES["margin"], (1999, 2000))
    Ledger(path).check(TRIAL, SEEDS)


def test_a_published_verification_binds_too(tmp_path):
    binding = published(tmp_path, entry_of(TRIAL))
    Ledger(tmp_path / "judged.json", [binding]).check(TRIAL, SEEDS)
    with pytest.raises(InputError, match="the block of seeds 1000 judged"):
        Ledger(tmp_path / "judged.json", [binding]).check(CHANGES["window"], SEEDS)


def test_a_published_verification_that_cannot_be_read_is_named(tmp_path):
    torn = tmp_path / "claims.json"
    torn.write_text("{")
    with pytest.raises(InputError, match=r"claims.json is not JSON"):
        Ledger(tmp_path / "judged.json", [torn])


def test_a_published_run_that_judged_nothing_does_not_bind(tmp_path):
    smoke = published(tmp_path, entry_of(CHANGES["window"], verdict=None, seeds=[0, 1], protocol=None))
    Ledger(tmp_path / "judged.json", [smoke]).check(TRIAL, SEEDS)


@given(st.data())
def test_a_changed_byte_of_the_ledger_is_found(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("ledger") / "judged.json"
    Ledger(path).record(TRIAL, SEEDS)
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    with pytest.raises(StoreError, match=r"judged.json cannot be read .*; restore it, or start a new store"):
        Ledger(path).check(TRIAL, SEEDS)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_ledger_that_cannot_be_locked_is_said(path, monkeypatch, number):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks, "FileLock", refuse)
    with pytest.raises(StoreError, match=r"cannot lock .*judged.lock: .*; choose a store on a writable file system"):
        Ledger(path).record(TRIAL, (2000, 2001))
    Ledger(path).record(TRIAL, SEEDS)  # which is written down already


def test_another_file_of_the_store_in_its_place_is_no_ledger(tmp_path):
    (tmp_path / "judged.json").write_bytes(pack_schema(SCHEMA))
    with pytest.raises(StoreError, match=r"judged.json cannot be read .*; restore it, or start a new store"):
        Ledger(tmp_path / "judged.json").check(TRIAL, SEEDS)


def test_a_disk_that_fails_is_no_store_that_has_judged_nothing(path, monkeypatch):
    def fails(self):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fails)
    with pytest.raises(StoreError, match=r"judged\.json cannot be read .*Input/output error"):
        Ledger(path).check(TRIAL, SEEDS)
