"""One request of a call to a worker: the POST itself, or what a redirect turned it into."""

from attrs import frozen

from trioworq.dispatch.targets import Target, UnreadableUrl, UnusableUrl, join

MAX_REDIRECTS = 10

_EOL = "\r\n"


@frozen
class Hop:
    """A request. `body` is None for a GET, and stays so for whatever a redirect of it leads to."""

    target: Target
    body: bytes | None
    referer: str | None = None

    def encode(self, user_agent: str, keep_alive: bool) -> bytes:
        """Return the request as it goes on the wire, in one piece (contract §1.14)."""
        target = self.target
        authorization = target.authorization
        head = (
            f"{'GET' if self.body is None else 'POST'} {target.path} HTTP/1.1\r\n"
            f"Host: {target.host_header}\r\n"
            f"User-Agent: {user_agent}\r\n"
            f"{'' if self.body is None else f'Content-Length: {len(self.body)}{_EOL}'}"
            f"{'' if authorization is None else f'Authorization: {authorization}{_EOL}'}"
            "Content-Type: application/json\r\n"
            f"{'' if self.referer is None else f'Referer: {self.referer}{_EOL}'}"
            "Accept-Encoding: gzip\r\n"
            f"{'' if keep_alive else f'Connection: close{_EOL}'}"
            "\r\n"
        )
        return head.encode("ascii") + (self.body or b"")

    def redirected(self, code: int, location: bytes) -> "Hop":
        """Return the request that follows a redirect: 307 and 308 repeat it, the others make it a GET.

        Raises UnusableUrl when the location cannot be asked.
        """
        try:
            target = join(self.target, location)
        except UnreadableUrl as error:
            reason = f"failed to parse Location header: {error}"
            raise UnusableUrl(self.target.shown, reason) from error
        body = self.body if code in (307, 308) else None
        return Hop(target, body, self._referer_for(target))

    def _referer_for(self, target: Target) -> str | None:
        # What was asked over TLS is not told to a host that is asked in the clear.
        if self.target.scheme == "https" and target.scheme == "http":
            return None
        return self.target.public_url
