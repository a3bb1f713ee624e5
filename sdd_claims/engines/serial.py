"""Train in this process."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sdd_claims.engines.config import WorkerConfig, unwatched
from sdd_claims.engines.work import work_through
from sdd_claims.planning.plan import Plan


class SerialEngine:
    """One stack after another, in the calling process. Under pytest-xdist every worker is one of these."""

    def run(self, plan: Plan, config: WorkerConfig, watch: Callable[[], None] = unwatched) -> Sequence[str]:
        """Return the store's warnings when the whole plan is stored; `watch` is called after every stack."""
        devices = config.device.each()
        # Workers of xdist are numbered gw0, gw1, ...: they take the GPUs in turn.
        worker = re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", ""))
        device = devices[int(worker[1]) % len(devices) if worker else 0]
        return work_through(plan.stacks, replace(config, device=device), watch)
