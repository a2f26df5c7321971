"""HTTP in: one file for each API family, each endpoint a plain function from Request to Response."""
