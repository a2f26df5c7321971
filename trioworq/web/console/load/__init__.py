"""The load over time, by job type."""
