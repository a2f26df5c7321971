"""What the program says of itself (contract §1.12)."""

import re

import pytest

from tests.web.face import Face, open_face
from trioworq import __version__
from trioworq.config import OPTIONS

pytestmark = pytest.mark.usefixtures("lane")


async def test_the_version_is_one_that_fireworqs_tools_accept(face: Face) -> None:
    """`/` and `/version` answer the same line."""
    for path in ("/", "/version"):
        answer = await face.client.get(path)
        assert answer.text == f"Fireworq 1.5.1+trioworq.{__version__}\n"
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert re.fullmatch(r"Fireworq [0-9.]+(-\S+)?(\+\S+)?", answer.text.strip())


async def test_settings_are_sorted_strings_without_passwords() -> None:
    """Every option is there, each value is a string, and no secret is shown (I14)."""
    async with open_face(mysql_dsn="me:hunter2@tcp(db:3306)/jobs", keep_alive=True) as face:
        answer = await face.client.get("/settings")
    settings = answer.json()
    assert list(settings) == sorted(option.name for option in OPTIONS)
    assert all(isinstance(value, str) for value in settings.values())
    assert (settings["keep_alive"], settings["queue_default"]) == ("true", "default")
    assert b"hunter2" not in answer.content
    assert "me:" in settings["mysql_dsn"]


async def test_runtime_numbers_have_the_originals_names(face: Face) -> None:
    """All keys are there in order, with numbers of this program where there are any."""
    stats = (await face.client.get("/stats")).json()
    assert list(stats) == [
        "time", "go_version", "go_os", "go_arch", "cpu_num", "goroutine_num", "gomaxprocs", "cgo_call_num",
        "memory_alloc", "memory_total_alloc", "memory_sys", "memory_lookups", "memory_mallocs",
        "memory_frees", "memory_stack", "heap_alloc", "heap_sys", "heap_idle", "heap_inuse",
        "heap_released", "heap_objects", "gc_next", "gc_last", "gc_num", "gc_per_second",
        "gc_pause_per_second", "gc_pause",
    ]  # fmt: skip
    assert abs(stats["time"] // 1_000_000 - face.queues.now_ms()) < 60_000
    for key in ("cpu_num", "goroutine_num", "gomaxprocs", "memory_alloc", "memory_sys", "heap_objects"):
        assert stats[key] > 0
    assert stats["gc_pause"] == []
