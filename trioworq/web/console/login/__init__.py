"""How a browser gets a token to show."""
