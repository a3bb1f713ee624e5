"""Render a report again from its `claims.json`: `python -m sdd_claims.report reports/latest --store .sdd_store`."""

import argparse
import sys
from pathlib import Path

from sdd_claims.errors import InputError, StoreError
from sdd_claims.report import render


def main(arguments: list[str] | None = None) -> int:
    """Render, and print where the page is; an error of the user's is one sentence and exit status 2."""
    parser = argparse.ArgumentParser(prog="python -m sdd_claims.report", description=__doc__)
    parser.add_argument("directory", type=Path, help="the folder that holds claims.json; the page is written beside it")
    parser.add_argument("--store", type=Path, required=True, help="the store that holds the curves")
    options = parser.parse_args(arguments)

    from sdd_claims.store import Store  # heavy, and not needed to answer --help

    try:
        print(render(options.directory, Store(options.store)))
    except (InputError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
