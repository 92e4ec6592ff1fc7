"""Single sign-on by django-allauth, of which only the talk with the provider is used. Imported only where it is set up.

Whoever the provider names is known by that provider's id for them alone: no name and no address leads to an account
that somebody else has.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from projects.access import user_create_like
from projects.models import User

log = logging.getLogger(__name__)

_FAILED = "Signing in did not work. Try again, or ask who runs this server."


class Adapter(DefaultSocialAccountAdapter):
    """Ends allauth's way through an answer of the provider with our own: none of its pages is ever reached."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        said = sociallogin.account
        user = sociallogin.user if sociallogin.is_existing else None
        if user is None and not _may_come(sociallogin):
            _refuse(request, "Your address is not one of those that may sign in here.")
        user = user or _person_of(said.provider, said.uid, sociallogin.user.username or sociallogin.user.email)
        if not user.is_active:
            _refuse(request, "Your account is closed.")
        login(request, user)
        raise ImmediateHttpResponse(redirect(sociallogin.get_redirect_url(request) or "project-list"))

    def on_authentication_error(self, request: HttpRequest, provider: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("exception") is not None:
            log.warning("Single sign-on failed: %r", kwargs["exception"])
        _refuse(request, _FAILED)


def _refuse(request: HttpRequest, text: str) -> None:
    messages.error(request, text)
    raise ImmediateHttpResponse(redirect("sign-in"))


def _may_come(said: SocialLogin) -> bool:
    """Of an address that the provider has verified, where domains are set; else everybody whom the provider knows."""
    domains = {domain.lower() for domain in settings.SSO_EMAIL_DOMAINS}
    verified = {address.email.lower().rpartition("@")[2] for address in said.email_addresses if address.verified}
    return not domains or bool(verified & domains)


def _person_of(provider: str, uid: str, called: str) -> User:
    """The person of the provider's id, made the first time; of two first times at once the second finds that."""
    try:
        with transaction.atomic():
            user = user_create_like(called=called)
            SocialAccount.objects.create(user=user, provider=provider, uid=uid)
    except IntegrityError:
        found: User = SocialAccount.objects.select_related("user").get(provider=provider, uid=uid).user
        return found
    return user


def _views() -> tuple[Any, Any]:
    """The provider's views: where people are sent from, and where they come back to."""
    views = import_module(f"allauth.socialaccount.providers.{settings.SSO_PROVIDER}.views")
    if settings.SSO_PROVIDER == "openid_connect":
        return views.login, views.callback
    return views.oauth2_login, views.oauth2_callback


def _guarded(view: Any) -> Any:
    @never_cache
    @require_safe
    def guarded(request: HttpRequest, **kwargs: str) -> HttpResponse:
        try:
            answer: HttpResponse = view(request, **kwargs)
        except (OSError, ValueError, KeyError) as error:  # the provider is away, or answers what is no OpenID
            log.warning("Single sign-on failed: %r", error)
            messages.error(request, _FAILED)
            return redirect("sign-in")
        return answer

    return guarded


_login, _callback = _views()
_of = {"provider_id": settings.SSO_APP} if settings.SSO_PROVIDER == "openid_connect" else {}
urlpatterns = [
    path("login", _guarded(_login), _of, name=f"{settings.SSO_PROVIDER}_login"),
    path("callback", _guarded(_callback), _of, name=f"{settings.SSO_PROVIDER}_callback"),
]
