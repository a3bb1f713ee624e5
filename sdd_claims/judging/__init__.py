"""A judged run: from selected claims to verdicts and their entries in the report."""
