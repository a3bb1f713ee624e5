"""Stores at a URL: `far` is what lies there, and every other folder the working copy of some machine."""

import errno
import io
import os
from collections import Counter
from itertools import count

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from sdd_claims.engines import SerialEngine, WorkerConfig
from sdd_claims.engines import work as work_module
from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.ledger import Ledger
from sdd_claims.planning.plan import Request, plan
from sdd_claims.record import Replica
from sdd_claims.runs.iterative_pruning import IterativePruning
from sdd_claims.storage import layout, mirrored_store
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.files import write_atomically
from sdd_claims.storage.inventory import damage
from sdd_claims.storage.locks import lock
from sdd_claims.storage.mirrored_store import MirroredStore
from sdd_claims.storage.opening import is_url
from sdd_claims.storage.remote_chains import RemoteChain, read_chain, set_aside
from sdd_claims.storage.remote_files import RemoteFiles, UnreachedError
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import KEPT, SEEDS, SPEC, InstantPruning, fill, numbers, stack_of_three, trained, trial_named

SEVERAL = plan([Request(SPEC, SEEDS, 3), Request(KEPT, SEEDS, 3)])


@pytest.fixture(autouse=True)
def instant(monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", InstantPruning)


@pytest.fixture
def far(tmp_path):
    return tmp_path / "far"


@pytest.fixture
def machine(tmp_path, far):
    """The store at the URL as a machine sees it."""

    def open_store(name):
        return MirroredStore(tmp_path / name, f"file://{far}")

    return open_store


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def replica_passes(store):
    """The passes that the chains of a store consist of."""
    return [pass_id for path in store.glob("runs/*/*/levels.json") for pass_id in unseal(path.read_bytes())["passes"]]


def train(machine, wanted=SEVERAL):
    """As a run does: what is there is fetched, what is missing is trained and sent."""
    for stack in wanted.stacks:
        machine.synchronise(stack.replicas, wait=True)
    SerialEngine().run(wanted, WorkerConfig(machine.path, url=machine._remote.url))


def expect_sound(path, wanted, tmp_path):
    """What lies there is a store with these numbers, whole to the last byte."""
    store = Store(path)
    for replica in wanted.wanted:
        store.verify(replica)
    assert store.warnings == []
    if not (tmp_path / "expected").exists():
        SerialEngine().run(SEVERAL, WorkerConfig(tmp_path / "expected"))
    assert numbers(store, wanted) == numbers(Store(tmp_path / "expected"), wanted)


def test_what_one_machine_trains_another_has(tmp_path, far, machine):
    train(machine("one"))
    expect_sound(far, SEVERAL, tmp_path)
    other = machine("other")
    train(other)
    expect_sound(other.path, SEVERAL, tmp_path)
    assert Counter(trained(far)) == Counter(trained(tmp_path / "one"))
    assert not list(far.rglob("*.part"))


def test_a_machine_goes_on_where_another_has_stopped(tmp_path, far, machine):
    train(machine("one"), plan([Request(SPEC, SEEDS, 2), Request(KEPT, SEEDS[:1], 1)]))
    train(machine("other"))
    train(machine("one"))
    for path in (far, tmp_path / "one", tmp_path / "other"):
        expect_sound(path, SEVERAL, tmp_path)
    assert max(Counter(trained(far)).values()) == 1


def test_a_chain_that_rewinds_takes_where_it_goes_back_to_with_it(tmp_path, machine, monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", IterativePruning)
    rewinding = SPEC.but(pruning={"rewind_iteration": 1})
    train(machine("one"), plan([Request(rewinding, SEEDS, 2)]))
    train(machine("other"), wanted := plan([Request(rewinding, SEEDS, 3)]))
    SerialEngine().run(wanted, WorkerConfig(tmp_path / "alone"))
    assert numbers(Store(tmp_path / "other"), wanted) == numbers(Store(tmp_path / "alone"), wanted)
    assert Counter(trained(tmp_path / "other")) == Counter(trained(tmp_path / "alone"))


def test_only_the_states_that_chains_go_on_from_lie_there(far, machine):
    train(machine("one"))
    kept = {path.name for path in far.glob(f"runs/{KEPT.digest}/*/state-*")}
    newest = {path.name for path in far.glob(f"runs/{SPEC.digest}/*/state-*")}
    assert (kept, newest) == ({f"state-{level}.safetensors" for level in range(3)}, {"state-2.safetensors"})


def test_any_file_system_of_fsspec_will_do(tmp_path):
    url = "memory://somewhere/far"
    train(MirroredStore(tmp_path / "one", url))
    other = MirroredStore(tmp_path / "other", url)
    for stack in SEVERAL.stacks:
        other.synchronise(stack.replicas, wait=True)
    expect_sound(other.path, SEVERAL, tmp_path)
    MemoryFileSystem.store.clear()


class Killed(BaseException):
    """The process is gone: nothing after this moment reaches the URL."""


SENDING, LOOKING = ("pipe_file", "mv", "rm_file", "makedirs"), ("cat_file", "exists", "ls")
EVERY = 1 if "SDD_CLAIMS_EXAMPLES" in os.environ else 3
"""Of the calls that look, one in so many breaks: they are many, and change nothing."""


@pytest.mark.parametrize("how", ["for good", "for a moment", "killed"])
@pytest.mark.parametrize(("verbs", "step"), [(SENDING, 1), (LOOKING, EVERY)], ids=["sending", "looking"])
def test_a_line_that_breaks_anywhere_leaves_a_store_and_the_rest_is_sent_later(
    tmp_path, far, machine, monkeypatch, verbs, step, how
):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no test here cuts the power
    train(machine("one"), stack_of_three(1))
    for moment in count(1, step):
        calls = count(1)

        def breaking(call, calls=calls, moment=moment):
            def called(*args, **settings):
                if (now := next(calls)) == moment or (how != "for a moment" and now > moment):
                    if how == "killed":
                        raise Killed
                    raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
                return call(*args, **settings)

            return called

        machine_path = f"broken-{moment}"
        there = tmp_path / f"far-{moment}"
        LocalFileSystem().put(str(far), str(there), recursive=True)
        broken = MirroredStore(tmp_path / machine_path, f"file://{there}")
        with monkeypatch.context() as patch:
            for verb in verbs:
                patch.setattr(LocalFileSystem, verb, breaking(getattr(LocalFileSystem, verb)))
            try:
                train(broken, stack_of_three(2))
                whole = next(calls) <= moment
                sent = True
            except StoreError as error:
                assert "does not answer (ConnectionResetError" in str(error)  # noqa: PT017
                whole = sent = False
            except Killed:
                whole = sent = False
        assert sent or how != "for a moment" or verbs is LOOKING
        expect_sound(there, stack_of_three(2 if sent else 1), tmp_path)
        again = MirroredStore(tmp_path / machine_path, f"file://{there}")
        train(again, stack_of_three(2))
        expect_sound(there, stack_of_three(2), tmp_path)
        assert Counter(trained(broken.path)) == Counter(trained(there))
        assert max(Counter(trained(there)).values()) == 1
        if whole:
            break
    assert moment > 2 * (2 * len(SEEDS) + 1)


def test_what_could_not_be_sent_goes_with_what_is_trained_next(tmp_path, far, machine, monkeypatch):
    def unreachable(*args, **settings):
        raise TimeoutError("no answer from the gateway")

    one = machine("one")
    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, "pipe_file", unreachable)
        fill(one, stack_of_three(3))
    assert [said.split(";")[0] for said in one.warnings] == [
        f"the store file://{far} did not answer for a while (TimeoutError('no answer from the gateway'))"
    ]
    assert trained(far) == []
    fill(one, plan([Request(KEPT, SEEDS, 3)]))
    expect_sound(far, SEVERAL, tmp_path)


def test_what_could_not_be_sent_is_sent_at_the_end_though_its_lock_was_not_free_meanwhile(
    tmp_path, far, machine, monkeypatch
):
    pipe_file, looks = LocalFileSystem.pipe_file, iter(["too early"])

    def at_second_try(*args, **settings):
        if one.levels_done(Replica(SPEC, SEEDS[0])) == 2 and next(looks, None):
            raise TimeoutError("no answer from the gateway")
        return pipe_file(*args, **settings)

    one = machine("one")
    # The process that trains the stack holds all of its locks to the end, though its second seed alone goes on.
    wanted = plan([Request(SPEC, SEEDS[:1], 2), Request(SPEC, SEEDS[1:2], 3)])
    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, "pipe_file", at_second_try)
        patch.setattr(WorkerConfig, "open_store", lambda config: one)
        train(one, wanted)
    assert "did not answer for a while" in "".join(one.warnings)
    expect_sound(far, wanted, tmp_path)


