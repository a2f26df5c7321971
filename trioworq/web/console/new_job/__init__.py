"""A job that somebody hands in by hand."""
