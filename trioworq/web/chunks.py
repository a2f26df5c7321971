"""A second opinion on bodies in chunks, by the parser that the intake lane goes by."""

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser


class ChunkJudge:
    """Reads along while h11 reads a request in chunks: what only one of them takes is to be refused."""

    def __init__(self, head: bytes) -> None:
        self.is_broken = False
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self.read(head)

    def read(self, data: bytes) -> None:
        """Take the next bytes of the connection; those behind the request are no matter."""
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.is_broken = self._parser is not None
        # The parser holds the method below: without this it would wait for the cyclic collector.
        if self.is_broken:
            self._parser = None

    def on_message_complete(self) -> None:
        """Come to the end of the request. Called by the parser."""
        self._parser = None
