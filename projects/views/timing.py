"""Says with an answer how busy the server was with it, so that pages that ask again and again know how often to."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from django.http import HttpResponse

P = ParamSpec("P")


def timed(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Server-Timing: milliseconds of the processor that this thread had. Not until the answer: on a server with much to
    do that is mostly others'."""

    @wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        begun = time.thread_time()
        response = view(*args, **kwargs)
        response["Server-Timing"] = f"cpu;dur={1000 * (time.thread_time() - begun):.1f}"
        return response

    return answer
