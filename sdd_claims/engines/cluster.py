"""Train on many machines: every stack is a task of a Ray cluster, and results travel through the store alone.

A task that dies with its machine is started again elsewhere, and goes on from the stored levels. Ray is an optional
extra. Every node needs this package, as it is here, and the store: on a file system that all share, or at a URL.
"""

import math
import os
import re
import socket
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sdd_claims.data.datasets import ROOT_VARIABLE, resolve_root
from sdd_claims.engines import failures
from sdd_claims.engines.config import WorkerConfig, unwatched
from sdd_claims.engines.work import work_through
from sdd_claims.errors import DeviceLostError, InputError, StoreError
from sdd_claims.planning.plan import Plan, Stack
from sdd_claims.storage.opening import working_copy
from sdd_claims.storage.schema import check_there

INSTALL = "pip install 'ray>=2.50'"

_RETRIES = 10
"""How often a task is started again: each time it goes on from where the store is, so that little is lost."""

_SECONDS_TO_ANSWER = 5.0

_SECONDS_A_LOOK = 10.0
"""How often a driver that waits looks whether there is still a node to wait for."""

_SECONDS_WITHOUT_A_NODE = 600.0
"""How long it waits without one: what starts nodes on demand, or starts them again, has done so by then."""

_SETTINGS = b"\x04"
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + _SETTINGS + b"\0" * 5
"""Ray speaks gRPC, which is HTTP/2: a client's greeting and empty settings, which a server answers with its own."""


class RayEngine:
    """A task a stack, on one core and, where training wants a GPU, on 1 / `WorkerConfig.per_device` of one."""

    def __init__(self, address: str | None = None, resources: Mapping[str, float] | None = None) -> None:
        """Choose a cluster; nothing is connected yet.

        Args:
            address: address of the cluster, as `ray.init` takes it. Without one: that of RAY_ADDRESS, else a cluster
                that runs on this machine, else one of this machine alone, for as long as the engine runs.
            resources: resources of a task, as Ray's options of a task; by default those that its device needs.
        """
        self._address = address or os.environ.get("RAY_ADDRESS")
        self._resources = resources

    def run(self, plan: Plan, config: WorkerConfig, watch: Callable[[], None] = unwatched) -> Sequence[str]:
        """Return when the whole plan is stored; `watch` is called after every task.

        Returns:
            Sentences that the user should read: whose GPU was lost, and the store's warnings.

        Raises:
            InputError: Ray is not installed, no cluster answers, or it has not what a task asks for.
            DeviceLostError: the GPU of a task was lost, and there is no other node.
            StoreError: a task was lost again and again, or no node is left that can hold one.
            DeviceMemoryError: a GPU cannot hold some network, and nothing worse has happened; what is derived from it
                has not been tried.
            Exception: the first error of any task; the others have gone on to their end.
        """
        store = config.open_store()
        if config.data_root or os.environ.get(ROOT_VARIABLE):  # else every node has a default of its own
            config = replace(config, data_root=resolve_root(config.data_root))
        with _connected(self._address) as ray:
            held = {**self._held(config, ray.cluster_resources()), "max_retries": _RETRIES}
            task = ray.remote(**held)(_train)
            missing = [stack for stack in plan.stacks if stack.remaining(store)]
            home = {replica: stack for stack in missing for replica in stack.replicas}
            tasks: dict[Stack, Any] = {}

            def started(stack: Stack) -> Any:
                """A task that waits for those of its chains, so that none holds a GPU while it waits for a lock."""
                if stack not in tasks:
                    tasks[stack] = task.remote(stack, config, *chains_of(stack))
                return tasks[stack]

            def chains_of(stack: Stack) -> list[Any]:
                """The tasks of its chains; where one fails, so does what waits for it, and has trained nothing."""
                chains = stack.chains.replicas if stack.chains else ()
                return [started(other) for other in dict.fromkeys(home[each] for each in chains if each in home)]

            waiting = {started(stack): stack for stack in missing}
            banned: dict[Any, frozenset[str]] = {}
            unfetched: list[Stack] = []
            failed: list[Exception] = []
            lost: dict[str, None] = {}
            sentences: dict[str, None] = {}
            while waiting:
                done = _next_over(ray, {task: banned.get(task, frozenset()) for task in waiting}, held)
                stack = waiting.pop(done)
                result = _result(ray, done)
                if isinstance(result, _GpuLostError):
                    lost[result.node] = None
                    if _others(ray, lost):
                        elsewhere = task.options(label_selector={"ray.io/node-id": f"!in({','.join(lost)})"})
                        again = tasks[stack] = elsewhere.remote(stack, config, *chains_of(stack))
                        waiting[again], banned[again] = stack, frozenset(lost)
                    else:
                        failed.append(result.error)
                    continue
                if isinstance(result, Exception):
                    failed.append(result)
                    continue
                sentences |= dict.fromkeys(result)
                try:
                    store.synchronise(stack.replicas, wait=True)  # have here what the task has sent
                except StoreError:
                    unfetched.append(stack)  # a network that fails for a moment ends no work of days
                watch()
        if failed:
            raise failures.gravest(failed)
        for stack in unfetched:
            store.synchronise(stack.replicas, wait=True)
        complete = plan.stored(store) == plan.needed
        work = "other nodes have done its work" if complete else "the others went on until the time was up"
        return [*(f"a GPU of node {node[:12]} was lost; {work}" for node in lost), *sentences]

    def _held(self, config: WorkerConfig, cluster: Mapping[str, float]) -> Mapping[str, Any]:
        """The cluster resources that a task holds."""
        held = {"num_cpus": 1.0}
        if config.device.is_gpu:
            held["num_gpus"] = math.floor(1e4 / config.per_device) / 1e4  # Ray counts in ten-thousandths
        held = dict(self._resources or held)
        if held.get("num_gpus") and not cluster.get("GPU"):
            raise InputError("the Ray cluster has no GPU; add a node that has one, or give --device cpu")
        return held


