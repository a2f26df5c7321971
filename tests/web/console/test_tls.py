"""The console over TLS, with HTTP/1.1 and HTTP/2."""

import ssl

import httpx2
import pytest
import trustme

from tests.dispatch.push_side import hanging, open_push_side
from tests.pull.pull_side import open_pull_side
from tests.web.console.site import Browser
from tests.web.face import CONFIG, open_served, routes_of
from trioworq.web.guard import Guard
from trioworq.web.tokens import new_token, parse_tokens

TOKEN, LINE = new_token("ops", "admin")


@pytest.mark.parametrize("http2", [False, True])
async def test_a_login_over_tls_stays_there(http2: bool) -> None:
    """What the browser keeps is never sent in the clear, and the origin is known by its scheme."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    guard = Guard(parse_tokens([LINE]))
    async with (
        open_push_side(hanging()) as side,
        open_pull_side(side.store) as pull_side,
        open_served(routes_of(side, pull_side, CONFIG, guard), tls=context, guard=guard) as served,
        httpx2.AsyncClient(
            base_url=f"https://127.0.0.1:{served.port}", verify=trusting, http2=http2
        ) as client,
    ):
        first = await client.get("/console")
        assert first.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        assert "Secure" in first.headers["set-cookie"].split("; ")
        fields = {"token": TOKEN, "csrf": await Browser(client).csrf()}
        for scheme, status in (("http", 403), ("https", 303)):
            origin = f"{scheme}://127.0.0.1:{served.port}"
            answer = await client.post("/console/login", data=fields, headers={"Origin": origin})
            assert answer.status_code == status, scheme
        assert {"Secure", "HttpOnly"} < set(answer.headers["set-cookie"].split("; "))
        assert (await client.get("/console")).status_code == 200
