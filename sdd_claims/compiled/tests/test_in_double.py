"""What rounding hides: in double precision the compiled code agrees with PyTorch to 1e-10."""

import os
import re
import subprocess
import sys

from sdd_claims.locations import checkout

PLUGIN = "sdd_claims.compiled.tests.in_double"
TESTS = (
    "sdd_claims/compiled/tests/test_network.py::test_the_gradient_is_that_of_autograd_and_what_is_left_out_has_none",
    "sdd_claims/compiled/tests/test_network.py::test_loss_and_accuracy_are_those_of_double_precision",
    "sdd_claims/training/tests/test_portable.py::test_an_epoch_is_that_of_plain_pytorch",
    "sdd_claims/training/tests/test_portable.py::test_an_epoch_is_that_of_masked_training_in_double_precision",
    "sdd_claims/training/tests/test_portable.py::test_the_learning_rate_follows_its_schedule",
    "sdd_claims/training/tests/test_compiled_relu_stack.py::test_it_trains_as_pytorch_does_within_rounding",
)
"""Gradients, and an epoch of every combination of optimizer, penalty, weight decay and teacher."""


def test_gradients_and_epochs_are_those_of_pytorch_to_ten_digits(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "-p", PLUGIN, *TESTS],
        cwd=checkout(),
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"\d+ passed(, \d+ warnings?)? in ", done.stdout.splitlines()[-1]), done.stdout  # none was skipped
