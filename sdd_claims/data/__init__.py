"""Data sets, what a network sees of them, and label noise. Everything random takes its own numpy Generator."""
