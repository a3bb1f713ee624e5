"""How a command that makes a page in Markdown ends: the page is written or printed, an error is said."""

import sys
from collections.abc import Callable
from pathlib import Path

from sdd_claims.errors import InputError, StoreError
from sdd_claims.storage.files import write_atomically


def deliver(make: Callable[[], str], target: Path | None) -> int:
    """Write a page and say where it is, or print it.

    Args:
        make: makes the page.
        target: its file; None to print it.

    Returns:
        The exit status: 2 where an error of the user's is said in one sentence.
    """
    try:
        page = make()
        if target is not None:
            write_atomically(target, page.encode())
    except (InputError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(page.removesuffix("\n") if target is None else target)
    return 0
