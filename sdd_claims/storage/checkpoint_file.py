"""The state of one training on disk: a line of sealed JSON, and safetensors whose SHA-256 the line holds."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from sdd_claims.errors import StoreError
from sdd_claims.storage.checksummed_json import seal, unseal
from sdd_claims.storage.files import remedy, write_atomically
from sdd_claims.storage.schema import check_there


class CheckpointFile:
    """A checkpoint on disk, written completely or not at all. Errors give a warning, and never stop a training."""

    def __init__(
        self,
        path: Path,
        training: str,
        aside: Path,
        warn: Callable[[str], None],
        *,
        every_epoch: bool = False,
        store: Path | None = None,
    ) -> None:
        """The checkpoint of a training.

        Args:
            path: path of the file.
            training: identifies the training; the state of any other is not read.
            aside: the folder for files that are damaged.
            warn: called with a sentence when something went wrong.
            every_epoch: write after every epoch, and restore at once.
            store: the folder of a store, in whose place nothing is made once it is gone; None where there is none.
        """
        self.every_epoch = every_epoch
        self.path, self._training, self._aside, self._warn, self._store = path, training, aside, warn, store

    def read(self) -> tuple[Mapping[str, Any], Mapping[str, Tensor]] | None:
        """The facts and tensors that were written last; None where there are none, or they are damaged."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn(f"{self.path} cannot be read ({error.strerror or error}); the level it belongs to starts over")
            return None
        try:
            head, packed = unpack_checkpoint(content)
            tensors = load_tensors(packed)
        except (ValueError, KeyError, TypeError, SafetensorError):
            self._set_aside()
            return None
        return (head["facts"], tensors) if head["training"] == self._training else None

    def write(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Put this in place of what is there."""
        packed = save_tensors(dict(tensors))
        checksum = hashlib.sha256(packed).hexdigest()
        try:
            if self._store is not None:
                check_there(self._store)
            write_atomically(self.path, seal({"training": self._training, "facts": facts, "sha256": checksum}) + packed)
        except StoreError as error:
            why = remedy(error.__cause__) if isinstance(error.__cause__, OSError) else str(error)
            self._warn(
                f"no checkpoint can be written in {self.path.parent}: {why}; training goes on, and a level that is "
                "stopped before its end starts over"
            )

    def _set_aside(self) -> None:
        aside = self._aside / f"{self.path.name}-{uuid.uuid4().hex[:8]}"
        try:
            aside.parent.mkdir(exist_ok=True)
            self.path.rename(aside)
        except OSError as error:
            self._warn(f"{self.path} is damaged and cannot be set aside: {remedy(error)}; its level starts over")
            return
        self._warn(f"{self.path} was damaged and has been set aside in {aside}; the level it belongs to starts over")


def unpack_checkpoint(content: bytes) -> tuple[Mapping[str, Any], bytes]:
    """The head of such a file, and its tensors as they are packed.

    Raises:
        ValueError, KeyError, TypeError: they are not what was written.
    """
    line, _, packed = content.partition(b"\n")
    head = unseal(line + b"\n")
    if head["sha256"] != hashlib.sha256(packed).hexdigest():
        raise ValueError("its tensors do not match their checksum")
    return head, packed
