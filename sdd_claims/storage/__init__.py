"""The store of results, on disk and at a URL: the only way in which results travel."""
