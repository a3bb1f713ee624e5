"""What a replica goes through: iterative pruning, or a path in place of its levels."""
