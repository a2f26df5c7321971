"""What is measured, and how the program ends."""

import sys
from collections.abc import Callable, Mapping, Sequence

from benchmark.console.program import measure as measure_console
from benchmark.errors import BenchError
from benchmark.load.program import measure as measure_load
from benchmark.manage.program import measure as measure_managing
from benchmark.progress import Progress
from benchmark.pull.program import measure as measure_pull
from benchmark.push.program import measure as measure_push

KINDS: Mapping[str, Callable[[Sequence[str], Progress], None]] = {
    "push": measure_push,
    "pull": measure_pull,
    "manage": measure_managing,
    "load": measure_load,
    "console": measure_console,
}


def main() -> None:
    """Measure and print; end with 1 and one line where that cannot be done, with 130 when interrupted."""
    progress = Progress()
    kind, arguments = "push", sys.argv[1:]
    if arguments and arguments[0] in KINDS:
        kind, *arguments = arguments
    try:
        KINDS[kind](arguments, progress)
    except BenchError as error:
        progress.clear()
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        progress.clear()
        sys.exit(130)
