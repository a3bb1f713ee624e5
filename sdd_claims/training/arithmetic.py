"""Which arithmetic a run is trained in: PyTorch's, or compiled code whose bits no processor changes."""

from functools import cache

import torch

from sdd_claims.compiled import why_missing
from sdd_claims.errors import InputError
from sdd_claims.spec import OWN, RunSpec

_why_missing = cache(why_missing)


def portable(spec: RunSpec) -> bool:
    """Whether a run is trained and measured by compiled code."""
    return spec.training.arithmetic == "portable"


def check_arithmetic(spec: RunSpec, device: torch.device) -> None:
    """Check that portable arithmetic is asked for where there is any.

    Raises:
        InputError: of a network that is neither a plain MLP nor, on a path over epochs, a ReLU network; of one that
            draws its own weights; with augmented images; with a penalty of the user's own; on a GPU; where nothing can
            be compiled; or where what the network learns from has another arithmetic.
    """
    if not portable(spec):
        return
    if why := _why_missing():
        # Not natively instead: one key would hold numbers of two arithmetics, and one chain two initializations.
        raise InputError(
            f"portable arithmetic needs compiled code, and {why}; install Numba for this Python, or set "
            "TrainingSpec.arithmetic to 'native', which is another run"
        )
    if spec.model.name not in ("mlp", OWN) and not (spec.model.name == "relu_network" and spec.path.over == "epochs"):
        raise InputError(
            "portable arithmetic trains plain MLPs, and ReLU networks on a path over epochs; the model is "
            f"{spec.model.name!r}; set TrainingSpec.arithmetic to 'native'"
        )
    if spec.model.own is not None and not spec.model.own.default_weights:
        raise InputError(
            f"portable arithmetic draws PyTorch's default weights by a formula of its own, and {spec.model.own} draws "
            "its weights itself; set TrainingSpec.arithmetic to 'native', or leave its weights as PyTorch gives them "
            "and set OwnNetwork.default_weights"
        )
    if spec.data.augmentation != "none":
        raise InputError(
            "portable arithmetic knows no augmentation; set DataSpec.augmentation to 'none' or TrainingSpec.arithmetic "
            "to 'native'"
        )
    if spec.training.penalty.own is not None:
        raise InputError(
            f"portable arithmetic knows no penalty of one's own, and {spec.training.penalty.own} is one; set "
            "TrainingSpec.arithmetic to 'native'"
        )
    teacher = spec.distillation.teacher
    if teacher is not None and teacher.training.arithmetic == "native":
        raise InputError(
            "a student in portable arithmetic has the bits of its teacher, which is trained in native arithmetic; set "
            "TrainingSpec.arithmetic of both to the same"
        )
    if device.type != "cpu":
        raise InputError(
            f"portable arithmetic is that of a CPU, and the device is {device}; use --device=cpu, or set "
            "TrainingSpec.arithmetic to 'native'"
        )


def why_no_numba() -> str:
    """Why nothing can be compiled here, in a clause; empty where it can."""
    return _why_missing()
