"""What a run imports before it can say anything: it should not make its user wait for what it may not need."""

import subprocess
import sys
from pathlib import Path

import pytest

import sdd_claims

ROOT = Path(__file__).parents[2]

SLOW = {"matplotlib", "pandas", "scipy.stats", "sklearn", "statsmodels", "torch._dynamo", "torchvision"}


def imported(program: str, *arguments: str) -> list[str]:
    """The slow modules that a program imports, as the last line that it prints."""
    program += f"\nimport sys; print(sorted({SLOW!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_the_plugin_imports_nothing_slow_but_pytorch():
    assert imported("import sdd_claims.plugin") == ["[]"]


def test_every_public_name_can_be_had():
    assert [name for name in sdd_claims.__all__ if getattr(sdd_claims, name).__name__ != name] == []


def test_the_cost_of_a_network_is_counted_without_pytorchs_compiler():
    program = "from sdd_claims.planning.shapes import flops_per_image; from sdd_claims.spec import RunSpec\n"
    assert imported(f"{program}print(flops_per_image(RunSpec()) > 0)") == ["True", "[]"]


def test_a_process_that_trains_plain_mlps_imports_neither_triton_nor_optimization():
    """Which take 100 MB of every process."""
    program = (
        "import torch\n"
        "import sdd_claims.judging.session\n"
        "from sdd_claims.record import Replica\n"
        "from sdd_claims.runs.iterative_pruning import IterativePruning\n"
        "from sdd_claims.spec import DataSpec, ModelSpec, RunSpec, TrainingSpec\n"
        "data, model = DataSpec(name='mnist_small', side=7, train_size=50), ModelSpec(hidden=(5,))\n"
        "spec = RunSpec(data=data, model=model, training=TrainingSpec(epochs=1, arithmetic='portable'))\n"
        "pruning = IterativePruning([Replica(spec, 0)], torch.device('cpu'))\n"
        "print(pruning.next_level(0, [None])[0][0].train_flops > 0)\n"
        "print({'triton', 'scipy.optimize'} & sys.modules.keys())\n"
    )
    assert imported(f"import sys\n{program}") == ["True", "set()", "[]"]


def test_adjusted_p_need_no_statsmodels():
    assert imported("from sdd_claims.stats.multiplicity import holm; print(holm([.5], 1))") == ["[0.5]", "[]"]


def test_who_only_judges_claims_never_imports_hypothesis(tmp_path):
    program = (
        "import pytest, sys\n"
        "pytest.main(['-m', 'fast', '--plan', '-p', 'no:cacheprovider', '-k', 'rank_order', sys.argv[1]])\n"
        "print('hypothesis' in sys.modules)"
    )
    assert imported(program, f"--store={tmp_path}")[-2:] == ["False", "[]"]


@pytest.mark.parametrize("module", ["sdd_claims", "sdd_claims.stats"])
def test_who_only_imports_rules_waits_for_no_pytorch(module):
    program = f"import {module}, sys; print('torch' in sys.modules)"
    assert imported(program) == ["False", "[]"]
