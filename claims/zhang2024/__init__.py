"""The claims of Zhang 2024, Manipulating Sparse Double Descent."""
