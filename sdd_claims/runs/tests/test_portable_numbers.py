"""Portable arithmetic has the same bits on every processor: those that are written here."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite.binding import get_host_cpu_features

from sdd_claims.runs.tests import portable_numbers
from sdd_claims.runs.tests.portable_numbers import ADAM, CHAIN, digest, digests, levels

ROOT = Path(__file__).parents[3]

GOLDEN = {
    "momentum": "4dbe5f283bf4336f",
    "redense": "52b294d7508597d6",
    "adam": "01a7c34e062dd37d",
    "adamw": "83a3f81394dc96c5",
    "matrix norm": "c1d5c9087a3624e2",
    "proximal": "1a2fea6f5a1e0632",
    "l1": "c535f7d3397f5419",
    "l2": "ed3dc47798fff026",
    "own network": "a990570719f5fe9c",
    "student": "afd8d3a7d6af8241",
    "strengths": "8a8267cd356ff5a1",
    "features": "e13b7dd7accab6b0",
    "relu, eq. 2": "198ac0753c5e028a",
    "relu, weight decay": "bf7f78e8da38ae74",
    "many neurons, eq. 2": "4f099dfc00fd5534",
    "many neurons, weight decay": "2b31e981f90bb644",
}
"""A change here changes every stored result of portable arithmetic: raise PIPELINE and mean it."""

PROCESSORS = {
    "generic": {
        "NUMBA_CPU_NAME": "generic",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2,-AVX512F",
        "OPENBLAS_CORETYPE": "Nehalem",
        "MKL_CBWR": "COMPATIBLE",
    },
    "haswell": {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx2,+fma",
        "OPENBLAS_CORETYPE": "Haswell",
        "MKL_CBWR": "COMPATIBLE",
    },
}
"""Without wide vectors, and with fused multiply-add, for which a careless compiler rounds once instead of twice.
NumPy's BLAS takes other kernels in each, and so does PyTorch's where it is MKL: their products have other bits then."""


def test_the_bits_are_those_written_here_on_this_processor():
    assert digests() == GOLDEN


def test_the_bits_are_those_written_here_on_other_processors(tmp_path):
    """Compiled for each of them, and with what PyTorch and the C library do on the oldest."""
    features = get_host_cpu_features()
    able = {"generic": True, "haswell": features.get("avx2", False) and features.get("fma", False)}
    begun = {
        name: subprocess.Popen(
            [sys.executable, "-m", portable_numbers.__name__],
            env={
                **os.environ,
                **changes,
                "ATEN_CPU_CAPABILITY": "default",
                "NUMBA_CACHE_DIR": str(tmp_path / name),
                "PYTHONPATH": str(ROOT),
            },
            stdout=subprocess.PIPE,
        )
        for name, changes in PROCESSORS.items()
        if able[name]
    }
    found = {name: json.loads(process.communicate()[0]) for name, process in begun.items()}
    assert {name: each["digests"] for name, each in found.items()} == dict.fromkeys(begun, GOLDEN)
    for name in begun:
        assert list((tmp_path / name).rglob("*.nbc")), "compiled for this processor and kept"
        if platform.machine() == "x86_64" and found[name]["kernels"]:  # by another library it computes elsewhere
            assert found[name]["kernels"] == [PROCESSORS[name]["OPENBLAS_CORETYPE"]]


@pytest.mark.parametrize("spec", [CHAIN, ADAM], ids=["momentum", "adam"])
def test_a_seed_has_its_bits_whichever_seeds_are_trained_beside_it(spec):
    together = levels(spec, 3, (1001, 1000, 7))
    name = {CHAIN: "momentum", ADAM: "adam"}[spec]
    assert digest([level[1] for level in together]) == GOLDEN[name]
    assert digest([level[0] for level in together]) != GOLDEN[name]
