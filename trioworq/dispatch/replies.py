"""A worker's reply, parsed without I/O: bytes go in, a code and a body, or the reason why not, come out.

Nothing that a worker sends raises: what breaks the rules of HTTP or a limit ends up in `Reply.error`.
"""

import zlib

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

# Bytes between one piece of body and the next: heads, 1xx replies, chunk extensions and trailers.
MAX_FRAMING_BYTES = 64 * 1024
MAX_HEADERS = 500
MAX_INTERIM_REPLIES = 20

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS_READ = frozenset({b"content-encoding", b"content-length", b"location", b"transfer-encoding"})


class Reply:
    """One reply. Feed it until `is_finished`.

    `code` is the HTTP status, 0 until a head came that can be answered for; `error` says why the reply
    cannot be had whole; `is_heard` tells whether any byte came.
    """

    __slots__ = (
        "_body",
        "_framing_bytes",
        "_has_more",
        "_header_count",
        "_headers",
        "_interim_count",
        "_is_kept_alive",
        "_max_bytes",
        "_parser",
        "_size",
        "_unzip",
        "code",
        "error",
        "is_complete",
        "is_heard",
    )

    def __init__(self, max_bytes: int) -> None:
        self.code = 0
        self.error: str | None = None
        self.is_complete = False
        self.is_heard = False
        self._max_bytes = max_bytes
        self._headers: dict[bytes, bytes] = {}
        self._header_count = 0
        self._interim_count = 0
        self._framing_bytes = 0
        self._body: bytes | bytearray = b""
        self._size = 0
        self._unzip: zlib._Decompress | None = None
        self._is_kept_alive = False
        self._has_more = False
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # Workers written in a few lines of shell end theirs with a bare LF; RFC 9112, §2.2 allows for it,
        # and the original takes it.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to read for."""
        return self.is_complete or self.error is not None

    @property
    def location(self) -> bytes | None:
        """Where a redirect leads; None when the reply is an ordinary answer."""
        return (self._headers.get(b"location") or None) if self.code in _REDIRECTS else None

    @property
    def is_reusable(self) -> bool:
        """Whether the connection can carry another request."""
        return self.is_complete and self._is_kept_alive and not self._has_more and self.error is None

    @property
    def body(self) -> bytes:
        """The body as far as it came, unzipped."""
        return bytes(self._body)

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the worker; `data` is not empty."""
        if self._parser is None:
            return
        self.is_heard = True
        size_before = self._size
        try:
            self._parser.feed_data(data)
        except HttpParserCallbackError:
            raise  # a defect of ours, not the worker's
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(f"malformed HTTP response: {error}")
        self._framing_bytes = 0 if self._size > size_before else self._framing_bytes + len(data)
        if self._framing_bytes > MAX_FRAMING_BYTES:
            self._fail(f"headers exceeded {MAX_FRAMING_BYTES} bytes")
        if self.is_finished:
            self._release_parser()

    def feed_eof(self) -> None:
        """Take note that the worker has closed its side."""
        if self.code and self._ends_with_connection():
            self._complete()
        else:
            self._fail("unexpected EOF" if self.is_heard else "EOF")
        self._release_parser()

    def break_off(self, reason: str) -> None:
        """Take note that the connection is lost."""
        self._fail(reason)
        self._release_parser()

    def _release_parser(self) -> None:
        # The parser holds the methods below; without this each reply would wait for the cyclic collector.
        self._parser = None

    def _fail(self, reason: str) -> None:
        if not self.is_finished:
            self.error = reason

    def _complete(self) -> None:
        if self._unzip is not None and not self._unzip.eof:
            self._fail("unexpected EOF")
        self.is_complete = self.error is None

    def _ends_with_connection(self) -> bool:
        return not self._headers.keys() & {b"content-length", b"transfer-encoding"}

    # Called by the parser. Once the reply is finished they belong to bytes that nobody asked for.

    def on_message_begin(self) -> None:
        """Notice a second reply behind the first."""
        self._has_more = self.is_finished

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few headers that matter; the first of a name counts."""
        self._header_count += 1
        if self._header_count > MAX_HEADERS:
            self._fail("too many headers")
        if not self.code and not self.is_finished:
            name = name.lower()
            if name in _HEADERS_READ:
                self._headers.setdefault(name, value)

    def on_headers_complete(self) -> None:
        """Judge the head."""
        if self.is_finished or self._parser is None:
            return
        code = self._parser.get_status_code()
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._fail(f"malformed HTTP version {version}")
        elif code < 100:
            self._fail(f"malformed HTTP status code {code}")
        elif code == 101:
            self._fail("unexpected 101 Switching Protocols")
        elif code < 200:
            self._skip_interim()
        else:
            self._begin_body(code)

    def _skip_interim(self) -> None:
        self._headers.clear()
        self._interim_count += 1
        if self._interim_count > MAX_INTERIM_REPLIES:
            self._fail("too many 1xx informational responses")

    def _begin_body(self, code: int) -> None:
        coding = self._headers.get(b"transfer-encoding", b"chunked")
        if coding.lower() != b"chunked":
            self._fail("unsupported transfer encoding")
            return
        self.code = code
        if int(self._headers.get(b"content-length", b"0")) > self._max_bytes and code not in (204, 304):
            self._fail_too_large()

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        if self.is_finished:
            return
        if self._unzip is None and self._headers.get(b"content-encoding", b"").lower() == b"gzip":
            self._unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        if self._unzip is None:
            self._keep(data)
        else:
            self._keep_unzipped(self._unzip, data)

    def _keep_unzipped(self, unzip: "zlib._Decompress", data: bytes) -> None:
        if unzip.eof:
            self._fail("gzip: data after the end")
            return
        try:
            piece = unzip.decompress(data, self._max_bytes - self._size + 1)
        except zlib.error as error:
            self._fail(f"gzip: {error}")
            return
        self._keep(piece)
        if unzip.unused_data:
            self._fail("gzip: data after the end")

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_bytes:
            self._fail_too_large()
        elif not self._body:
            self._body = piece
        elif isinstance(self._body, bytearray):
            self._body += piece
        else:
            # Pieces of their own would take forty times their size, as small as a worker can make them.
            self._body = bytearray(self._body) + piece

    def _fail_too_large(self) -> None:
        self._body = b""
        self._fail(f"larger than {self._max_bytes} bytes")

    def on_message_complete(self) -> None:
        """Notice the end of the reply; that of a 1xx is not it."""
        if self.code and not self.is_finished and self._parser is not None:
            self._is_kept_alive = self._parser.should_keep_alive()
            self._complete()
