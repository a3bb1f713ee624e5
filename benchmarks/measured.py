"""What a page of measurements says of itself: when, of which version and where."""

from datetime import date

from sdd_claims.machine import provenance


def measured(*more: str) -> str:
    """Date, commit and hardware, and what else counts there; the end of the sentence is left to the caller."""
    return ", ".join([f"Measured on {date.today()}, commit {provenance.commit()}, {provenance.hardware()}", *more])