def test_a_longer_chain_is_never_replaced_by_a_shorter_one(tmp_path, far, machine):
    late = machine("late")
    SerialEngine().run(stack_of_three(2), WorkerConfig(late.path))  # out of reach of the other side
    train(machine("one"), stack_of_three(3))
    passes = trained(far)
    for stack in stack_of_three(3).stacks:
        late.synchronise(stack.replicas, wait=True)
    assert trained(far) == passes
    expect_sound(far, stack_of_three(3), tmp_path)
    expect_sound(late.path, stack_of_three(3), tmp_path)


def test_of_two_who_have_trained_the_same_the_chain_that_was_sent_stands(tmp_path, far, machine):
    late = machine("late")
    SerialEngine().run(stack_of_three(3), WorkerConfig(late.path))  # out of reach of the other side
    train(machine("one"), stack_of_three(2))
    passes = files_of(far / "passes")
    train(late, stack_of_three(3))
    assert files_of(far / "passes").items() > passes.items()
    for path in (far, late.path):
        expect_sound(path, stack_of_three(3), tmp_path)
    assert max(Counter(trained(far)).values()) == 1
    asides = {path.name.split("-")[1] for path in (late.path / "set_aside").iterdir()}
    assert asides == {str(seed) for seed in SEEDS}
    assert len([said for said in late.warnings if "was trained elsewhere too" in said]) == len(SEEDS)


