"""Signing in and out: by name and password, or by a link that works once."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import get_script_prefix
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from projects import sign_in_limit
from projects.access import sign_in_link_use


def next_address(request: HttpRequest, default: str = "project-list") -> str:
    """Where to go on to: `next` when it is an address of this site, written with its path; else `default`."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if "/" in wanted and url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    return resolve_url(default)


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    onward = next_address(request)
    if request.user.is_authenticated:
        return redirect(onward)
    if request.method != "POST":
        return _sign_in_page(request, AuthenticationForm(request), onward)
    tried = {"name": request.POST.get("username", ""), "address": address_of(request)}
    if not sign_in_limit.try_begin(**tried):
        answer = _sign_in_page(request, AuthenticationForm(request), onward, too_often=True, status=429)
        answer["Retry-After"] = str(sign_in_limit.WINDOW.seconds)
        return answer
    form = AuthenticationForm(request, request.POST)
    if not form.is_valid():
        return _sign_in_page(request, form, onward)
    sign_in_limit.tries_clear(**tried)
    login(request, form.get_user())
    return redirect(onward)


def _sign_in_page(
    request: HttpRequest, form: AuthenticationForm, onward: str, *, too_often: bool = False, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "next": onward,
        "too_often": too_often,
        "minutes": sign_in_limit.WINDOW.seconds // 60,
        "sso_name": settings.SSO_NAME if settings.SSO_CLIENT_ID else "",
        "sso_address": f"{get_script_prefix()}sso/login?{urlencode({'next': onward})}",
    }
    return render(request, "sign_in/sign_in.html", context, status=status)


def address_of(request: HttpRequest) -> str:
    """Where a request comes from. Of what a chain of proxies says, only the last word is our own proxy's."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_PROXY else ""
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET only shows a button: what previews links must not use them up."""
    onward = next_address(request)
    if request.method != "POST":
        return render(request, "sign_in/link.html", {"next": onward})
    user = sign_in_link_use(token)
    if user is None:
        return render(request, "sign_in/link_used.html", status=410)
    login(request, user)
    return redirect(onward)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")
