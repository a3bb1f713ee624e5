"""Energy and CO2 of training: an estimate from measured seconds, an assumed power and the world's average grid.

Nothing is metered and no network is asked. CodeCarbon (an optional extra) has the figures: watts of a CPU core where
nothing better is known, and grams of CO2 a kilowatt-hour. A GPU counts with the power limit that its driver stated when
it trained, which it does not exceed, and each of the processes that share one with an even part of it. Memory, cooling
and whatever else the machine did are left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from sdd_claims.machine.devices import CPU

INSTALL = "pip install 'codecarbon>=3.2'"


@dataclass(frozen=True)
class Footprint:
    """Energy and CO2 of some training.

    Attributes:
        energy_kwh: energy in kilowatt-hours; None where it cannot be estimated.
        co2_kg: CO2 equivalents in kilograms; None where they cannot be estimated.
        basis: how they were estimated, or why not.
    """

    energy_kwh: float | None
    co2_kg: float | None
    basis: str


def footprint(work: Iterable[tuple[float, Mapping[str, Any]]]) -> Footprint:
    """Energy and CO2 of some training.

    Args:
        work: for each level, the seconds for which it had a CPU core, or a GPU or its share of one, and the provenance
            stored with it: "device", and for a GPU "watts" and "per_device", the number of processes that shared it,
            1 where it is not recorded.
    """
    try:
        # Imported late: an optional extra.
        from codecarbon.core.cpu import DEFAULT_POWER_PER_CORE
        from codecarbon.core.units import EmissionsPerKWh, Energy, Power, Time
        from codecarbon.input import DataSource
    except ImportError:
        return Footprint(None, None, f"energy and CO2 are estimated where CodeCarbon is installed: {INSTALL}")
    seconds = defaultdict[tuple[str, float | None], float](float)
    shared = False
    for duration, about in work:
        on_cpu = about.get("device") == CPU.name
        watts = DEFAULT_POWER_PER_CORE if on_cpu else about.get("watts")
        stored = about.get("per_device")  # by whoever trained: any value
        sharing = stored if isinstance(stored, int) and stored > 1 else 1
        shared = shared or sharing > 1
        seconds["core" if on_cpu else "GPU", watts] += duration / sharing
    if not seconds:
        return Footprint(None, None, "nothing was trained")
    if any(watts is None for _, watts in seconds):
        return Footprint(None, None, "energy and CO2 are not estimated: a GPU's power limit was not recorded")
    grams = DataSource().get_carbon_intensity_per_source_data()["world_average"]
    energy = sum(
        Energy.from_power_and_time(power=Power.from_watts(float(watts)), time=Time.from_seconds(duration)).kWh
        for (_, watts), duration in seconds.items()
        if watts is not None
    )
    powers = " and ".join(f"{watts:g} W a {unit}" for unit, watts in seconds)
    parted = ", those of a GPU parted among its processes," if shared else ""
    return Footprint(
        energy,
        EmissionsPerKWh.from_g_per_kWh(grams).kgs_per_kWh * energy,
        f"seconds{parted} times {powers}, and {grams:g} g of CO2 a kWh, the world's average "
        f"(CodeCarbon {version('codecarbon')})",
    )
