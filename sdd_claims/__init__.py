"""The published claims about sparse double descent, on trial."""
