"""Static files: named by what they hold, kept for ever, and nothing that lies beside them."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

import trioworq.web.console
from tests.web.console.site import Browser, Site
from trioworq.web.console.assets import asset

FOLDER = Path(trioworq.web.console.__file__).parent
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


async def test_every_file_is_served_as_what_it_is(browser: Browser) -> None:
    """Under a name that changes with it, so browsers need not ask twice."""
    files = [path for path in FOLDER.rglob("*") if path.suffix in TYPES]
    assert len(files) > 8
    for path in files:
        address = asset(path.relative_to(FOLDER).as_posix())
        assert sha256(path.read_bytes()).hexdigest()[:8] in address
        answer = await browser.get(address)
        assert answer.status_code == 200, address
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"] == TYPES[path.suffix]
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" in answer.headers
        assert "set-cookie" not in answer.headers


async def test_what_pages_name_is_there(browser: Browser) -> None:
    """Every script, style and picture of the layout."""
    named = re.findall(r'(?:src|href)="(/console/static/[^"]+)"', (await browser.get("/console")).text)
    assert len(named) >= 6
    for address in named:
        assert (await browser.get(address)).status_code == 200, address


HIDDEN = [
    "layout/layout.html", "routes.py", "__init__.py", "layout/layout.css", "layout/layout.00000000.css",
    "layout", "layout/", "", "static/vendor/htmx.LICENSE", "static/vendor/htmx.min.js",
    "../routes.py", "layout/../../../../../pyproject.toml", "%2e%2e/routes.py", "..%2froutes.py",
    "..%5croutes.py", "%2fetc/passwd", "/etc/passwd", "layout/layout.css%00.css", "%00",
]  # fmt: skip


async def test_nothing_else_is_served(site: Site) -> None:
    """No template, no source, nothing outside, and no file under a name that could go on after a change."""
    for path in HIDDEN:
        answer = await site.ask("GET", f"/console/static/{path}")
        assert answer.status == 404, path
        assert "max-age" not in answer.headers.get("cache-control", ""), path


async def test_an_unknown_file_is_a_fault_of_the_page() -> None:
    """It is not left for browsers to find out."""
    with pytest.raises(KeyError):
        asset("layout/nothing.css")


def test_libraries_of_others_come_with_their_licences() -> None:
    """Each file that scripts/vendor brings belongs to one."""
    vendor = FOLDER / "static" / "vendor"
    licences = {path.name.partition(".")[0] for path in vendor.glob("*.LICENSE")}
    assert {path.name.partition(".")[0] for path in vendor.iterdir()} == licences == {"htmx", "uPlot"}


def test_scripts_of_ours_make_nothing_of_text() -> None:
    """Neither code nor markup: what is shown of others stays text."""
    for path in FOLDER.rglob("*.js"):
        if path.parent.name != "vendor":
            found = re.findall(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(",
                path.read_text(),
            )
            assert found == [], path
