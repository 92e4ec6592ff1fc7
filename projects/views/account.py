"""A person's own page: API keys, password, light or dark."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.urls import get_script_prefix, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from projects.access import NotFound, api_key_create, api_key_revoke, person_invite
from projects.models import ApiKey, User
from projects.names import BadName
from projects.views.sign_in import next_address

_KEY_NAME_MAX = ApiKey._meta.get_field("name").max_length
_YEAR = 60 * 60 * 24 * 365


def base_url(request: HttpRequest) -> str:
    """What WANDB_BASE_URL must be for the site as this request sees it."""
    return request.build_absolute_uri(get_script_prefix()).rstrip("/")


def _form_of_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Takes POST; anything else (a reload after signing in again, an address typed in) goes to the account page."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs) if request.method == "POST" else redirect("account")

    return wrapped


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light or dark, kept in a cookie; until then the system decides. The page offers the one that is not shown."""
    chosen = request.POST.get("theme")
    if chosen not in {"light", "dark"}:
        return HttpResponseBadRequest("theme is light or dark")
    response = redirect(next_address(request))
    response.set_cookie(
        "theme",
        chosen,
        max_age=_YEAR,
        samesite="Lax",
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        path=settings.SESSION_COOKIE_PATH,
    )
    return response


def _page(
    request: HttpRequest, *, form: SetPasswordForm | None = None, new_key: str = "", status: int = 200, **more: str
) -> HttpResponse:
    user = person_of(request)
    keys = user.api_keys.filter(revoked_at=None).order_by("-created_at", "-pk")
    context = {
        "keys": keys,
        "teams": user.memberships.filter(entity__owner=None).select_related("entity").order_by("entity__name"),
        "new_key": new_key,
        "base_url": base_url(request),
        "form": form or _password_form(user),
        "has_password": user.has_usable_password(),
        **more,
    }
    return render(request, "account/account.html", context, status=status)


def person_of(request: HttpRequest) -> User:
    """Who is signed in; login_required came before."""
    assert isinstance(request.user, User)
    return request.user


def _password_form(user: User, data: QueryDict | None = None) -> SetPasswordForm:
    """Who came by a one-time link has no old password to be asked for."""
    kind = PasswordChangeForm if user.has_usable_password() else SetPasswordForm
    return kind(user, data)


@login_required
@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    return _page(request)


@login_required
@never_cache
@_form_of_page
def key_create(request: HttpRequest) -> HttpResponse:
    """The answer itself shows the key: it is written down nowhere, so no later page could."""
    name = request.POST.get("name", "").replace("\0", "").strip()[:_KEY_NAME_MAX]
    return _page(request, new_key=api_key_create(user=person_of(request), name=name))


@login_required
@_form_of_page
def key_revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    try:
        api_key_revoke(user=person_of(request), key_id=key_id)
    except NotFound as missing:
        raise Http404 from missing
    messages.success(request, "The key is revoked.")
    return redirect("account")


@login_required
@never_cache
@_form_of_page
def person_new(request: HttpRequest) -> HttpResponse:
    """Staff invite: the answer itself shows the link, as it shows a key."""
    if not person_of(request).is_staff:
        raise Http404
    name = request.POST.get("name", "").strip()
    try:
        token = person_invite(name=name)
    except BadName as error:
        return _page(request, invited=name, invite_error=str(error), status=422)
    link = request.build_absolute_uri(reverse("sign-in-link", args=[token]))
    return _page(request, invited=name, invite_link=link)


@sensitive_post_parameters()
@login_required
@never_cache
@_form_of_page
def password(request: HttpRequest) -> HttpResponse:
    form = _password_form(person_of(request), request.POST)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    form.save()
    update_session_auth_hash(request, form.user)
    messages.success(request, "The password is set.")
    return redirect("account")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Where `wandb login` sends people to fetch a key."""
    key = api_key_create(user=person_of(request), name="wandb login") if request.method == "POST" else ""
    return render(request, "account/authorize.html", {"new_key": key, "base_url": base_url(request)})
