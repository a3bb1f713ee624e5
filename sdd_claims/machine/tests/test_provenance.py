import shutil
import subprocess

import pytest
import torch

from sdd_claims.machine import devices, provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout of one commit that this package seems to run from."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("there is no git here")

    def run(*args):
        subprocess.run([git, "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *args], check=True)

    (tmp_path / "sdd_claims" / "machine").mkdir(parents=True)
    (tmp_path / "sdd_claims" / "machine" / "provenance.py").write_text("")
    run("init", "-q")
    run("add", ".")
    run("commit", "-q", "-m", "first")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "sdd_claims" / "machine" / "provenance.py"))
    provenance.commit.cache_clear()
    yield tmp_path
    provenance.commit.cache_clear()


def test_a_clean_checkout_is_named_by_its_commit(checkout):
    assert len(provenance.commit()) == 40
    assert set(provenance.commit()) <= set("0123456789abcdef")


def test_a_changed_checkout_says_so(checkout):
    (checkout / "sdd_claims" / "machine" / "provenance.py").write_text("changed")
    assert provenance.commit().endswith(" with changes")


def test_a_package_in_somebody_elses_checkout_has_no_commit(checkout, monkeypatch):
    inside = checkout / "venv" / "sdd_claims" / "machine" / "provenance.py"
    inside.parent.mkdir(parents=True)
    monkeypatch.setattr(provenance, "__file__", str(inside))
    assert provenance.commit() == "unknown"


def test_without_git_the_commit_is_unknown(checkout, monkeypatch):
    def absent(*args, **kwargs):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", absent)
    assert provenance.commit() == "unknown"


@pytest.mark.parametrize(("cores", "said"), [(1, ", 1 core"), (2, ", 2 cores")])
def test_versions_and_hardware_are_recorded(monkeypatch, cores, said):
    monkeypatch.setattr(provenance, "cores", lambda: cores)
    provenance.hardware.cache_clear()
    assert provenance.versions().keys() == {"python", *provenance.LIBRARIES}
    assert provenance.hardware().endswith(said)
    provenance.hardware.cache_clear()


@pytest.mark.parametrize(
    ("gpus", "device", "words"),
    [
        (["H200", "H200"], "cuda", ", 2 x H200"),
        (["H200", "A100"], "cuda", ", H200, A100"),
        (["H200", "A100"], "cuda:1", ", A100"),
        ([], "cuda", ", and GPUs of other machines"),
    ],
)
def test_hardware_names_the_gpus_in_use(monkeypatch, gpus, device, words):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(gpus))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: gpus[int(name.removeprefix("cuda:"))])
    provenance.hardware.cache_clear()
    assert provenance.hardware(devices.Device(device)) == provenance.hardware() + words
    provenance.hardware.cache_clear()


def test_a_library_that_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(provenance, "LIBRARIES", ("torch", "no_such_package"))
    provenance.versions.cache_clear()
    try:
        assert provenance.versions().keys() == {"python", "torch"}
    finally:
        provenance.versions.cache_clear()
