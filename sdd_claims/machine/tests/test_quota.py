import os

import pytest

from sdd_claims.machine import devices
from sdd_claims.machine.quota import cpu_quota

LIMITED = "150000 100000\n"
UNLIMITED = "max 100000\n"


@pytest.fixture
def quota(tmp_path):
    """What a process of some groups is allowed, where the files of the groups hold what is given."""

    def read(membership, **files):
        (tmp_path / "cgroup").write_text(membership)
        for name, content in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return cpu_quota(tmp_path / "cgroup", tmp_path / "groups")

    return read


def test_a_container_sees_its_own_group_as_the_top(quota):
    assert quota("0::/\n", **{"cpu.max": LIMITED}) == 1.5


def test_the_tightest_of_a_group_and_those_above_it_counts(quota):
    files = {"cpu.max": UNLIMITED, "job/cpu.max": "50000 100000\n", "job/step/cpu.max": "400000 100000\n"}
    assert quota("0::/job/step\n", **files) == 0.5


def test_version_1_counts_too_where_the_path_is_the_hosts_own(quota):
    files = {"cpu,cpuacct/cpu.cfs_quota_us": "300000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}
    assert quota("5:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n", **files) == 3


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        ("0::/\n", {}),
        ("0::/\n", {"cpu.max": UNLIMITED}),
        ("0::/\n", {"cpu.max": ""}),
        ("0::/\n", {"cpu.max": "many few\n"}),
        ("0::/\n", {"cpu.max": "0 100000\n"}),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}),
        ("0::/../../other\n", {}),
        ("nonsense\n", {}),
        ("", {}),
    ],
)
def test_where_no_limit_is_set_or_none_can_be_read_there_is_none(quota, membership, files):
    assert quota(membership, **files) is None


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert cpu_quota(tmp_path / "absent", tmp_path) is None


@pytest.mark.parametrize(("allowed", "cores"), [(None, 4), (0.2, 1), (1.0, 1), (1.5, 2), (64.0, 4)])
def test_cores_are_no_more_than_the_quota_rounded_up(monkeypatch, allowed, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(devices, "cpu_quota", lambda: allowed)
    assert devices.cores() == cores
