"""What axe-core finds wrong with a page."""

from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Page

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def faults_of(page: Page) -> list[str]:
    """Return what is wrong with the page as it is shown now, a line for each kind of fault."""
    return _judge(page, {"type": "tag", "values": RULES})


def contrast_faults_of(page: Page) -> list[str]:
    """Return what of the page can hardly be read, which is all that another theme could spoil."""
    return _judge(page, {"type": "rule", "values": ["color-contrast"]})


def _judge(page: Page, rules: dict[str, Any]) -> list[str]:
    # Evaluated rather than added to the page, whose policy takes no scripts but the site's.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_FILE_PATH.read_text())
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
    return [_line(violation) for violation in found["violations"]]


def _line(violation: dict[str, Any]) -> str:
    places = [f"{node['target']}: {node.get('failureSummary', '')}" for node in violation["nodes"][:3]]
    return f"{violation['id']}: {violation['help']}; {len(violation['nodes'])} times: {' | '.join(places)}"
