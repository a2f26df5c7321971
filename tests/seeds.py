"""The seeds of random tests: shown when one fails, and given to repeat it."""

import os
import random


def seeded_dice() -> random.Random:
    """Return a random source; its seed is what TRIOWORQ_TEST_SEED says, or any."""
    seed = int(os.environ.get("TRIOWORQ_TEST_SEED") or random.getrandbits(32))
    print(f"TRIOWORQ_TEST_SEED={seed}")  # noqa: T201  # shown when the test fails
    return random.Random(seed)
