import errno
import gzip
import hashlib
import io
import os
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdd_claims.data import human_labels as module
from sdd_claims.data.datasets import Dataset, load
from sdd_claims.data.human_labels import ANNOTATIONS, FOLDER, human_labels, why_unavailable
from sdd_claims.errors import InputError, MissingDataError

CLEAN = np.array([3, 0, 7, 7, 1, 2], np.uint8)
HUMAN = np.array([3, 9, 7, 2, 1, 0], np.uint8)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root of six CIFAR-10 images, without annotations."""
    images = np.zeros((6, 32, 32, 3), np.uint8)
    dataset = Dataset("cifar10", images, CLEAN, images, CLEAN, 10)
    monkeypatch.setattr(module, "load", lambda name, data_root=None: dataset)
    entry = replace(ANNOTATIONS["cifar10"], sha256=hashlib.sha256(HUMAN.tobytes()).hexdigest())
    monkeypatch.setattr(module, "ANNOTATIONS", {**ANNOTATIONS, "cifar10": entry})
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def write(root, content):
    torch.save(content, root / FOLDER / "CIFAR-10_human.pt")


def arrays(**changes):
    content = {"clean_label": CLEAN, "worse_label": HUMAN, "aggre_label": CLEAN, **changes}
    return {name: value.astype(np.int64) for name, value in content.items() if value is not None}


def test_the_worst_of_the_annotators_labels_come_in_the_order_of_the_images(root):
    reason = f"{root / FOLDER / 'CIFAR-10_human.pt'} is missing; put the CIFAR-10_human.pt of github.com/UCSC-REAL/"
    assert str(why_unavailable("cifar10", root)).startswith(reason)
    write(root, arrays())
    assert why_unavailable("cifar10", root) is None
    np.testing.assert_array_equal(human_labels("cifar10", root), HUMAN)


def test_the_labels_are_shared_and_nobody_can_change_them(root):
    write(root, arrays())
    labels = human_labels("cifar10", root)
    assert human_labels("cifar10", root) is labels
    with pytest.raises(ValueError, match="read-only"):
        labels[0] = 1


def test_an_absent_file_is_named_with_the_project_that_has_it(root):
    with pytest.raises(MissingDataError, match=r"CIFAR-10_human\.pt is missing.*put .* of github.com/UCSC-REAL/"):
        human_labels("cifar10", root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (arrays(clean_label=CLEAN[::-1]), "for another order of them"),
        (arrays(worse_label=HUMAN[::-1]), "holds other labels than its authors'"),
        (arrays(worse_label=None), "lacks worse_label, expected 6 whole numbers"),
        (
            arrays(worse_label=HUMAN[1:]),
            "holds 5 numbers as worse_label, expected one for each of the 6 training images",
        ),
        (
            arrays(clean_label=CLEAN[1:]),
            "holds 5 numbers as clean_label, expected one for each of the 6 training images",
        ),
        (arrays(worse_label=HUMAN[:, None]), "lacks worse_label, expected 6 whole numbers"),
        ({**arrays(), "worse_label": HUMAN.tolist()}, "lacks worse_label"),
        ([1, 2], "holds a list, expected a dictionary"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time they were made
)
def test_another_file_than_the_authors_is_refused(root, content, message):
    write(root, content)
    with pytest.raises(InputError, match=message):
        human_labels("cifar10", root)


class Trap:
    def __reduce__(self):
        return os.mkdir, ("sprung",)


def legacy(content):
    return lambda path: torch.save(content, path, _use_new_zipfile_serialization=False)


def pickled(protocol):
    return lambda path: path.write_bytes(pickle.dumps({"trap": Trap()}, protocol))


@pytest.mark.parametrize(
    "write_file",
    [
        lambda path: torch.save({**arrays(), "trap": Trap()}, path),
        legacy({**arrays(), "trap": Trap()}),
        *(pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
    ],
)
def test_what_would_run_code_is_named_and_nothing_is_executed(root, monkeypatch, write_file):
    monkeypatch.chdir(root)
    write_file(root / FOLDER / "CIFAR-10_human.pt")
    with pytest.raises(
        InputError, match=rf"is a pickle that wants to run code \({os.mkdir.__module__}\.mkdir\), which was"
    ) as raised:
        human_labels("cifar10", root)
    assert not (root / "sprung").exists()
    assert "weights_only" not in str(raised.value)
    assert "\x1b" not in str(raised.value)


def test_a_hostile_name_does_not_reach_the_terminal(root):
    content = b"\x80\x04\x8c\x08\x1b[31mred\x8c\x04name\x93."
    (root / FOLDER / "CIFAR-10_human.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"wants to run code \(\\x1b\[31mred\.name\), which was not run"):
        human_labels("cifar10", root)


def test_arrays_that_were_pickled_without_pytorch_are_not_taken_for_code(root):
    (root / FOLDER / "CIFAR-10_human.pt").write_bytes(pickle.dumps(arrays()))
    with pytest.raises(InputError, match=r"is no readable PyTorch file of arrays .*; put the CIFAR-10_human\.pt"):
        human_labels("cifar10", root)


def npy():
    content = io.BytesIO()
    np.save(content, arrays(), allow_pickle=True)  # the authors publish the labels in this form, too
    return content.getvalue()


LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 2401007\n"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"\n<!DOCTYPE html>\n<html><body>\xc3\xa9</body></html>", "a web page"),
        (LFS_POINTER, "a Git LFS pointer file"),
        (b"404: Not Found", "a text file that says '404: Not Found'"),
        (b"cannot find\nthe file\n", "a text file that says 'cannot find the file'"),  # "c" is a pickle's import
        (gzip.compress(b"labels", mtime=0), "a gzip file"),
        (npy(), "a NumPy file"),
        (b"PK\x03\x04 half", "a truncated zip archive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time they were made
)
def test_what_was_saved_in_place_of_the_file_is_said_with_its_source(root, content, kind):
    (root / FOLDER / "CIFAR-10_human.pt").write_bytes(content)
    with pytest.raises(InputError, match=rf"is {kind}.*; put the CIFAR-10_human\.pt of github") as raised:
        human_labels("cifar10", root)
    assert "weights_only" not in str(raised.value)


def test_a_folder_of_labels_that_may_not_be_searched_is_said(root, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    sentence = r".*human\.pt cannot be read \(Permission denied\); change its permissions"
    with pytest.raises(InputError, match=sentence):
        human_labels("cifar10", root)
    assert re.match(sentence, str(why_unavailable("cifar10", root)))


@pytest.mark.parametrize("keep", [10, 500])
def test_a_torn_file_is_refused(root, keep):
    write(root, arrays())
    path = root / FOLDER / "CIFAR-10_human.pt"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"is a truncated zip archive, .*; put the CIFAR-10_human\.pt"):
        human_labels("cifar10", root)


# NumPy complains of a number type that was damaged when it is thrown away.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 2**31), flip=st.integers(1, 255))
def test_a_damaged_file_never_passes_as_other_labels(root, at, flip):
    write(root, arrays())
    path = root / FOLDER / "CIFAR-10_human.pt"
    damaged = bytearray(path.read_bytes())
    damaged[at % len(damaged)] ^= flip
    path.write_bytes(damaged)
    module._read.cache_clear()
    try:
        labels = human_labels("cifar10", root)
    except InputError:
        return
    np.testing.assert_array_equal(labels, HUMAN)  # the byte meant nothing, as those that fill up a page


@pytest.mark.parametrize("ask", [human_labels, why_unavailable])
def test_a_data_set_that_nobody_annotated_is_refused(ask, tmp_path):
    with pytest.raises(InputError, match="labelled cifar10 and cifar100, not mnist"):
        ask("mnist", tmp_path)


def test_stand_in_images_have_stand_in_labels():
    labels = human_labels("stand_in:cifar100")
    assert labels.shape == (512,)
    assert labels.max() == 99


def test_stand_ins_for_annotators_labels_are_wrong_everywhere():
    clean = load("stand_in:cifar10").train_labels
    assert (human_labels("stand_in:cifar10") != clean).all()
