import pytest

from sdd_claims.data.class_maps import ASYMMETRIC, CIFAR100_SUPERCLASSES, next_class

# The coarse label of each fine label, as the files of CIFAR-100 hold them: an independent transcription of the table.
CIFAR100_COARSE = [
    *[4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7],
    *[6, 13, 15, 3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10],
    *[16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16],
    *[12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13],
]


def test_superclasses_agree_with_the_coarse_labels_of_the_data_set():
    names = sorted(name for members in CIFAR100_SUPERCLASSES.values() for name in members)
    assert len(set(names)) == 100
    for coarse, members in enumerate(CIFAR100_SUPERCLASSES.values()):
        assert {CIFAR100_COARSE[names.index(name)] for name in members} == {coarse}


def test_cifar100_labels_go_round_within_their_superclass():
    mapped = ASYMMETRIC["cifar100"]
    for label in range(100):
        members = [other for other in range(100) if CIFAR100_COARSE[other] == CIFAR100_COARSE[label]]
        assert mapped[label] == members[(members.index(label) + 1) % 5]


@pytest.mark.parametrize(("name", "classes"), [("mnist", 10), ("mnist_small", 10), ("cifar10", 10), ("cifar100", 100)])
def test_no_class_is_mistaken_for_itself_or_for_one_that_is_not_there(name, classes):
    for label, mistaken in ASYMMETRIC[name].items():
        assert label != mistaken
        assert {label, mistaken} <= set(range(classes))


def test_next_class_goes_round():
    assert next_class(3) == {0: 1, 1: 2, 2: 0}


def test_similar_classes_are_those_of_the_paper():
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    assert ASYMMETRIC["mnist"] == ASYMMETRIC["mnist_small"] == {2: 7, 3: 8, 5: 6, 6: 5}
    assert {names[label]: names[mistaken] for label, mistaken in ASYMMETRIC["cifar10"].items()} == {
        "bird": "airplane",
        "deer": "horse",
        "truck": "automobile",
        "cat": "dog",
        "dog": "cat",
    }
