"""Render a report again from its `claims.json` and evidence: `python -m sdd_claims.report reports/published/fast`."""

import argparse
import sys
from pathlib import Path

from sdd_claims.errors import InputError, StoreError
from sdd_claims.report import render


def main(arguments: list[str] | None = None) -> int:
    """Render, and print where the page is.

    An error of the user's is one sentence and exit status 2; evidence that cannot be read is a warning and status 1.
    """
    parser = argparse.ArgumentParser(prog="python -m sdd_claims.report", description=__doc__)
    parser.add_argument("directory", type=Path, help="the folder of a run, with its claims.json and its evidence")
    options = parser.parse_args(arguments)
    warnings: list[str] = []
    try:
        page = render(options.directory, warnings.append)
    except (InputError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(page)
    return 1 if warnings else 0


if __name__ == "__main__":
    sys.exit(main())
