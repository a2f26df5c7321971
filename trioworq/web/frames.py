"""How long HTTP/2 frames may be, judged by their announced length: h2 waits for all of a frame first."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_HEAD_BYTES = 9
_LENGTH_BYTES = 3


class FrameLimit:
    """Reads along with what a client sends on one connection, from the preface on."""

    __slots__ = ("_head", "_left", "_max_bytes")

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` bounds a frame without its head."""
        self._max_bytes = max_bytes
        self._head = b""
        # How many bytes are left of the preface, or of a frame.
        self._left = len(PREFACE)

    def is_exceeded_by(self, data: bytes) -> bool:
        """Whether the next bytes announce a frame that is too long; after that the answer means nothing."""
        at = 0
        while len(data) - at > self._left:
            at += self._left
            self._left = 0
            part = data[at : at + _HEAD_BYTES - len(self._head)]
            at += len(part)
            self._head += part
            if len(self._head) < _HEAD_BYTES:
                return False
            self._left = int.from_bytes(self._head[:_LENGTH_BYTES])
            self._head = b""
            if self._left > self._max_bytes:
                return True
        self._left -= len(data) - at
        return False
