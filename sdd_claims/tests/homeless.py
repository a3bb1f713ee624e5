"""A user without a home folder, as in a container whose user has no line in its passwd."""

from pathlib import Path

import pytest


@pytest.fixture
def no_home(monkeypatch):
    """There is neither HOME nor a line in passwd, so that pathlib finds no home."""

    def refuse(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", lambda path: refuse(path) if str(path).startswith("~") else path)
    monkeypatch.setattr(Path, "home", lambda: refuse(None))
    monkeypatch.delenv("HOME", raising=False)
