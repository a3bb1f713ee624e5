"""The claims of He et al. 2022, Sparse Double Descent: Where Network Pruning Aggravates Overfitting."""
