"""Quétu & Milovanović 2023."""
