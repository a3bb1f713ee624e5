"""Nothing that is trained here takes time, or waits for anybody else on the machine."""

import pytest

from sdd_claims.engines import work as work_module
from sdd_claims.judging.tests.opener import Clock, Opener
from sdd_claims.tests.slots import slots_of_its_own
from sdd_claims.tests.tiny import InstantPruning


@pytest.fixture(autouse=True)
def instant(monkeypatch):
    monkeypatch.setattr(work_module, "IterativePruning", InstantPruning)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)  # of whoever runs these tests


@pytest.fixture
def opened(tmp_path):
    return Opener(tmp_path / "store")


@pytest.fixture
def torn(tmp_path):
    """A data root with a torn folder of MNIST, which nobody replaces by a download."""
    (tmp_path / "data" / "MNIST").mkdir(parents=True)
    return tmp_path / "data"


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


__all__ = ["slots_of_its_own"]