def test_of_two_who_train_at_once_the_one_who_sends_first_stands(tmp_path, far, machine):
    late = machine("late")
    train(machine("one"), stack_of_three(2))
    sent = files_of(far)
    said = SerialEngine().run(stack_of_three(2), WorkerConfig(late.path, url=late._remote.url))
    assert files_of(far) == sent
    assert len([sentence for sentence in said if "the next run takes the remote ones" in sentence]) == len(SEEDS)
    train(machine("late"), stack_of_three(2))
    assert Counter(replica_passes(late.path)) == Counter(replica_passes(far))
    expect_sound(late.path, stack_of_three(2), tmp_path)


def test_levels_that_are_not_whole_there_are_not_fetched_and_none_is_lost_on_either_side(tmp_path, far, machine):
    train(machine("one"), stack_of_three(2))
    train(machine("other"), stack_of_three(3))
    (far / "runs" / SPEC.digest / str(SEEDS[0]) / "state-2.safetensors").unlink()
    sent, kept = files_of(far), files_of(tmp_path / "one" / "runs" / SPEC.digest / str(SEEDS[0]))
    one = machine("one")
    for stack in stack_of_three(3).stacks:
        one.synchronise(stack.replicas, wait=True)
    assert files_of(far) == sent
    assert files_of(tmp_path / "one" / "runs" / SPEC.digest / str(SEEDS[0])) == kept
    assert [said for said in one.warnings if "is not whole and has not been fetched" in said] == one.warnings != []
    train(one, stack_of_three(3))
    for path in (far, one.path):
        expect_sound(path, stack_of_three(3), tmp_path)
    (aside,) = (far / "set_aside").glob("*/levels.json")
    assert aside.read_bytes() == sent[f"runs/{SPEC.digest}/{SEEDS[0]}/levels.json"]


