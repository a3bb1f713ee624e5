"""Tests of what trains wait for nobody else on the machine: the `conftest.py` of each such room takes this fixture."""

import tempfile

import pytest


@pytest.fixture(autouse=True)
def slots_of_its_own(tmp_path_factory, monkeypatch):
    """Training slots are a machine's; those of a test are in its own folder, in this process and in its children."""
    folder = str(tmp_path_factory.mktemp("slots"))
    monkeypatch.setattr(tempfile, "tempdir", folder)
    monkeypatch.setenv("TMPDIR", folder)
