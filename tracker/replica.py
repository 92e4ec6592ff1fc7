"""Pages are read from a copy that follows the database (REPLICA_URL), which is left to what clients send."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import psycopg.errors
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DEFAULT_DB_ALIAS, InternalError, OperationalError, connections
from django.http import Http404, HttpRequest, HttpResponseBase

log = logging.getLogger(__name__)

REPLICA = "replica"
WROTE = "wrote"  # the cookie of a browser whose last change may not have reached the copy
READING = {"GET", "HEAD"}
READING_POSTS = {"figures"}
ROOMS = ("projects.", "tracker.api.")  # what clients ask, they ask right after what they wrote


class ReadReplica:
    """Must stand last, so that who asks is known from the database itself.

    Whoever changed something reads from the database for REPLICA_LAG_SECONDS, and so sees it. What turns out to write,
    what the copy does not have or can't answer, is asked of the database; so is what is read while an answer streams.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if REPLICA not in settings.DATABASES:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        match = request.resolver_match
        if match is not None and _of_a_page(match.func) and not _reads(request, match.url_name):
            pin(response)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        if WROTE in request.COOKIES or match is None or not _of_a_page(view) or not _reads(request, match.url_name):
            return None
        _ = request.user.is_authenticated  # a session that has just begun
        try:
            with from_replica():
                response = view(request, *args, **kwargs)
            return None if response.status_code == HTTPStatus.NOT_FOUND else response
        except Http404:
            return None
        except InternalError as error:
            if not isinstance(error.__cause__, psycopg.errors.ReadOnlySqlTransaction):
                raise
            response = view(request, *args, **kwargs)
            pin(response)
            return response
        except OperationalError as error:
            log.warning("replica: %s", str(error).strip())
            return None


def pin(response: HttpResponseBase) -> None:
    """Has the browser read from the database for as long as the copy may be behind."""
    response.set_cookie(
        WROTE,
        "1",
        max_age=settings.REPLICA_LAG_SECONDS,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


@contextmanager
def from_replica() -> Iterator[None]:
    """This thread's database, by ORM and by SQL, is the copy."""
    database = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = connections[REPLICA]
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = database


def _of_a_page(view: Callable[..., Any]) -> bool:
    return view.__module__.startswith(ROOMS)


def _reads(request: HttpRequest, name: str | None) -> bool:
    return request.method in READING or name in READING_POSTS
