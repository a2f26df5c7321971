"""``python -m benchmark`` is what ``scripts/bench`` runs."""

from benchmark.program import main

main()
