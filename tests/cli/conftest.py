"""Fixtures of the commands' tests."""

import pytest

from tests.cli.asking import Asker


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Asker:
    """Runs commands in this process, whose environment says nothing of a daemon."""
    for name in ("URL", "TOKEN", "TOKEN_FILE", "CA_FILE"):
        monkeypatch.delenv(f"TRIOWORQ_{name}", raising=False)
    return Asker(capsys)
