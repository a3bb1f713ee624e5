"""The plan of what is trained, and its cost in time and disk space."""
