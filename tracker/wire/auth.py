"""Who is asking: HTTP Basic with the user `api` and an API key. No cookies here, so no CSRF."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.http import HttpRequest, JsonResponse

from projects.access import api_key_user, api_key_writer
from projects.models import Project, User

# The client shows this text to the person.
NOT_SIGNED_IN: dict[str, Any] = {
    "data": {"viewer": None},
    "errors": [{"message": "user is not logged in", "path": ["viewer"], "extensions": {"code": "PERMISSION_ERROR"}}],
}


def key_of(request: HttpRequest) -> str | None:
    """The API key sent along; None without one."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, _, key = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return key or None


def user_of(request: HttpRequest) -> User | None:
    """Whose key it is; None without a valid one."""
    key = key_of(request)
    request.api_user = user = api_key_user(key) if key else None  # type: ignore[attr-defined]  # for the request's log
    return user


def writer_in(request: HttpRequest, entity: str, project: str) -> tuple[User | None, Project | None]:
    """As `user_of`, and the project, if this person may write to it."""
    key = key_of(request)
    user, target = api_key_writer(key, entity=entity, project=project) if key else (None, None)
    request.api_user = user  # type: ignore[attr-defined]
    return user, target


def unauthorized() -> JsonResponse:
    return JsonResponse(NOT_SIGNED_IN, status=401)
