"""Who sees and changes what, by token and by option, and what other sites can do with a visitor's browser."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from attrs import frozen
from playwright.sync_api import expect

from tests.console.browsing import Visitor
from tests.console.conftest import Visit
from tests.process.running_daemon import RunningDaemon, running_daemon
from tests.trust import NO_TRUST
from trioworq.web.tokens import new_token

REFUSED = r"responded with a status of 40[134]"


@frozen
class Guarded:
    """A daemon that asks for tokens, and one of each kind that it knows."""

    daemon: RunningDaemon
    read: str
    admin: str

    def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Send a request of an operator's."""
        headers = {"Authorization": f"Bearer {self.admin}"}
        return httpx2.request(
            method, self.daemon.url + path, json=body, headers=headers, timeout=20, verify=NO_TRUST
        )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A daemon that asks for tokens, with a queue."""
    folder = tmp_path_factory.mktemp("guarded")
    tokens, lines = zip(*(new_token(scope, scope) for scope in ("read", "admin")), strict=True)
    (folder / "tokens").write_text("".join(f"{line}\n" for line in lines))
    options = ("--driver=in-memory", f"--api-tokens-file={folder / 'tokens'}")
    with running_daemon(folder / "a", *options) as daemon:
        made = Guarded(daemon, *tokens)
        assert made.ask("PUT", "/queue/mail", {}).status_code == 200
        yield made


def log_in(visitor: Visitor, token: str, path: str = "/console") -> None:
    """Open a page as somebody whom the daemon does not know yet, and show a token."""
    visitor.excuse(REFUSED)
    visitor.open(path, status=401)
    visitor.page.get_by_label("API token").fill(token)
    visitor.follow(lambda: visitor.page.get_by_role("button", name="Log in").click())


def test_a_token_that_is_not_known_opens_nothing(visit_site: Visit, guarded: Guarded) -> None:
    """The form says so, and the right one leads to the page that was asked for."""
    visitor = visit_site(guarded.daemon.url)
    log_in(visitor, "trioworq_wrong", "/console/queue?kind=push&name=mail")
    expect(visitor.page.get_by_role("alert").filter(has_text="not known")).to_be_visible()
    visitor.page.get_by_label("API token").fill(guarded.admin)
    visitor.follow(lambda: visitor.page.get_by_role("button", name="Log in").click())
    assert visitor.page.url == f"{guarded.daemon.url}/console/queue?kind=push&name=mail"
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("mail")


def test_who_logs_out_has_to_log_in_again(visit_site: Visit, guarded: Guarded) -> None:
    """The browser keeps no token then; before, scripts could not read it."""
    visitor = visit_site(guarded.daemon.url)
    log_in(visitor, guarded.admin)
    assert "trioworq" not in visitor.page.evaluate("document.cookie")
    visitor.follow(lambda: visitor.page.get_by_role("button", name="Log out").click())
    assert guarded.admin not in str(visitor.context.cookies())
    visitor.open("/console", status=401)