def test_a_chain_that_goes_on_while_it_is_fetched_is_fetched_as_it_then_is(tmp_path, far, machine, monkeypatch):
    owner = machine("one")
    train(owner, stack_of_three(2))
    read, other = LocalFileSystem.cat_file, machine("other")

    def overtaken(files, path, *args, **settings):
        if path.endswith("state-1.safetensors"):
            monkeypatch.setattr(LocalFileSystem, "cat_file", read)
            train(owner, stack_of_three(3))
        return read(files, path, *args, **settings)

    monkeypatch.setattr(LocalFileSystem, "cat_file", overtaken)
    for stack in stack_of_three(3).stacks:
        other.synchronise(stack.replicas, wait=True)
    assert other.warnings == []
    expect_sound(other.path, stack_of_three(3), tmp_path)


def test_fetching_that_is_killed_at_any_file_leaves_no_damage(tmp_path, machine, monkeypatch):
    train(machine("one"), stack_of_three(2))
    write = write_atomically

    def killed(path, content):
        if next(left) == 0:
            raise Killed
        write(path, content)

    monkeypatch.setattr(mirrored_store, "write_atomically", killed)
    for moment in range(1, 6):  # settings, a state, two passes, levels
        left = count(moment, -1)
        with pytest.raises(Killed):
            machine(f"other-{moment}").synchronise(stack_of_three(2).stacks[0].replicas, wait=True)
        assert list(damage(Store(tmp_path / f"other-{moment}"))) == []


def test_what_is_damaged_here_is_fetched_again_and_never_sent(tmp_path, far, machine):
    train(machine("one"), stack_of_three(2))
    sent, one = files_of(far), machine("one")
    (rotten,) = (one.path / "runs" / SPEC.digest / str(SEEDS[0])).glob("state-*")
    rotten.write_bytes(b"rot")
    for replica in stack_of_three(2).wanted:
        one.verify(replica)
    assert [said.split(" from file://")[0] for said in one.warnings[1:]] == [
        f"seed {SEEDS[0]} of run {SPEC.digest[:12]} has been fetched again"
    ]
    assert files_of(far) == sent
    expect_sound(one.path, stack_of_three(2), tmp_path)


