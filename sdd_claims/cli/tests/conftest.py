"""What the tests of the commands share: a way to call them, and a published run to change."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sdd_claims.cli.main import main
from sdd_claims.locations import checkout

PUBLISHED = (checkout() or Path()) / "reports" / "published"


@pytest.fixture
def call() -> Callable[..., Result]:
    """Call a command; an error that no sentence says is raised."""

    def called(*words: object, answer: str | None = None) -> Result:
        return CliRunner().invoke(main, [*map(str, words)], input=answer, catch_exceptions=False)

    return called


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A copy of the smallest published run."""
    return Path(shutil.copytree(PUBLISHED / "full", tmp_path / "published"))


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """A copy of the newest run, which today's tests judged, cut down to one claim, whose adjusted p is 1 either way."""
    folder = Path(shutil.copytree(PUBLISHED / "fast", tmp_path / "judged"))

    def cut(document: dict[str, Any]) -> None:
        document["claims"] = [claim for claim in document["claims"] if claim["p_holm"] == 1][:1]

    edit(folder, cut)
    return folder


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a run's claims.json."""
    path = folder / "claims.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
