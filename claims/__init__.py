"""The published claims: a package for each paper, in it a test module for each claim."""
