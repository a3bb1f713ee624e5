"""What must be trained, and what it will cost."""
