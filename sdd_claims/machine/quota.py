"""The share of the machine's cores that a container or a job leaves to its processes, whatever cores they see."""

from collections.abc import Iterator
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def cpu_quota(membership: Path = _MEMBERSHIP, groups: Path = _GROUPS) -> float | None:
    """Cores' worth of time that this process's control groups allow it; None where they set no limit.

    Args:
        membership: the file of the kernel's that names this process's groups.
        groups: the folder under which the groups lie.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    quotas: list[float] = []
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            quotas += _version_2(groups, group)
        elif "cpu" in controllers.split(","):
            quotas += _version_1(groups, controllers, group)
    return min(quotas, default=None)


def _version_2(groups: Path, group: str) -> Iterator[float]:
    for folder in _up_from(groups, group):
        quota, period, *_ = [*_words(folder / "cpu.max"), "", ""]
        yield from _share(quota, period)


def _version_1(groups: Path, controllers: str, group: str) -> Iterator[float]:
    for controller in dict.fromkeys((controllers, "cpu")):
        for folder in _up_from(groups / controller, group):
            quota, period, *_ = [*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us"), "", ""]
            yield from _share(quota, period)


def _up_from(top: Path, group: str) -> Iterator[Path]:
    """A group's folder and all above it: each may set a limit. In a container some of them are not to be seen."""
    inner = top / group.lstrip("/")
    yield inner
    if inner != top:
        yield from (folder for folder in inner.parents if folder.is_relative_to(top))


def _share(quota: str, period: str) -> Iterator[float]:
    # No limit is "max" in version 2 and -1 in version 1.
    if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
        yield int(quota) / int(period)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return []
