"""The options in force."""
