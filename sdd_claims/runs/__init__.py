"""The run of a replica: iterative pruning, or a path in place of its levels."""
