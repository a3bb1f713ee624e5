"""Root of all tests: the plugin, and hypothesis without deadlines, which measure the machine and not the code."""

import hypothesis

from sdd_claims.judging.options import limit_threads

pytest_plugins = ["sdd_claims.plugin"]
limit_threads()

hypothesis.settings.register_profile("sdd_claims", deadline=None, derandomize=True)
hypothesis.settings.load_profile("sdd_claims")
