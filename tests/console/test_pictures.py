"""The pictures of the documentation: each is shown somewhere, and can be taken anew."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.console.shop import Shop

ROOT = Path(__file__).parents[2]


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What takes them."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import pictures.camera

    return pictures.camera


def test_each_picture_is_there_and_shown(camera: Any) -> None:
    """And no other."""
    names = {picture.name for picture in camera.pictures("1")}
    assert {path.stem for path in (ROOT / "docs" / "console").iterdir()} == names
    shown = re.findall(r"\]\(console/([\w-]+)\.png\)", (ROOT / "docs" / "console.md").read_text())
    assert sorted(shown) == sorted(names)
    assert "](docs/console/overview.png)" in (ROOT / "README.md").read_text()


def test_a_picture_is_taken_of_a_page(camera: Any, browser: Browser, shop: Shop, tmp_path: Path) -> None:
    """It is as large as said, and its file small."""
    taken = {picture.name: picture for picture in camera.pictures(shop.ids["failed"])}
    for name in ("job", "queue"):
        path = camera.take(browser, shop.url, taken[name], tmp_path)
        assert path == tmp_path / f"{name}.png"
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < camera.MOST_BYTES
