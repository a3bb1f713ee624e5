"""Which class is mistaken for which: the maps of asymmetric and pairflip label noise (He et al. 2022, A.3)."""

from collections.abc import Mapping
from types import MappingProxyType

CIFAR100_SUPERCLASSES: Mapping[str, tuple[str, str, str, str, str]] = MappingProxyType(
    {
        "aquatic mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
        "fish": ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
        "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
        "food containers": ("bottle", "bowl", "can", "cup", "plate"),
        "fruit and vegetables": ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
        "household electrical devices": ("clock", "keyboard", "lamp", "telephone", "television"),
        "household furniture": ("bed", "chair", "couch", "table", "wardrobe"),
        "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
        "large carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
        "large man-made outdoor things": ("bridge", "castle", "house", "road", "skyscraper"),
        "large natural outdoor scenes": ("cloud", "forest", "mountain", "plain", "sea"),
        "large omnivores and herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
        "medium-sized mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
        "non-insect invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
        "people": ("baby", "boy", "girl", "man", "woman"),
        "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
        "small mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
        "trees": ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
        "vehicles 1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
        "vehicles 2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
    }
)
"""The 20 superclasses of CIFAR-100 in the order of its coarse labels (Krizhevsky 2009)."""


def _next_within_superclass() -> Mapping[int, int]:
    """Each class of CIFAR-100 to the next of its superclass, the last to the first."""
    # The fine labels of CIFAR-100 number its hundred class names in alphabetical order.
    label = {name: i for i, name in enumerate(sorted(sum(CIFAR100_SUPERCLASSES.values(), start=())))}
    return {
        label[name]: label[following]
        for names in CIFAR100_SUPERCLASSES.values()
        for name, following in zip(names, names[1:] + names[:1], strict=True)
    }


# 2 -> 7, 3 -> 8, 5 <-> 6
_MNIST = {2: 7, 3: 8, 5: 6, 6: 5}
# bird -> airplane, deer -> horse, truck -> automobile, cat <-> dog
_CIFAR10 = {2: 0, 4: 7, 9: 1, 3: 5, 5: 3}

ASYMMETRIC: Mapping[str, Mapping[int, int]] = MappingProxyType(
    {"mnist_small": _MNIST, "mnist": _MNIST, "cifar10": _CIFAR10, "cifar100": _next_within_superclass()}
)
"""For each data set: class -> the similar class it is mistaken for. Classes that are not named keep their labels."""


def next_class(classes: int) -> Mapping[int, int]:
    """Each class to the next, the last to the first: the map of pairflip noise."""
    return {label: (label + 1) % classes for label in range(classes)}
