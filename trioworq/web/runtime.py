"""Numbers of the running program under the names of Fireworq's `/stats` (contract §1.12)."""

import gc
import os
import platform
import resource
import sys
from typing import Any

import trio

_KIBIBYTE = 1024


def runtime_stats(now_ms: int) -> dict[str, Any]:
    """Return Python's nearest equal of each of the original's numbers, 0 where there is none."""
    collections = sum(generation["collections"] for generation in gc.get_stats())
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE
    blocks = sys.getallocatedblocks()
    resident_bytes = _resident_bytes()
    return {
        "time": now_ms * 1_000_000,
        "go_version": f"python{platform.python_version()}",
        "go_os": sys.platform,
        "go_arch": platform.machine(),
        "cpu_num": os.cpu_count() or 0,
        "goroutine_num": trio.lowlevel.current_statistics().tasks_living,
        "gomaxprocs": len(os.sched_getaffinity(0)),
        "cgo_call_num": 0,
        "memory_alloc": resident_bytes,
        "memory_total_alloc": 0,
        "memory_sys": peak_bytes,
        "memory_lookups": 0,
        "memory_mallocs": 0,
        "memory_frees": 0,
        "memory_stack": 0,
        "heap_alloc": resident_bytes,
        "heap_sys": peak_bytes,
        "heap_idle": 0,
        "heap_inuse": resident_bytes,
        "heap_released": 0,
        "heap_objects": blocks,
        "gc_next": 0,
        "gc_last": 0,
        "gc_num": collections,
        "gc_per_second": 0,
        "gc_pause_per_second": 0,
        "gc_pause": [],
    }


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
