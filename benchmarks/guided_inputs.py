"""Hostile bytes for the readers of text, guided by the branches that they take.

    pip install --target FOLDER atheris                     # apart from the suite's own environment
    PYTHONPATH=FOLDER python -m benchmarks.guided_inputs -runs=50000 [CORPUS]

Atheris instruments the readers and keeps each input that reaches something new. Options of libFuzzer are passed on. An
input that is neither taken nor refused in one sentence ends the run, and is written into the current folder.
"""

import importlib
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["sdd_claims", "json", "tomllib"]):
        surfaces = importlib.import_module("sdd_claims.tests.hostile_surfaces")
        hostile = importlib.import_module("sdd_claims.tests.hostile")

    with tempfile.TemporaryDirectory(prefix="guided-") as top:
        watch = hostile.Watch(Path(top))

        def one(text: bytes) -> None:
            with watch.watching() as folder:
                surfaces.read_any(text, folder)

        atheris.Setup(sys.argv, one)
        atheris.Fuzz()


if __name__ == "__main__":
    try:
        main()
    except ModuleNotFoundError as error:
        sys.exit(f"{error}; install it into a folder of its own, as said at the top of this file")
