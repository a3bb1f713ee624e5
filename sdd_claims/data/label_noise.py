"""Label noise, synthetic and by human annotators. Only training labels pass through here; test labels stay clean.

The number of labels that noise touches is never random: round(rate * count), halves up, of the decimal number as
written (15 of 100 at 0.145, although 0.145 * 100 is 14.499... in binary).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, get_args

import numpy as np
from jaxtyping import Bool, Int, Integer

from sdd_claims.data import class_maps
from sdd_claims.errors import InputError
from sdd_claims.spec import NoiseKind

KINDS: tuple[str, ...] = get_args(NoiseKind)

Changes: TypeAlias = tuple[Int[np.ndarray, " chosen"], Integer[np.ndarray, " chosen"]]
"""Indices of the images that the noise touches, and their labels after it."""


@dataclass(frozen=True, slots=True, eq=False)
class NoisyLabels:
    """Training labels after noise.

    Attributes:
        labels: what the network is trained on; same dtype as the clean labels.
        chosen: the images that the noise touched.
        flipped: the images whose label is now another; of the chosen ones, a permutation leaves some right.
    """

    labels: Integer[np.ndarray, " n"]
    chosen: Bool[np.ndarray, " n"]
    flipped: Bool[np.ndarray, " n"]


def corrupt(
    labels: Integer[np.ndarray, " n"],
    kind: str,
    rate: float | None = None,
    *,
    dataset: str,
    classes: int,
    rng: np.random.Generator,
    given: Integer[np.ndarray, " n"] | None = None,
) -> NoisyLabels:
    """Corrupt training labels; the input is left as it is.

    Args:
        labels: clean training labels.
        kind: one of
            "none": nothing changes;
            "symmetric_permute": round(rate * n) random images have their labels permuted among themselves, so that
            some stay right (He et al. 2022, A.3);
            "symmetric_always_wrong": round(rate * n) random images each get one of the other classes, uniformly
            (Quetu and Tartaglione 2023);
            "asymmetric": of each class in the data set's map, round(rate * count) random images get the similar class
            (He et al. 2022, A.3);
            "pairflip": of each class, round(rate * count) random images get the next class, the last the first (He et
            al. 2022, A.3; counted per class, so that the total can differ from round(rate * n) by less than classes);
            "human": annotators' labels replace the clean ones, see `sdd_claims.data.human_labels`.
        rate: fraction in [0, 1]; None (or 0) for "none" and for "human", whose rate the annotators set.
        dataset: name of the data set, for the map of "asymmetric".
        classes: number of classes.
        rng: the replica's stream for label noise; "none" and "human" draw nothing from it.
        given: the annotators' labels in the order of `labels`, for "human" only.

    Raises:
        InputError: unknown kind, a rate missing, superfluous or outside 0 .. 1, labels outside the classes, a data set
            without a map, annotators' labels that do not fit.
    """
    if classes < 2:
        raise InputError(f"label noise needs another class, got {classes}: give the number of classes of the data set")
    _check_labels("the clean labels", labels, classes)
    if kind not in KINDS:
        raise InputError(f"unknown label noise {kind!r}: give one of {', '.join(KINDS)}")
    if given is not None and kind != "human":
        raise InputError(
            f'labels were given for label noise {kind!r}, which makes its own: leave them out, or ask for "human"'
        )
    indices, values = _changes(labels, kind, rate, dataset, classes, rng, given)
    noisy = labels.copy()
    noisy[indices] = values
    chosen = np.zeros(len(labels), bool)
    chosen[indices] = True
    return NoisyLabels(noisy, chosen, noisy != labels)


def _changes(
    labels: Integer[np.ndarray, " n"],
    kind: str,
    rate: float | None,
    dataset: str,
    classes: int,
    rng: np.random.Generator,
    given: Integer[np.ndarray, " n"] | None,
) -> Changes:
    match kind:
        case "none":
            if rate:
                raise InputError(
                    f'label noise "none" was given the rate {rate}: leave the rate out, or name a kind of noise'
                )
            return np.empty(0, np.intp), np.empty(0, labels.dtype)
        case "human":
            return _replace(labels, rate, classes, given)
        case "symmetric_permute":
            return _permute(labels, _checked_rate(kind, rate), rng)
        case "symmetric_always_wrong":
            return _always_wrong(labels, _checked_rate(kind, rate), classes, rng)
        case "asymmetric":
            return _mistake(labels, _checked_rate(kind, rate), _asymmetric_map(dataset, classes), rng)
        case _:
            return _mistake(labels, _checked_rate(kind, rate), class_maps.next_class(classes), rng)


def _permute(labels: Integer[np.ndarray, " n"], rate: Fraction, rng: np.random.Generator) -> Changes:
    chosen = rng.choice(len(labels), _share(rate, len(labels)), replace=False)
    return chosen, rng.permutation(labels[chosen])


def _always_wrong(labels: Integer[np.ndarray, " n"], rate: Fraction, classes: int, rng: np.random.Generator) -> Changes:
    chosen = rng.choice(len(labels), _share(rate, len(labels)), replace=False)
    steps = rng.integers(1, classes, len(chosen))  # int64: a uint8 label cannot overflow
    return chosen, (labels[chosen] + steps) % classes


def _mistake(
    labels: Integer[np.ndarray, " n"], rate: Fraction, mistaken_for: Mapping[int, int], rng: np.random.Generator
) -> Changes:
    targets = np.array([mistaken_for.get(label, label) for label in range(max(mistaken_for) + 1)])
    chosen = np.concatenate(
        [
            rng.choice(members, _share(rate, len(members)), replace=False)
            for members in (np.flatnonzero(labels == label) for label in sorted(mistaken_for))
        ]
    )
    return chosen, targets[labels[chosen]]


def _replace(
    labels: Integer[np.ndarray, " n"], rate: float | None, classes: int, given: Integer[np.ndarray, " n"] | None
) -> Changes:
    if rate:
        raise InputError(f"human annotators set their own noise rate, got the rate {rate}: leave the rate out")
    if given is None:
        raise InputError('label noise "human" needs the annotators\' labels: pass them as `given`')
    _check_labels("the annotators' labels", given, classes)
    if len(given) != len(labels):
        raise InputError(
            f"{len(given)} labels were given for {len(labels)} images: give one an image, in the same order"
        )
    chosen = np.flatnonzero(given != labels)
    return chosen, given[chosen]


def _asymmetric_map(dataset: str, classes: int) -> Mapping[int, int]:
    if dataset not in class_maps.ASYMMETRIC:
        raise InputError(
            f"no map of similar classes is published for {dataset!r}: asymmetric label noise is for "
            f"{', '.join(class_maps.ASYMMETRIC)}; use pairflip or symmetric noise"
        )
    mistaken_for = class_maps.ASYMMETRIC[dataset]
    if (needed := max(max(mistaken_for), max(mistaken_for.values())) + 1) > classes:
        raise InputError(f"the map of {dataset} names {needed} classes, got labels of {classes}: name their data set")
    return mistaken_for


def _checked_rate(kind: str, rate: float | None) -> Fraction:
    if rate is None or not 0 <= rate <= 1:  # NaN fails the comparison too
        raise InputError(f"label noise {kind!r} was given the rate {rate}: give a fraction from 0 to 1")
    return Fraction(str(float(rate)))


def _share(rate: Fraction, count: int) -> int:
    return math.floor(rate * count + Fraction(1, 2))


def _check_labels(what: str, labels: Integer[np.ndarray, " n"], classes: int) -> None:
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{what} are {labels.dtype} of shape {labels.shape}: give one whole number an image")
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise InputError(
            f"{what} run from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}: "
            "give labels and number of classes of the same data set"
        )
