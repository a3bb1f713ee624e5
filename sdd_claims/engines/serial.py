"""Train in this process."""

from sdd_claims.engines.work import Site, work_through
from sdd_claims.plan import Plan


class SerialEngine:
    """One stack after another, in the calling process. Under pytest-xdist every worker is one of these."""

    def run(self, plan: Plan, site: Site) -> None:
        """Return when the whole plan is stored."""
        work_through(plan.stacks, site)
