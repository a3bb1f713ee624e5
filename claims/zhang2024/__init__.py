"""Zhang 2024, Manipulating Sparse Double Descent."""
