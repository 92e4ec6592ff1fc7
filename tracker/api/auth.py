"""Who asks the REST API: an API key, as a bearer token or as the client sends it, or a session of the site."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from projects.access import api_key_user
from projects.models import User
from tracker.wire.auth import key_of


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`, or Basic with the user `api`. A wrong key is refused, not taken for nobody."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        key = value.strip() if scheme.lower() == "bearer" else key_of(request._request)
        if not scheme:
            return None
        user = api_key_user(key) if key else None
        if user is None:
            raise AuthenticationFailed("This API key is not valid.")
        request._request.api_user = user  # for the request's log
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
