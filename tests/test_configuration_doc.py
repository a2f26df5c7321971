"""docs/configuration.md is what the table of options says."""

import os
import subprocess
import sys
from pathlib import Path

from trioworq.config import OPTIONS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "configuration.md"


def test_the_page_is_what_the_script_prints() -> None:
    """A change of an option that leaves the page behind fails here; the page's head says how to make it."""
    command = [sys.executable, str(ROOT / "scripts" / "configuration_doc.py")]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environ, timeout=60)
    assert PAGE.read_text() == printed.stdout


def test_every_option_is_on_the_page_with_its_names() -> None:
    """Flags and variables can be found by searching the page."""
    page = PAGE.read_text()
    for option in OPTIONS:
        assert all(f"`{name}`" in page for name in (option.flag, *option.variables))
