"""``python -m tests.process.harness`` is what ``scripts/soak`` runs."""

import sys

from tests.process.harness.soak import main

sys.exit(main())
