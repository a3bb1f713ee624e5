"""The claims, one module each, by paper."""
