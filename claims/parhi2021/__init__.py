"""The claims of Parhi, Wolf & Nowak 2021, On the Sparsity of Deep Neural Networks in the Overparameterized Regime."""
