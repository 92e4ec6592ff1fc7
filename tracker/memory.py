"""How a server process takes memory from the system."""

import contextlib
import ctypes

_M_ARENA_MAX = -8  # glibc's malloc.h
_ARENAS = 2


def arenas_limit() -> None:
    """Threads share glibc's heaps: in heaps of their own each would keep what its largest chart once took.

    Elsewhere than on glibc there is nothing to limit.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
