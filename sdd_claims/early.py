"""A word before pytest looks for tests: a folder outside of the checkout is given after an equals sign.

pytest takes a folder that follows an option it does not know yet for a place of tests, and then for the place of its
settings too: it would miss this checkout's, and with them the options.
"""

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

_WITH_FOLDERS = ("--store", "--data-root", "--report")


def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Say which option to write otherwise, where pytest has lost its way in this checkout."""
    if not _is_ours(early_config.invocation_params.dir) or _is_ours(early_config.rootpath):
        return
    for option, value in pairwise(args):
        if option in _WITH_FOLDERS and Path(value).exists():
            raise pytest.UsageError(f"pytest takes {value} for a place of tests; write {option}={value}")


def _is_ours(folder: Path) -> bool:
    """Whether a folder is a checkout of this suite, or lies in one."""
    for place in (folder, *folder.parents):
        if (settings := place / "pyproject.toml").is_file():
            return "sdd_claims" in tomllib.loads(settings.read_text(encoding="utf-8")).get("tool", {})
    return False
