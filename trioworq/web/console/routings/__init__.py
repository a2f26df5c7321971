"""Which queue takes which category."""
