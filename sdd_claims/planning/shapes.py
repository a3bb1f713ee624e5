"""A spec's network and number of images, known from the catalogue alone: no data need be on disk."""

from functools import cache

from sdd_claims.data import catalogue, regression
from sdd_claims.measures import training_flops_per_image
from sdd_claims.models import Architecture, build
from sdd_claims.spec import STAND_IN, ModelSpec, RunSpec

Shape = tuple[int, int, int]


def architecture(spec: RunSpec) -> Architecture:
    """The form of a spec's network, built once for all specs that share it."""
    return _built(spec.model, *_images(spec))


def flops_per_image(spec: RunSpec) -> int:
    """Operations of one image's forward and backward pass, counted dense."""
    return _counted(spec.model, *_images(spec))


def images_per_epoch(spec: RunSpec) -> int:
    """Images, or points of a regression, that an epoch of training passes over."""
    if spec.data.name in regression.PROBLEMS:
        return len(regression.inputs(spec.data.name))
    own = spec.data.own
    count = _entry(spec).train_count if own is None else own.train_count
    return spec.data.train_size or count - spec.data.validation_size


def _entry(spec: RunSpec) -> catalogue.DatasetInfo:
    return catalogue.find(spec.data.name.removeprefix(STAND_IN))


def _images(spec: RunSpec) -> tuple[Shape, int]:
    """Shape of an image, channels first, and the number of the network's outputs."""
    if spec.data.name in regression.PROBLEMS:
        return (regression.inputs(spec.data.name).shape[1], 1, 1), 1
    if (own := spec.data.own) is not None:
        channels, height, width = own.shape
        return (channels, height, width), own.classes
    entry = _entry(spec)
    rows, columns, *colours = entry.image_shape
    side = spec.data.side
    return (colours[0] if colours else 1, side or rows, side or columns), entry.classes


@cache
def _built(model: ModelSpec, shape: Shape, outputs: int) -> Architecture:
    return build(model, shape, outputs)


@cache
def _counted(model: ModelSpec, shape: Shape, outputs: int) -> int:
    return training_flops_per_image(_built(model, shape, outputs), shape)
