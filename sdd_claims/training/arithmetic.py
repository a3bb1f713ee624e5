"""Which arithmetic a run is trained in on this machine: PyTorch's, or compiled code whose bits no processor changes."""

from functools import cache

import torch

from sdd_claims.compiled import why_missing
from sdd_claims.errors import InputError
from sdd_claims.spec import RunSpec

_why_missing = cache(why_missing)


def portable(spec: RunSpec) -> bool:
    """Whether a run that asks for portable arithmetic gets it: it does wherever code can be compiled."""
    return spec.training.arithmetic == "portable" and not _why_missing()


def arithmetic(spec: RunSpec) -> str:
    """The arithmetic of a run, for its record."""
    if spec.training.arithmetic == "portable" and (why := _why_missing()):
        return f"native, since {why}"
    return spec.training.arithmetic


def check_arithmetic(spec: RunSpec, device: torch.device) -> None:
    """Check that portable arithmetic is asked for where there is any.

    Raises:
        InputError: of a network that is neither a plain MLP nor, on a path over epochs, a ReLU network; with augmented
            images; on a GPU; or where what the network learns from, or is refitted by, has another arithmetic.
    """
    if spec.training.arithmetic == "native":
        return
    if spec.model.name != "mlp" and not (spec.model.name == "relu_network" and spec.path.over == "epochs"):
        raise InputError(
            "portable arithmetic trains plain MLPs, and ReLU networks on a path over epochs; the model is "
            f"{spec.model.name!r}; set TrainingSpec.arithmetic to 'native'"
        )
    if spec.data.augmentation != "none":
        raise InputError(
            "portable arithmetic knows no augmentation; set DataSpec.augmentation to 'none' or TrainingSpec.arithmetic "
            "to 'native'"
        )
    teacher = spec.distillation.teacher
    if teacher is not None and teacher.training.arithmetic == "native":
        raise InputError(
            "a student in portable arithmetic has the bits of its teacher, which is trained in native arithmetic; set "
            "TrainingSpec.arithmetic of both to the same"
        )
    if spec.path.over.endswith("_refit"):
        raise InputError(
            f"portable arithmetic knows no {spec.path.over!r}, which scikit-learn solves; set TrainingSpec.arithmetic "
            "to 'native'"
        )
    if device.type != "cpu":
        raise InputError(
            f"portable arithmetic is that of a CPU, and the device is {device}; use --device=cpu, or set "
            "TrainingSpec.arithmetic to 'native'"
        )
