"""The workflows of GitHub: pinned, with few rights, and running only what a user or a script of `.ci` runs too."""

import re
import tomllib
from pathlib import Path

import pytest

from sdd_claims.locations import checkout

TOP = checkout() or Path()
WORKFLOWS = sorted((TOP / ".github" / "workflows").glob("*.yml"))
FOLDERS = ("--report", "--store", "--junitxml")
"""Options that only say where files go."""

of_each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)


def commands(lines: list[str]) -> set[str]:
    """The commands in some lines of shell, without remarks and without the options of folders."""
    single = [part for line in lines for part in re.split(r"&&|\\$", re.sub(r"\s#.*", "", line))]
    kept = [[word for word in part.split() if not word.startswith(FOLDERS)] for part in single]
    return {" ".join(words) for words in kept if words}


def run_by(workflow: Path) -> set[str]:
    text = workflow.read_text(encoding="utf-8")
    lines = re.findall(r"^ +(?:- )?run: (?!\|)(.+)$", text, re.MULTILINE)
    for indent, block in re.findall(r"^( +)(?:- )?run: \|\n((?:\1  .*\n?)+)", text, re.MULTILINE):
        lines += [line.removeprefix(indent) for line in block.splitlines()]
    return commands(lines)


def known() -> set[str]:
    lines = [line for path in (TOP / ".ci").iterdir() for line in path.read_text(encoding="utf-8").splitlines()]
    for path in (TOP / "README.md", TOP / "CONTRIBUTING.md", TOP / "docs" / "dependencies.md"):
        text = path.read_text(encoding="utf-8")
        for block in re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            lines += block.splitlines()
        lines += re.findall(r"`([^`\n]+)`", text)
    return commands(lines)


def test_there_are_workflows_for_pushes_nights_weeks_a_gpu_and_a_release():
    assert [path.stem for path in WORKFLOWS] == ["full", "nightly", "release", "tests", "weekly"]


def test_a_release_publishes_nothing():
    text = (TOP / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert {line.partition("@")[0] for line in re.findall(r"uses:\s*(.*)", text)} == {
        "actions/checkout",
        "actions/setup-python",
        "actions/upload-artifact",
    }
    assert not re.search(r"twine upload|gh release|id-token", text)


@of_each_workflow
def test_every_action_is_pinned_by_a_commit(workflow):
    used = re.findall(r"uses:\s*(.*)", workflow.read_text(encoding="utf-8"))
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_an_action_has_one_commit_in_all_workflows():
    used = {line for path in WORKFLOWS for line in re.findall(r"uses:\s*(.*)", path.read_text(encoding="utf-8"))}
    assert len({line.partition("@")[0] for line in used}) == len(used)


@of_each_workflow
def test_a_workflow_may_read_the_repository_and_nothing_else(workflow):
    text = workflow.read_text(encoding="utf-8")
    assert re.findall(r"^permissions:(.*)$", text, re.MULTILINE) == [" {}"]
    assert re.findall(r"^ +permissions:\n((?:^ {6}.*\n)+)", text, re.MULTILINE) == ["      contents: read\n"]
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert "secrets." not in text
    assert "pull_request_target" not in text


@of_each_workflow
def test_only_what_a_user_may_ask_for_runs_on_a_machine_of_ones_own(workflow):
    text = workflow.read_text(encoding="utf-8")
    assert "self-hosted" not in text or not re.search(r"^  (push|pull_request)\b", text, re.MULTILINE)


@of_each_workflow
def test_every_command_of_a_workflow_is_one_of_the_documents_or_of_ci(workflow):
    assert run_by(workflow)
    assert run_by(workflow) - known() == set()


def test_the_tests_of_the_page_are_skipped_neither_on_a_push_nor_in_ci():
    """The group `browser` by its packages, for a pip that knows no groups."""
    groups = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    packages = " ".join(f"'{each}'" for each in groups["browser"])
    line = f"pip install -q {packages}"
    assert line in run_by(TOP / ".github" / "workflows" / "tests.yml")
    assert line in commands((TOP / ".ci" / "run").read_text(encoding="utf-8").splitlines())


@of_each_workflow
def test_what_a_workflow_reports_is_kept_as_an_artifact(workflow):
    text = workflow.read_text(encoding="utf-8")
    kept = [line.strip() for block in re.findall(r"path: \|\n((?: {12}.*\n)+)", text) for line in block.splitlines()]
    written = re.findall(r"--(?:report|junitxml)=(\S+)", text) + (["dist"] if "python -m build" in text else [])
    assert bool(written) == bool(kept)
    assert all(any(Path(path).match(pattern) for pattern in kept) for path in written)
