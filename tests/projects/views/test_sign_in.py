from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from projects import access
from projects.models import SignInLink, SignInTry
from projects.sign_in_limit import TRIES_BY_ADDRESS, TRIES_BY_NAME, WINDOW, tries_forget
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def signed_in(client: Client) -> str | None:
    response = client.get("/account")
    return response.wsgi_request.user.username if response.status_code == 200 else None


def test_name_and_password_sign_in_and_lead_on(client: Client) -> None:
    make_user("ada", PASSWORD)
    response = client.post("/sign-in", {"username": "ada", "password": PASSWORD, "next": "/ada/digits?group=config.lr"})
    assert response.headers["Location"] == "/ada/digits?group=config.lr"
    assert signed_in(client) == "ada"


def test_an_unknown_person_and_a_wrong_password_read_the_same(client: Client) -> None:
    make_user("ada", PASSWORD)
    wrong = client.post("/sign-in", {"username": "ada", "password": "wrong"}).content.decode()
    unknown = client.post("/sign-in", {"username": "eve", "password": "wrong"}).content.decode()
    assert "Name and password don’t match." in wrong

    def message(page: str) -> str:
        return page.partition("<main")[2].partition("<form")[0]

    assert message(wrong) == message(unknown)
    assert signed_in(client) is None


def test_a_person_without_a_password_does_not_come_in_with_an_empty_one(client: Client) -> None:
    make_user("ada")
    for password in ("", "!", "None"):
        client.post("/sign-in", {"username": "ada", "password": password})
        assert signed_in(client) is None


@pytest.mark.parametrize("name", ["\0", "<script>alert(1)</script>", "x" * 10_000])
def test_hostile_names_are_refused_and_shown_as_text(client: Client, name: str) -> None:
    response = client.post("/sign-in", {"username": name, "password": PASSWORD})
    assert response.status_code == 200
    assert b"<script>alert(1)" not in response.content


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "\x01//x.y",
    ],
)
def test_nobody_is_led_to_another_site(client: Client, address: str) -> None:
    user = make_user("ada", PASSWORD)
    by_password = client.post("/sign-in", {"username": "ada", "password": PASSWORD, "next": address})
    assert by_password.headers["Location"] == "/"
    token = access.sign_in_link_create(user=user)
    assert client.post(f"/sign-in/{token}?next={address}").headers["Location"] == "/"
    assert client.post("/theme", {"theme": "dark", "next": address}).headers["Location"] == "/"


@pytest.mark.parametrize("word", ["NaN", "account", "httpx", "é"])
def test_a_word_is_no_address_to_go_on_to(client: Client, word: str) -> None:
    client.force_login(make_user("ada"))
    assert client.get("/sign-in", {"next": word}).headers["Location"] == "/"


def test_who_is_signed_in_already_is_led_on(client: Client) -> None:
    client.force_login(make_user("ada"))
    assert client.get("/sign-in?next=/account").headers["Location"] == "/account"


def test_looking_at_a_link_does_not_use_it_up(client: Client) -> None:
    token = access.sign_in_link_create(user=make_user("ada"))
    for _ in range(3):
        page = client.get(f"/sign-in/{token}?next=/account")
        assert page.status_code == 200
        assert "no-store" in page.headers["Cache-Control"]
    client.head(f"/sign-in/{token}")
    assert SignInLink.objects.get().used_at is None
    assert signed_in(client) is None


def test_a_link_signs_in_once(client: Client) -> None:
    token = access.sign_in_link_create(user=make_user("ada"))
    assert client.post(f"/sign-in/{token}", {"next": "/account"}).headers["Location"] == "/account"
    assert signed_in(client) == "ada"
    second = Client()
    refused = second.post(f"/sign-in/{token}")
    assert refused.status_code == 410
    assert "no longer works" in refused.content.decode()
    assert signed_in(second) is None


