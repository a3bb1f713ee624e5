"""The documents, followed word for word: what they have somebody write is written, what they have run is run."""

import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from sdd_claims.cli.main import main
from sdd_claims.command_line import OPTIONS
from sdd_claims.locations import checkout

TOP = checkout() or Path()


def files_of(text: str) -> list[tuple[str, str]]:
    """The files that a document has somebody write or add to: each is named at the end of the words before it."""
    return re.findall(r"`([\w/]+\.\w+)`[^`]*?:\n\n```\w+\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands_of(text: str) -> list[list[str]]:
    """The commands that it has somebody run."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [line.partition(" #")[0].split() for kind, block in blocks if not kind for line in block.splitlines()]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A checkout of its own: without tests, which would be copied for nothing."""
    for folder in ("sdd_claims", "claims", "fixtures"):
        shutil.copytree(TOP / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    for file in ("pyproject.toml", "conftest.py"):
        shutil.copy(TOP / file, tmp_path / file)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_a_claim_is_added_as_the_document_says(copy):
    text = (TOP / "docs" / "add-a-claim.md").read_text(encoding="utf-8")
    name = "test_dip_is_two_points_deep.py"
    files, commands = files_of(text), commands_of(text)
    assert [path for path, _ in files] == ["claims/register.toml", f"claims/he2022/{name}"]
    for path, content in files:
        with (copy / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{content}")
    assert [command[3] for command in commands[:3]] == ["--smoke", "--plan", "--pilots"]
    assert {(program, last) for program, *_, last in commands} == {("pytest", f"claims/he2022/{name}")}
    for (_, *arguments), sentence in zip(  # the others train, which takes minutes
        commands[:2],
        ("he2022/dip_is_two_points_deep [fast]: not judged", "fast tier, first look: 1 claim asks for"),
        strict=True,
    ):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        ran = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=300, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert sentence in ran.stdout


@pytest.mark.parametrize(
    ("page", "files", "option", "said"),
    [
        ("your-own-network", ["my.py"], ("--network", "my.py:build"), "my.py:build on my.py:load, 20% noise"),
        (
            "add-a-criterion",
            ["my_criterion.py", "my_network.py", "pyproject.toml"],
            ("--criterion", "my_criterion.py:score"),
            "my_criterion.py:score pruning",
        ),
        (
            "add-a-penalty",
            ["my_penalty.py", "my_penalised.py", "pyproject.toml"],
            ("--penalty", "my_penalty.py:penalty"),
            "penalty my_penalty.py:penalty of strength 0.001",
        ),
    ],
)
def test_a_network_of_ones_own_is_checked_as_the_documents_say(tmp_path, monkeypatch, page, files, option, said):
    text = (TOP / "docs" / f"{page}.md").read_text(encoding="utf-8")
    found, ((program, *arguments),) = files_of(text), commands_of(text)
    assert [path for path, _ in found] == files
    for path, content in found:
        (tmp_path / path).write_text(content, encoding="utf-8")
    assert program == "sdd-claims"
    assert option in pairwise(arguments)
    monkeypatch.chdir(tmp_path)
    quick = ["--epochs", "1", "--levels", "4", "--batch-size", "1000", "--quiet"]
    ran = CliRunner().invoke(main, [*arguments, *quick])
    assert "yours/sdd_appears_under_label_noise" in ran.output
    (claims,) = tmp_path.glob("reports/*/claims.json")
    (entry,) = json.loads(claims.read_text(encoding="utf-8"))["claims"]
    assert ran.exit_code == (0 if entry["words"] else 1), ran.output  # after one epoch pilots need show no dip
    assert all(said in run["label"] for run in entry["runs"].values())


def test_who_follows_several_documents_in_one_folder_judges_no_network_twice():
    """What has judged binds a network by its name: with another recipe it would be refused."""
    pages = ("your-own-network", "add-a-criterion", "add-a-penalty")
    texts = [(TOP / "docs" / f"{page}.md").read_text(encoding="utf-8") for page in pages]
    networks = [words[words.index("--network") + 1] for text in texts for words in commands_of(text)]
    assert len({*networks}) == len(networks) == len(pages)


def test_the_seeds_and_the_block_that_options_are_shown_with_have_judged_nothing():
    shown = (TOP / "docs" / "options.md").read_text(encoding="utf-8")
    shown += " ".join(option.help for option in OPTIONS if option.name in ("seeds", "block"))
    examples = [int(seed) for seed in re.findall(r"\b(\d{4,})\b", shown)]
    registered = re.findall(r"block = (\d+)", (TOP / "claims" / "register.toml").read_text(encoding="utf-8"))
    assert len(examples) >= 5
    assert min(examples) > max(map(int, registered))