@dataclass(eq=False)
class _GpuLostError(Exception):
    """The error of a task whose GPU was lost, and of the tasks that wait for it."""

    node: str
    error: DeviceLostError


def _train(stack: Stack, config: WorkerConfig, *_chains: object) -> Sequence[str]:
    """A task: train the missing levels of a stack, on the GPU that Ray has given to it."""
    import ray

    sentences: Sequence[str] = ()
    config = replace(config, device=config.device.each()[0])
    if config.url is None:
        check_there(config.store)  # a node that does not share it would train for nobody
    else:
        config = replace(config, store=working_copy(config.url))
        sentences = _fetch(stack, config)
    try:
        return [*sentences, *work_through([stack], config)]
    except DeviceLostError as error:
        raise _GpuLostError(ray.get_runtime_context().get_node_id(), error) from error


def _fetch(stack: Stack, config: WorkerConfig) -> Sequence[str]:
    """Copy a stack's stored levels, and those it depends on, from a store elsewhere to this node; returns warnings."""
    store = config.open_store()
    needed: Stack | None = stack
    while needed is not None:
        store.synchronise(needed.replicas, wait=True)
        needed = needed.chains
    return store.warnings


def _result(ray: Any, task: Any) -> Exception | Sequence[str]:
    """The result of a finished task, or its error."""
    try:
        return ray.get(task)
    except ray.exceptions.RayTaskError as error:
        if not isinstance(error.cause, Exception):
            return error
        error.cause.add_note(str(error))  # where it was raised
        return error.cause
    except ray.exceptions.RayError as error:
        kinds = ("WorkerCrashedError", "NodeDiedError", "LocalRayletDiedError", "OutOfMemoryError")
        is_lost = isinstance(error, tuple(getattr(ray.exceptions, kind) for kind in kinds))
        what = f"lost a task {_RETRIES + 1} times" if is_lost else "could not run a task"
        return StoreError(
            f"Ray {what} ({type(error).__name__}: {_first_line(error)}); what was finished is stored, so mend that and "
            "run again, and it goes on from there"
        )


def _next_over(ray: Any, tasks: Mapping[Any, frozenset[str]], held: Mapping[str, Any]) -> Any:
    """Wait for the next task that finishes, as long as there is a node that can hold one.

    Args:
        ray: connected.
        tasks: each task with the nodes on which it may not run.
        held: resources that each task holds.
    """
    wanted = {name: held.get(option, 0) for option, name in (("num_cpus", "CPU"), ("num_gpus", "GPU"))}
    wanted |= held.get("resources") or {}
    hopeful = time.monotonic()
    while not (over := ray.wait(list(tasks), timeout=_SECONDS_A_LOOK)[0]):
        able = [
            node["NodeID"]
            for node in ray.nodes()
            if node["Alive"] and all(node["Resources"].get(name, 0) >= amount for name, amount in wanted.items())
        ]
        if any(node not in banned for banned in set(tasks.values()) for node in able):
            hopeful = time.monotonic()
        elif time.monotonic() - hopeful >= _SECONDS_WITHOUT_A_NODE:
            for task in tasks:
                ray.cancel(task)
            amounts = ", ".join(f"{name} {amount:g}" for name, amount in wanted.items() if amount)
            raise StoreError(
                f"the Ray cluster has had no node for {_SECONDS_WITHOUT_A_NODE / 60:g} minutes that can hold a task "
                f"({amounts}); what was finished is stored, so start such a node and run again"
            )
    return over[0]


def _others(ray: Any, lost: Collection[str]) -> bool:
    """Whether a node is left that has GPUs and has lost none."""
    return any(node["Alive"] and node["Resources"].get("GPU") and node["NodeID"] not in lost for node in ray.nodes())


@contextmanager
def _connected(address: str | None) -> Iterator[Any]:
    """Ray, connected: by the caller, who then keeps the connection, or here and only within the context."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would ask the network
    try:
        import ray
    except ImportError as error:
        raise InputError(f"--engine ray takes Ray, which is not installed: {INSTALL}") from error
    if ray.is_initialized():
        yield ray
        return
    _check_answers(address)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's warnings about itself are no errors of a claim's test
            ray.init(address, include_dashboard=False, log_to_driver=False, logging_level="error")
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"--ray-address {address}: no Ray cluster answers there ({_first_line(error)})") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str | None) -> None:
    """Check that a gRPC server answers: Ray itself takes minutes to find out that there is none, or another server."""
    if address in (None, "auto", "local"):
        return
    host, _, port = str(address).rpartition(":")
    if not re.fullmatch(r"[^/]+", host) or not port.isdecimal():
        raise InputError(f"--ray-address {address}: give HOST:PORT, or auto for the cluster of this machine")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER) as door:
            if os.environ.get("RAY_USE_TLS", "0") == "0":
                door.sendall(_GREETING)
                if door.recv(9)[3:4] != _SETTINGS:
                    raise ConnectionError("what answers there is not Ray")
    except OSError as error:
        raise InputError(
            f"--ray-address {address}: no Ray cluster answers there ({error.strerror or error}); start it with `ray "
            "start --head`, or correct the address"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
