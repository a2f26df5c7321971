"""What browsers keep for the console."""

import re
import secrets
from urllib.parse import quote, unquote

from werkzeug.http import dump_cookie, parse_cookie

from trioworq.web.guard import TOKEN_COOKIE
from trioworq.web.messages import Request
from trioworq.web.replies import CONSOLE

LOGIN_LASTS_S = 12 * 3600

_CSRF = "trioworq_csrf"
_TOLD = "trioworq_told"
_CSRF_BYTES = 16
_CSRF_FORM = re.compile(r"[0-9a-f]{32}")
_TOLD_LASTS_S = 60
# Percent-encoded, each character may take twelve of the 4096 bytes that browsers keep.
_MOST_TOLD = 300


def cookies_of(request: Request) -> dict[str, str]:
    """Return what a browser has kept."""
    return parse_cookie(request.headers.get("cookie", "")).to_dict()


def login_cookie(token: str, *, is_secure: bool) -> str:
    """Have a browser show a token to the console, and only to that.

    It holds the token itself: nothing has to be remembered here, so it works on every node and after a
    restart, and it is worth nothing from the moment on in which the token's line is removed.
    """
    return _write(TOKEN_COOKIE, token, max_age_s=LOGIN_LASTS_S, is_secure=is_secure)


def logout_cookie() -> str:
    """Have a browser forget the token."""
    return _write(TOKEN_COOKIE, "", max_age_s=0)


def new_csrf() -> str:
    """Return a secret for one browser, by which its forms are known to be the console's."""
    return secrets.token_hex(_CSRF_BYTES)


def csrf_of(request: Request) -> str | None:
    """Return the secret that a browser keeps; None for one that has none."""
    kept = cookies_of(request).get(_CSRF, "")
    return kept if _CSRF_FORM.fullmatch(kept) else None


def csrf_cookie(csrf: str, *, is_secure: bool) -> str:
    """Have a browser keep its secret as long as it runs.

    It is sent along links from other sites too: without it such a visit would get another one, and all forms
    that are open in other tabs would be worth nothing. It proves nothing by being sent.
    """
    return _write(_CSRF, csrf, is_secure=is_secure, same_site="Lax")


def told_of(request: Request) -> str:
    """Return what the next page is to show; empty for nothing."""
    return unquote(cookies_of(request).get(_TOLD, ""), errors="replace")


def told_cookie(message: str) -> str:
    """Have the next page show a message, once."""
    text = message[:_MOST_TOLD].encode("utf-8", "replace")
    return _write(_TOLD, quote(text, safe=""), max_age_s=_TOLD_LASTS_S if message else 0)


def _write(
    name: str, value: str, *, max_age_s: int | None = None, is_secure: bool = False, same_site: str = "Strict"
) -> str:
    return dump_cookie(
        name,
        value,
        max_age=max_age_s,
        path=CONSOLE,
        secure=is_secure,
        httponly=True,
        sync_expires=False,
        samesite=same_site,
    )
