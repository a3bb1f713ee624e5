"""Data sets, their form as a network's input, and label noise. Whatever is random takes a numpy Generator."""
