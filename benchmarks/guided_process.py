"""The process of `benchmarks.guided_inputs` that fuzzes; it takes the options of libFuzzer.

It imports nothing of the suite before atheris can instrument it.
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
    main()
