"""The README's own claim, run as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_claim_of_the_readme_runs_in_any_folder(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "test_my_network.py").write_text(block, encoding="utf-8")
    command = ["pytest", "-p", "sdd_claims.plugin", "-m", "fast", "test_my_network.py", "--smoke"]
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "mine/my_network [fast, exploratory]: not judged" in ran.stdout
