"""The claims of Quétu & Milovanović 2023, The Quest of Finding the Antidote to Sparse Double Descent."""
