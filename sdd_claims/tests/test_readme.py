"""The README's Python, run as it stands there: a claim, and a network."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

from sdd_claims.engines import work as work_module
from sdd_claims.tests.tiny import InstantPruning

README = Path(__file__).parents[2] / "README.md"


def _block(about):
    """The one block of Python that has these words."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if about in block]
    return found


def test_the_claim_of_the_readme_runs_in_any_folder(tmp_path):
    (tmp_path / "test_my_network.py").write_text(_block("pytest.mark.fast"), encoding="utf-8")
    command = ["pytest", "-p", "sdd_claims.plugin", "-m", "fast", "test_my_network.py", "--smoke"]
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "mine/my_network [fast, exploratory]: not judged" in ran.stdout


def test_the_network_of_the_readme_is_tried_in_any_folder(tmp_path, monkeypatch, capsys):
    """Everything but the training, which takes minutes."""
    (tmp_path / "my_network.py").write_text(_block("judge(build"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(work_module, "IterativePruning", InstantPruning)
    names = runpy.run_path("my_network.py")
    assert names["curve"].values.shape == (3, 10)
    assert names["verdict"].verdict in ("supported", "refuted", "inconclusive")
    shown = capsys.readouterr().out
    assert "density   mean test_accuracy" in shown
    assert "yours/sdd_appears_under_label_noise" in shown
