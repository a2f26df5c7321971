"""The lengths that HTTP/2 frames announce, however the bytes are cut up."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioworq.web.frames import PREFACE, FrameLimit

MAX_BYTES = 100


def frame(size: int) -> bytes:
    """Return a frame of so many bytes, which look like heads of endless frames."""
    return size.to_bytes(3) + b"\0" * 6 + b"\xff" * size


def is_exceeded(pieces: Sequence[bytes]) -> bool:
    """Whether the pieces announce too much."""
    limit = FrameLimit(MAX_BYTES)
    return any(limit.is_exceeded_by(piece) for piece in pieces)


def test_frames_within_the_limit_are_no_matter() -> None:
    """Nor is what they hold, or the preface."""
    data = PREFACE + frame(0) + frame(MAX_BYTES) + frame(1) * 3
    assert not is_exceeded([data])
    assert not is_exceeded([bytes([byte]) for byte in data])


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 2**24 - 1])
def test_a_frame_over_the_limit_is_found_by_its_head(size: int) -> None:
    """Before any more of it has come."""
    head = size.to_bytes(3) + b"\0" * 6
    assert not is_exceeded([PREFACE + frame(5) + head[:-1]])
    assert is_exceeded([PREFACE + frame(5) + head])


@given(st.lists(st.integers(0, MAX_BYTES + 2), max_size=8), st.sets(st.integers(1, 900)))
def test_how_the_bytes_were_cut_does_not_matter(sizes: list[int], cuts: set[int]) -> None:
    """One frame that is too long is found, and no other."""
    data = PREFACE + b"".join(map(frame, sizes))
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert is_exceeded(pieces) is any(size > MAX_BYTES for size in sizes)
