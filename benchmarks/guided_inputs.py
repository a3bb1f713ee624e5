"""Hostile bytes for the readers of text, guided by the branches that they take.

    pip install --target FOLDER atheris                     # apart from the suite's own environment
    PYTHONPATH=FOLDER python -m benchmarks.guided_inputs --inputs 100000 [--write reports/INPUTS.md]

Atheris instruments the readers, changes files that are whole, and keeps each change that reaches something new. An
input that is neither taken nor refused in one sentence ends the run.
"""

import argparse
import importlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.harness import positive
from benchmarks.measured import measured
from sdd_claims.machine import provenance
from sdd_claims.report import evidence
from sdd_claims.spec import RunSpec, canonical_json

_BEGINNING = "Guided by the branches that they take"


def write_whole_files(folder: Path) -> None:
    """One file of each kind that is read, from which the changes start."""
    surfaces = importlib.import_module("sdd_claims.tests.hostile_surfaces")
    curves = json.loads(surfaces.few_curves())
    for each in curves["curves"]:
        each["sha256"] = evidence._checksum(each)
    texts = {
        "claims": surfaces.judged_run()[0],
        "evidence": json.dumps(curves),
        "windows": surfaces.paper_windows(),
        "register": "\n".join(f"{name} = {surfaces.as_toml(held)}" for name, held in surfaces.REGISTER.items()),
        "ledger": (surfaces.filled() / "judged.json").read_text(encoding="utf-8"),
        "settings": canonical_json(RunSpec().as_dict()),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def in_words(log: str) -> str:
    """What libFuzzer says of a run, as a paragraph; empty where the run did not reach its end."""
    done = re.search(r"DONE +cov: (\d+) ft: \d+ corp: (\d+)/", log)
    runs = re.search(r"Done (\d+) runs in (\d+) second", log)
    if not (done and runs):
        return ""
    version = provenance.versions()["python"]
    return (
        f"{_BEGINNING} (`python -m benchmarks.guided_inputs`), atheris gave the readers of\n"
        f"text {int(runs[1]):,} changes of files that are whole, in {runs[2]} s: 0 failures. It keeps {done[2]} "
        f"inputs,\nwhich reach {done[1]} places of the code. {measured(f'Python {version}', 'one process')}.\n"
    )


def on_page(page: str, said: str) -> str:
    """The page with this paragraph at its end, in place of one of an earlier run."""
    before = page.partition(_BEGINNING)[0].rstrip()
    return f"{before}\n\n{said}" if before else said


def main(arguments: Sequence[str] | None = None) -> int:
    """Have a process fuzz; 1 where an input was neither taken nor refused, or the process broke off."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guided_inputs", description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=positive, default=10_000, metavar="N", help="how many (default: 10000)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="add a paragraph to this page")
    given = parser.parse_args(arguments)
    if find_spec("atheris") is None:
        parser.error("atheris is not installed; install it into a folder of its own, as said at the top of this file")
    with tempfile.TemporaryDirectory(prefix="guided-") as name:
        corpus, found = Path(name) / "corpus", Path(name) / "found"
        corpus.mkdir()
        found.mkdir()
        write_whole_files(corpus)
        options = [f"-runs={given.inputs}", f"-artifact_prefix={found}/", "-max_len=100000", str(corpus)]
        command = [sys.executable, "-m", "benchmarks.guided_process", *options]
        ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        log, said = ended.stderr, in_words(ended.stderr)
        for path in sorted(found.iterdir()):
            print(f"{path.name}: {path.read_bytes()[:2000]!r}")
    if ended.returncode or not said:
        print(log[-10_000:], file=sys.stderr)
        return 1
    print(said)
    if given.write:
        page = given.write.read_text(encoding="utf-8") if given.write.exists() else ""
        given.write.write_text(on_page(page, said), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
