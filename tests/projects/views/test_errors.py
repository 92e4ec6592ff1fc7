import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.views import defaults

from tests.factories import make_user


def asked(address: str = "/x") -> HttpRequest:
    request = RequestFactory().get(address)
    request.user = AnonymousUser()
    return request


@pytest.mark.parametrize(
    ("response", "status", "says"),
    [
        (lambda: defaults.bad_request(asked(), ValueError("inner")), 400, "makes no sense"),
        (lambda: defaults.permission_denied(asked(), PermissionError("inner")), 403, "may not do this"),
        (lambda: defaults.page_not_found(asked(), ValueError("inner")), 404, "nothing here"),
        (lambda: defaults.server_error(asked()), 500, "server failed"),
    ],
)
def test_each_error_has_a_page_in_the_sites_look_that_tells_no_insides(response, status: int, says: str) -> None:
    answer: HttpResponse = response()
    page = answer.content.decode()
    assert answer.status_code == status
    assert says in page
    assert '<header class="top">' in page
    assert "css/tokens.css" in page
    assert "inner" not in page


@pytest.mark.django_db
def test_a_missing_page_offers_signing_in_and_coming_back(client: Client) -> None:
    page = client.get("/lab/digits?group=config.lr").content.decode()
    assert 'href="/sign-in?next=%2Flab%2Fdigits%3Fgroup%3Dconfig.lr"' in page
    client.force_login(make_user())
    assert "/sign-in" not in client.get("/lab/digits").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/sign-in", "/sign-in/token", "/", "/ada", "/account", "/authorize", "/no/where"])
def test_no_page_holds_inline_script_or_style(client: Client, address: str) -> None:
    if not address.startswith("/sign-in"):
        client.force_login(make_user("ada"))
    page = client.get(address).content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
