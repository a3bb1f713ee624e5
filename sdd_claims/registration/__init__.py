"""Everything that is fixed before a judged seed is run: claims, their trials, and what the register expects of them."""