def test_a_made_up_link_looks_like_a_used_one(client: Client) -> None:
    refused = client.post("/sign-in/made-up")
    assert refused.status_code == 410
    assert "no longer works" in refused.content.decode()


def test_a_link_is_not_used_without_the_forms_token() -> None:
    token = access.sign_in_link_create(user=make_user("ada"))
    strict = Client(enforce_csrf_checks=True)
    refused = strict.post(f"/sign-in/{token}")
    assert refused.status_code == 403
    assert "out of date" in refused.content.decode()
    assert SignInLink.objects.get().used_at is None


def test_sign_out_takes_a_post(client: Client) -> None:
    client.force_login(make_user("ada"))
    assert client.get("/sign-out").status_code == 405
    assert signed_in(client) == "ada"
    assert client.post("/sign-out").headers["Location"] == reverse("sign-in")
    assert signed_in(client) is None


def tried(name: str, password: str = "wrong", *, times: int = 1, **headers: str) -> Iterable[int]:
    """The different answers, 302 being in."""
    sent = {"username": name, "password": password}
    return {Client().post("/sign-in", sent, **headers).status_code for _ in range(times)}


def test_a_name_is_tried_so_many_times_and_then_no_more_from_anywhere() -> None:
    make_user("ada", PASSWORD)
    make_user("grace", PASSWORD)
    for number in range(TRIES_BY_NAME):
        assert tried("ada", REMOTE_ADDR=f"192.0.2.{number}") == {200}
    refused = Client().post("/sign-in", {"username": "ada", "password": PASSWORD}, REMOTE_ADDR="198.51.100.1")
    assert refused.status_code == 429
    assert refused["Retry-After"] == str(WINDOW.seconds)
    assert "Too many tries. Wait 15 minutes" in refused.content.decode()
    assert tried("grace", PASSWORD, REMOTE_ADDR="192.0.2.1") == {302}
    assert tried("nobody", times=TRIES_BY_NAME) == {200}
    assert tried("nobody") == {429}  # as for somebody
    token = access.sign_in_link_create(user=access.user_get_or_create(name="ada"))
    assert Client().post(f"/sign-in/{token}").status_code == 302


def test_an_address_tries_so_many_times_whatever_the_names() -> None:
    make_user("ada", PASSWORD)
    for number in range(TRIES_BY_ADDRESS):
        assert tried(f"name-{number}", REMOTE_ADDR=f"2001:db8::{number:x}") == {200}
    assert tried("ada", PASSWORD, REMOTE_ADDR="2001:db8::ffff") == {429}
    assert tried("ada", PASSWORD, REMOTE_ADDR="2001:db8:0:1::1") == {302}


def test_who_comes_in_starts_anew_and_old_tries_do_not_count() -> None:
    make_user("ada", PASSWORD)
    for _ in range(2):
        assert tried("ada", times=TRIES_BY_NAME - 1) == {200}
        assert tried("ada", PASSWORD) == {302}
    assert tried("ada", times=TRIES_BY_NAME) == {200}
    assert tried("ada") == {429}
    SignInTry.objects.update(at=timezone.now() - WINDOW - timedelta(seconds=1))
    assert tried("ada") == {200}
    assert tries_forget() == TRIES_BY_NAME
    assert SignInTry.objects.count() == 1


def test_only_a_proxy_of_ours_says_where_a_request_is_from(settings) -> None:
    def addresses() -> int:
        return SignInTry.objects.values("address_hash").distinct().count()

    for said in ("203.0.113.1", "203.0.113.2"):
        tried("ada", HTTP_X_FORWARDED_FOR=said)
    assert addresses() == 1
    settings.BEHIND_PROXY = True
    for said in ("203.0.113.1", "203.0.113.2", "203.0.113.9, 203.0.113.2"):  # what the asker adds stands before
        tried("ada", HTTP_X_FORWARDED_FOR=said)
    assert addresses() == 3
