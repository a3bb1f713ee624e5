"""What trains here waits for nobody else on the machine."""

from sdd_claims.tests.slots import slots_of_its_own

__all__ = ["slots_of_its_own"]
