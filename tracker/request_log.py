"""One line of log for each request, and an id by which all of its lines belong together."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tracker import metrics
from tracker.logs import request_id

logger = logging.getLogger(__name__)

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_log(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. The time is that until an answer begins: what is streamed goes on."""

    def answer(request: HttpRequest) -> HttpResponse:
        asked = request.headers.get("X-Request-Id", "")
        said = asked if _SANE_ID.fullmatch(asked) else secrets.token_hex(8)
        mark = request_id.set(said)
        begun = time.perf_counter()
        try:
            response = get_response(request)
            seconds = time.perf_counter() - begun
            route = request.resolver_match.route if request.resolver_match else ""
            metrics.request_count(route=route, status=response.status_code, seconds=seconds)
            logger.info(
                "request",
                extra={
                    "method": request.method,
                    "path": request.path,
                    "route": route,
                    "status": response.status_code,
                    "ms": round(seconds * 1000, 1),
                    "user": _user_id(request),
                },
            )
        finally:
            request_id.reset(mark)
        response["X-Request-Id"] = said
        return response

    return answer


def _user_id(request: HttpRequest) -> int | None:
    """Of whoever was found to be asking; a session that nobody looked at is not read for this."""
    user = vars(request).get("_cached_user") or vars(request).get("api_user")
    return user.pk if user else None
