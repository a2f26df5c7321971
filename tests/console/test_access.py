"""Who sees and changes what, by token and by option, and what other sites can do with a visitor's browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from attrs import frozen
from playwright.sync_api import expect

from tests.console.accessible import contrast_faults_of, faults_of
from tests.console.browsing import NARROW, Visitor
from tests.console.conftest import Visit
from tests.process.running_daemon import RunningDaemon, running_daemon
from tests.trust import NO_TRUST
from trioworq.web.tokens import new_token

REFUSED = r"responded with a status of 40[1345]"
QUEUE = "/console/queue?kind=push&name=mail"
PLACES = (QUEUE, "/console/routings")


@contextmanager
def elsewhere(page: str) -> Iterator[str]:
    """Serve a page on another port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>Prizes</title>{page}".encode())

        def log_message(self, *_: object) -> None:
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


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
    log_in(visitor, "trioworq_wrong", QUEUE)
    expect(visitor.page.get_by_role("alert").filter(has_text="not known")).to_be_visible()
    visitor.page.get_by_label("API token").fill(guarded.admin)
    visitor.follow(lambda: visitor.page.get_by_role("button", name="Log in").click())
    assert visitor.page.url == guarded.daemon.url + QUEUE
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("mail")


def test_who_logs_out_has_to_log_in_again(visit_site: Visit, guarded: Guarded) -> None:
    """The browser keeps no token then; before, scripts could not read it."""
    visitor = visit_site(guarded.daemon.url)
    log_in(visitor, guarded.admin)
    assert "trioworq" not in visitor.page.evaluate("document.cookie")
    visitor.follow(lambda: visitor.page.get_by_role("button", name="Log out").click())
    assert guarded.admin not in str(visitor.context.cookies())
    visitor.open("/console", status=401)


def pause_by_script(visitor: Visitor) -> int:
    """Have a page's own script send what the button would, and return the status of the answer."""
    status: int = visitor.page.evaluate(
        """async () => {
            const headers = JSON.parse(document.body.getAttribute("hx-headers"))
            const body = new URLSearchParams({ kind: "push", name: "mail" })
            return (await fetch("/console/queue/pause", { method: "POST", headers, body })).status
        }"""
    )
    return status


def is_paused(guarded: Guarded) -> bool:
    """Whether the queue is."""
    return "is_paused" in guarded.ask("GET", "/queue/mail").json()


def controls(visitor: Visitor) -> int:
    """Count what a page has to change something with."""
    return visitor.page.locator("main form[method=post], main a.button.danger, main #edit").count()


@pytest.mark.parametrize("path", PLACES)
def test_a_token_that_reads_sees_no_controls(visit_site: Visit, guarded: Guarded, path: str) -> None:
    """One that administers has some on the same page."""
    reader, admin = visit_site(guarded.daemon.url), visit_site(guarded.daemon.url)
    log_in(reader, guarded.read, path)
    expect(reader.page.locator("h1")).to_have_count(1)
    assert controls(reader) == 0
    expect(reader.page.get_by_role("link", name="New job")).to_have_count(0)
    log_in(admin, guarded.admin, path)
    assert controls(admin) > 0


def test_a_token_that_reads_changes_nothing(visit_site: Visit, guarded: Guarded) -> None:
    """Whatever it sends; one that administers does."""
    reader, admin = visit_site(guarded.daemon.url), visit_site(guarded.daemon.url)
    log_in(reader, guarded.read)
    assert pause_by_script(reader) == 403
    assert not is_paused(guarded)
    log_in(admin, guarded.admin, QUEUE)
    admin.click("Pause")
    assert is_paused(guarded)
    admin.click("Resume")
    assert not is_paused(guarded)


def test_everybody_can_log_in(visit_site: Visit, guarded: Guarded) -> None:
    """The form is for everyone, in both themes and on a phone, and by keyboard alone."""
    visitor = visit_site(guarded.daemon.url)
    visitor.excuse(REFUSED)
    visitor.open("/console", status=401)
    assert not faults_of(visitor.page)
    visitor.page.emulate_media(color_scheme="dark")
    assert not contrast_faults_of(visitor.page)
    assert visitor.fits(NARROW)
    expect(visitor.page.get_by_label("API token")).to_be_focused()
    visitor.page.keyboard.type(guarded.read)
    visitor.follow(lambda: visitor.page.keyboard.press("Enter"))
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_page_of_another_site_changes_nothing(visit_site: Visit, guarded: Guarded) -> None:
    """Though the browser is logged in, and sends its cookies along to another port of the same host."""
    visitor = visit_site(guarded.daemon.url)
    log_in(visitor, guarded.admin)
    form = f"""
        <form method="post" action="{guarded.daemon.url}/console/queue/pause">
        <input name="kind" value="push"><input name="name" value="mail"><input name="csrf" value="0">
        <button>Win a prize</button></form>
    """
    with elsewhere(form) as other_site:
        visitor.excuse("request to|favicon|status of 40[34]")
        visitor.page.goto(other_site)
        answer = visitor.click("Win a prize")
    assert (answer.status, answer.url) == (403, f"{guarded.daemon.url}/console/queue/pause")
    expect(visitor.page.locator("main")).to_contain_text("nothing was changed")
    assert not is_paused(guarded)


def test_no_other_site_shows_the_console_within_its_own(visit_site: Visit, guarded: Guarded) -> None:
    """What people click on there would be theirs."""
    visitor = visit_site(guarded.daemon.url)
    visitor.excuse("request to|frame-ancestors|X-Frame-Options|Framing|favicon|status of 40[134]")
    with elsewhere(f'<iframe src="{guarded.daemon.url}/console/login"></iframe>') as other_site:
        with visitor.page.expect_event("console", lambda message: "frame-ancestors" in message.text):
            visitor.page.goto(other_site)
        assert not any(frame.get_by_label("API token").count() for frame in visitor.page.frames)


def test_a_console_that_only_shows_has_no_controls(visit_site: Visit, tmp_path: Path) -> None:
    """Nor routes that change anything."""
    with running_daemon(tmp_path / "a", "--driver=in-memory", "--console=read-only") as daemon:
        daemon.request("PUT", "/queue/mail", {})
        visitor = visit_site(daemon.url)
        for path in PLACES:
            visitor.open(path)
            assert controls(visitor) == 0
        visitor.excuse(REFUSED)
        assert pause_by_script(visitor) in (404, 405)
        assert "is_paused" not in daemon.request("GET", "/queue/mail").json()


def test_a_console_that_is_off_is_not_there(visit_site: Visit, tmp_path: Path) -> None:
    """As any other path that the daemon does not have."""
    with running_daemon(tmp_path / "a", "--driver=in-memory", "--console=off") as daemon:
        visitor = visit_site(daemon.url)
        visitor.excuse(REFUSED)
        visitor.excuse("request to .*/favicon.ico")
        visitor.open("/console", status=404)
        expect(visitor.page.locator("body")).to_have_text("404 page not found")
