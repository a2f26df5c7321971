"""``python -m trioworq`` is the same as the ``trioworq`` command."""

from trioworq.cli import main

main()
