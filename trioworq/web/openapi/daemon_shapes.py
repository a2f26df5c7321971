"""The JSON shapes of what the daemon says of itself, and of errors in JSON (contract §1.12)."""

from collections.abc import Mapping

from trioworq.config import OPTIONS
from trioworq.web.openapi.shapes import Shape, record, text

_WORDS = ("go_version", "go_os", "go_arch")
_NUMBERS = (
    "time", "cpu_num", "goroutine_num", "gomaxprocs", "cgo_call_num", "memory_alloc", "memory_total_alloc",
    "memory_sys", "memory_lookups", "memory_mallocs", "memory_frees", "memory_stack", "heap_alloc",
    "heap_sys", "heap_idle", "heap_inuse", "heap_released", "heap_objects", "gc_next", "gc_last", "gc_num",
    "gc_per_second", "gc_pause_per_second",
)  # fmt: skip

SHAPES: Mapping[str, Shape] = {
    "Settings": record(
        "Every option in force, as text; passwords are masked.",
        {option.name: text(option.about) for option in OPTIONS},
    ),
    "RuntimeStats": record(
        "Numbers of the process under Fireworq's names; what Python has no equal for is 0.",
        {
            **{name: {"type": "string"} for name in _WORDS},
            **{name: {"type": "integer", "minimum": 0} for name in _NUMBERS},
            "gc_pause": {"type": "array", "items": {"type": "integer"}},
        },
    ),
    "Detail": record("An error in JSON.", {"detail": text("What was wrong.")}),
}