def test_what_cannot_be_read_here_now_is_neither_set_aside_nor_fetched(tmp_path, far, machine, monkeypatch):
    train(machine("one"), stack_of_three(2))
    one, replicas = machine("one"), stack_of_three(2).stacks[0].replicas
    hidden, opened = one.path / layout.levels(SPEC.digest, SEEDS[0]), io.open

    def failing(path, *args, **settings):
        if path == hidden:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(path, *args, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(io, "open", failing)
        with pytest.raises(StoreError, match=r"levels\.json cannot be read"):
            one.synchronise(replicas, wait=True)
    assert one.warnings == []
    assert not (one.path / "set_aside").exists()


def test_a_state_that_is_damaged_here_is_not_sent(tmp_path, far, machine):
    one = machine("one")
    SerialEngine().run(stack_of_three(2), WorkerConfig(one.path))
    (rotten,) = (one.path / "runs" / SPEC.digest / str(SEEDS[0])).glob("state-*")
    rotten.write_bytes(b"rot")
    for stack in stack_of_three(2).stacks:
        one.synchronise(stack.replicas, wait=True)
    assert {path.name for path in (far / "runs" / SPEC.digest).iterdir() if path.is_dir()} == {"1001", "1002"}


@pytest.mark.parametrize("rotten", ["state-2.safetensors", "levels.json"])
def test_what_is_damaged_there_is_trained_anew_and_mended(tmp_path, far, machine, rotten):
    train(machine("one"), stack_of_three(3))
    (far / "runs" / SPEC.digest / str(SEEDS[0]) / rotten).write_bytes(b"rot")
    train(machine("other"), stack_of_three(3))
    for path in (far, tmp_path / "other"):
        expect_sound(path, stack_of_three(3), tmp_path)


@pytest.mark.parametrize("name", ["../../victim/evil", "a" * 5000])
def test_no_file_is_written_outside_whatever_the_levels_there_name(tmp_path, name):
    url, replica = "memory://evil/far", Replica(SPEC, SEEDS[0])
    train(MirroredStore(tmp_path / "one", url), stack_of_three(2))
    files = MemoryFileSystem()
    content = unseal(files.cat_file(f"/evil/far/{layout.levels(*replica.key)}"))
    pass_file = files.cat_file(f"/evil/far/{layout.training_pass(content['passes'][0])}")
    files.pipe_file(f"/evil/far/passes/{name}.json", pass_file)
    content["passes"][0] = name
    files.pipe_file(f"/evil/far/{layout.levels(*replica.key)}", seal(content))
    folder = tmp_path / "folder"
    other = MirroredStore(folder / "other", url)
    train(other, stack_of_three(2))
    assert [path.name for path in folder.iterdir()] == ["other"]
    expect_sound(other.path, stack_of_three(2), tmp_path)
    MemoryFileSystem.store.clear()


def test_a_pass_there_that_trained_others_is_none_of_this_chain(tmp_path, far, machine):
    train(machine("one"), SEVERAL)
    chains = [far / layout.levels(digest, SEEDS[0]) for digest in (SPEC.digest, KEPT.digest)]
    own, others = (far / layout.training_pass(unseal(path.read_bytes())["passes"][0]) for path in chains)
    own.write_bytes(others.read_bytes())
    train(machine("other"))
    expect_sound(tmp_path / "other", SEVERAL, tmp_path)


def test_levels_there_of_a_seed_that_was_trained_with_this_one_are_none_of_its(tmp_path, far, machine):
    train(machine("one"))
    own, other = (far / layout.levels(SPEC.digest, seed) for seed in SEEDS[:2])
    own.write_bytes(other.read_bytes())
    train(machine("other"))
    expect_sound(tmp_path / "other", SEVERAL, tmp_path)


def test_a_chain_that_another_process_trains_here_is_not_replaced_meanwhile(tmp_path, machine):
    train(machine("one"), stack_of_three(2))
    other = machine("other")
    held = lock(other.path / layout.lock(SPEC.digest, SEEDS[0]), False, "a test")
    assert held is not None
    assert not other.synchronise([Replica(SPEC, SEEDS[0])], wait=False)
    assert trained(other.path) == []
    held.release()
    assert other.synchronise([Replica(SPEC, SEEDS[0])], wait=False)
    assert trained(other.path)


def test_a_chain_there_of_which_a_part_is_set_aside_counts_for_nothing(machine, monkeypatch):
    one, replica, calls, move = machine("one"), Replica(SPEC, SEEDS[0]), count(1), RemoteFiles.move
    train(one, stack_of_three(2))

    def breaking(files, name, to):
        if next(calls) > 1:
            raise UnreachedError("it does not answer")
        move(files, name, to)

    monkeypatch.setattr(RemoteFiles, "move", breaking)
    with pytest.raises(UnreachedError):
        set_aside(one._remote, replica)
    assert read_chain(one._remote, replica) == RemoteChain()


def test_levels_that_are_there_and_damaged_here_are_fetched_again(tmp_path, far, machine):
    train(machine("one"), stack_of_three(2))
    (tmp_path / "one" / "runs" / SPEC.digest / str(SEEDS[0]) / "levels.json").write_bytes(b"rot")
    train(machine("one"), stack_of_three(2))
    expect_sound(tmp_path / "one", stack_of_three(2), tmp_path)
    assert max(Counter(trained(tmp_path / "one")).values()) == 1


def test_what_was_judged_is_known_on_every_machine_and_who_was_first_is_right(tmp_path, machine):
    first, changed = trial_named("claim"), trial_named("claim", levels=3)
    one, other = machine("one"), machine("other")
    Ledger(one.path / "judged.json").record(first, SEEDS)
    Ledger(other.path / "judged.json").record(changed, SEEDS)
    one.synchronise_ledger()
    other.synchronise_ledger()
    Ledger(other.path / "judged.json").check(first, SEEDS)
    with pytest.raises(InputError, match="have changed after the block of seeds 1000 judged"):
        Ledger(other.path / "judged.json").check(changed, SEEDS)


@pytest.mark.parametrize("folder", ["one", "far"])
def test_a_damaged_record_of_what_was_judged_is_said(tmp_path, machine, folder):
    one = machine("one")
    (tmp_path / folder / "judged.json").write_bytes(b"rot")
    with pytest.raises(StoreError, match=r"judged\.json cannot be read .*; restore it"):
        one.synchronise_ledger()


# Trouble


class UnreachableFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """Nobody answers."""

    protocol = "unreachable"

    def cat_file(self, *args, **settings):
        raise TimeoutError("no answer from the gateway")


def test_a_url_that_does_not_answer_is_one_sentence(tmp_path):
    fsspec.register_implementation("unreachable", UnreachableFileSystem, clobber=True)
    with pytest.raises(StoreError, match=r"the store unreachable://far does not answer \(TimeoutError: no answer from"):
        MirroredStore(tmp_path, "unreachable://far")


def test_a_bucket_that_is_not_there_is_one_sentence(tmp_path, machine, monkeypatch):
    """Object stores say that a file is missing where they lack the whole bucket."""

    def missing(*args, **settings):
        raise FileNotFoundError("The specified bucket does not exist")

    monkeypatch.setattr(LocalFileSystem, "pipe_file", missing)
    with pytest.raises(StoreError, match=r"does not answer \(FileNotFoundError: The specified bucket does not exist"):
        machine("one")


@pytest.mark.parametrize("url", ["nowhere://far", "root://far"])
def test_a_url_that_nobody_knows_or_whose_package_is_absent_is_one_sentence(tmp_path, url):
    with pytest.raises(InputError, match=f"the store {url} cannot be reached from here: "):
        MirroredStore(tmp_path, url)
    assert list(tmp_path.iterdir()) == []


def test_a_store_there_of_a_newer_version_is_left_alone(tmp_path, far, machine):
    far.mkdir()
    (far / "store.json").write_bytes(seal({"schema": 99}))
    with pytest.raises(StoreError, match="was written by a newer version"):
        machine("one")
    assert [path.name for path in far.iterdir()] == ["store.json"]


def test_the_newer_schema_of_the_two_sides_is_that_of_both(tmp_path, far, machine, monkeypatch):
    machine("one")
    monkeypatch.setattr("sdd_claims.storage.store.SCHEMA", 99)
    for changed, other in ((tmp_path / "one", far), (far, tmp_path / "one")):
        schema = unseal((other / "store.json").read_bytes())["schema"] + 1
        (changed / "store.json").write_bytes(seal({"schema": schema}))
        machine("one")
        assert unseal((other / "store.json").read_bytes()) == {"schema": schema}


def test_a_damaged_schema_there_is_said(far, machine):
    machine("one")
    (far / "store.json").write_bytes(b"rot")
    with pytest.raises(StoreError, match=r"far/store\.json cannot be read .*; if this is a store of this version"):
        machine("other")


def test_urls_are_told_from_folders():
    assert is_url("s3://bucket/results")
    assert not is_url("/data/results")
