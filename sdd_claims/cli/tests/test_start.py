"""What a command imports before it answers."""

import subprocess
import sys
from pathlib import Path

import pytest

from sdd_claims.cli.main import main
from sdd_claims.cli.storing import store
from sdd_claims.cli.tests.conftest import PUBLISHED

ROOT = Path(__file__).parents[3]
FULL = str(PUBLISHED / "full")


def imported(*commands: list[str]) -> list[str]:
    """The packages of some that are slow which are imported once these commands have answered."""
    program = f"""
import sys
from sdd_claims.cli.main import main
for words in {list(commands)!r}:
    try:
        main(words)
    except SystemExit as done:
        assert done.code in (0, None), words
print(sorted({{"torch", "scipy", "numpy", "pytest", "matplotlib", "rich"}} & sys.modules.keys()), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_help_waits_for_nothing():
    commands = [[name, "--help"] for name in main.commands]
    stores = [["store", ".", name, "--help"] for name in store.commands]
    assert imported(["--help"], ["--version"], ["cite"], *commands, *stores) == ["[]"]


@pytest.mark.parametrize(
    "command",
    [
        ["list", "--paper", "zhang2024"],
        ["diff", FULL, FULL],
        ["export", FULL, "--curves", "{folder}/curves.csv", "--table", "{folder}/table.tex"],
    ],
    ids=["list", "diff", "export"],
)
def test_what_only_reads_waits_for_no_pytorch(command, tmp_path):
    (last,) = imported([word.format(folder=tmp_path) for word in command])
    assert "'numpy'" in last
    assert "torch" not in last
