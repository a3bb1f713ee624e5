"""How a network of one's own is trained here: where results go, in which processes, and whose fault an error is."""

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from sdd_claims.errors import InputError, StoreError
from sdd_claims.judging.modes import Judging
from sdd_claims.judging.options import choose_devices
from sdd_claims.judging.settings import Settings
from sdd_claims.locations import in_home
from sdd_claims.models import own as own_network
from sdd_claims.registration.own import OwnSetting
from sdd_claims.registration.register import the_register
from sdd_claims.spec.own import OwnCallable
from sdd_claims.storage.opening import is_url


def settings_for(store: str | Path, device: str, processes: bool, report: Path) -> Settings:
    """The settings of a run; the arguments are those of `judge`.

    Raises:
        InputError: a store that is no folder, or no such device.
    """
    if is_url(str(store)):
        raise InputError(f"--store {store}: what is yours is kept on this machine; give a folder")
    return Settings(
        store=in_home(store, "give the whole path with --store"),
        devices=choose_devices(device),
        data_root=None,
        engine="pool" if processes else "serial",
        seeds=None,
        mode=Judging(),
        alpha=the_register().alpha,
        registered=1,  # of a curve nothing is judged
        report=report.absolute(),
    )


def check_processes(setting: OwnSetting, processes: bool) -> None:
    """Check that other processes can make what is to be trained.

    Raises:
        InputError: something was handed over in Python.
    """
    for own in _code_of(setting):
        if processes and not own.file:
            raise InputError(
                f"{own.function} was handed over in Python, and other processes cannot call it; write it into a file "
                "and give it as 'my.py:build', or leave processes out"
            )


@contextmanager
def as_engines_train() -> Iterator[None]:
    """One compute thread, and layers that can be stacked; all as the caller had it again at the end."""
    threads, before = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    fast_path = torch.backends.mha.get_fastpath_enabled()
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that are started
    torch.set_num_threads(1)
    own_network.leave_fast_path()
    try:
        with torch.random.fork_rng(devices=[]):  # dropout is drawn from the generator that PyTorch has for all
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        torch.set_num_threads(threads)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def blamed(error: Exception, setting: OwnSetting, what_is_kept: str) -> Exception:
    """An error in training as one of the user's code, where it passed through a file of theirs; else itself."""
    if isinstance(error, InputError | StoreError):
        return error
    whole = "".join(traceback.format_exception(error))  # those of other processes too
    for own in _code_of(setting):
        if own.file and f'File "{own_network.file_of(own.file)}"' in whole:
            said = own_network.said(error, Path(own.file))
            found = InputError(f"{own} fails in training: {said}; {what_is_kept}")
            found.__cause__ = error
            return found
    return error


def _code_of(setting: OwnSetting) -> list[OwnCallable]:
    """The user's own network, criterion and penalty, as far as they are theirs."""
    clean = setting.clean
    return [own for own in (clean.model.own, clean.pruning.own, clean.training.penalty.own) if own is not None]
