"""Root of all tests: the plugin, warnings that fail the suite's own tests, and hypothesis without deadlines.

Deadlines would measure the machine and not the code.
"""

from pathlib import Path

import hypothesis
import pytest

from sdd_claims.judging.options import limit_threads

pytest_plugins = ["sdd_claims.plugin"]
limit_threads()

hypothesis.settings.register_profile("sdd_claims", deadline=None, derandomize=True)
hypothesis.settings.load_profile("sdd_claims")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Make warnings errors in the suite's own tests.

    Not in a setting of pytest's: whoever judges claims may have a read-only checkout, other plugins or new libraries,
    all of which only warn.
    """
    if item.path.is_relative_to(Path(__file__).parent / "sdd_claims") and "tests" in item.path.parts:
        item.add_marker(pytest.mark.filterwarnings("error"), append=False)
