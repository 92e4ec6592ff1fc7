"""How the doors say no. What may pass is 503 and asked again by the client; any other refusal is final for it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from django.db import DatabaseError, DataError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]

_RETRY_AFTER_SECONDS = 2


class Refused(Exception):
    """The request can never be served; the text is shown to the person at the client."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def is_passing(error: BaseException | None) -> bool:
    """Whether the same request may succeed later: locks, lost connections, full disks, not values it can't take."""
    return isinstance(error, (DatabaseError, InterfaceError, OSError)) and not isinstance(error, DataError)


def try_later() -> HttpResponse:
    return JsonResponse(
        {"error": "the server can't store this just now"},
        status=503,
        headers={"Retry-After": str(_RETRY_AFTER_SECONDS)},
    )


def door(view: View) -> View:
    """A view of the machine's doors: exceptions become answers the client understands."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Refused as refusal:
            return JsonResponse({"error": refusal.message}, status=refusal.status)
        except UnreadablePostError:
            return JsonResponse({"error": "the request ended too early"}, status=400)
        except (DataError, UnicodeError) as error:
            # PostgreSQL knows no U+0000, no encoding knows half a surrogate pair.
            logger.warning("%s refused: %s", request.path, error)
            return JsonResponse({"error": "text with characters that can't be stored"}, status=400)
        except Exception as error:
            if not is_passing(error):
                raise
            logger.exception("%s failed, the client will ask again", request.path)
            return try_later()

    return guarded
