import socket
import sys
from importlib.metadata import version

import pytest

from sdd_claims.machine import devices, provenance
from sdd_claims.machine.energy import footprint

CPU, GPU = {"device": "cpu", "watts": None}, {"device": "cuda:0", "watts": 700.0}
HOUR = 3600.0


@pytest.fixture
def codecarbon():
    return pytest.importorskip("codecarbon")


def test_energy_is_seconds_times_watts_and_co2_the_worlds_average(codecarbon, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    found = footprint([(250 * HOUR, CPU), (HOUR, GPU)])
    assert found.energy_kwh == pytest.approx(250 * 0.004 + 0.7)
    assert found.co2_kg == pytest.approx(1.7 * 0.475)
    assert found.basis == (
        "seconds times 4 W a core and 700 W a GPU, and 475 g of CO2 a kWh, the world's average "
        f"(CodeCarbon {version('codecarbon')})"
    )


def test_the_estimate_grows_with_the_seconds_and_not_with_their_division(codecarbon):
    whole, parts = footprint([(HOUR, CPU)]), footprint([(HOUR / 4, CPU)] * 4)
    assert parts.energy_kwh == pytest.approx(whole.energy_kwh)
    assert parts.basis == whole.basis


def test_processes_that_share_a_gpu_share_its_power(codecarbon):
    shared = footprint([(HOUR, GPU | {"per_device": 4})] * 4)
    assert shared.energy_kwh == pytest.approx(footprint([(HOUR, GPU)]).energy_kwh)


@pytest.mark.parametrize("stored", [0, -1, "4", None, 2.5])
def test_a_number_of_processes_that_is_none_counts_as_one(codecarbon, stored):
    alone = footprint([(HOUR, GPU)])
    assert footprint([(HOUR, GPU | {"per_device": stored})]) == alone


def test_how_many_processes_shared_a_gpu_is_recorded(monkeypatch):
    monkeypatch.setattr(provenance, "hardware", lambda device: "one")
    monkeypatch.setattr(provenance, "power_limit", lambda device: 700.0)
    assert provenance.of_training(devices.Device("cuda:0"), 4)["per_device"] == 4
    assert provenance.of_training(devices.CPU, 4)["per_device"] == 1


@pytest.mark.parametrize("gpu", [{"device": "cuda"}, {"device": "cuda", "watts": None}])
def test_a_gpu_of_unknown_power_is_not_estimated(codecarbon, gpu):
    found = footprint([(HOUR, CPU), (HOUR, gpu)])
    assert (found.energy_kwh, found.co2_kg) == (None, None)
    assert "power limit was not recorded" in found.basis


def test_without_codecarbon_the_basis_says_what_to_install(monkeypatch):
    for name in ("codecarbon", "codecarbon.core", "codecarbon.core.cpu"):
        monkeypatch.setitem(sys.modules, name, None)
    found = footprint([(HOUR, CPU)])
    assert (found.energy_kwh, found.co2_kg) == (None, None)
    assert "pip install 'codecarbon>=3.2'" in found.basis


def test_no_training_took_nothing(codecarbon):
    assert footprint([]).basis == "nothing was trained"


def test_a_cpu_has_no_power_limit_to_record():
    assert provenance.power_limit(devices.CPU) is None
