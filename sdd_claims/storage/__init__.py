"""Results on disk and at a URL: the only way they travel."""
