import hashlib
import re

import pytest
from django.test import Client

from projects import access
from projects.models import ApiKey, Entity, SignInLink, User
from tests.factories import make_user
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
KEY = re.compile(r'<pre id="new-key">([a-z0-9]{40})</pre>')


@pytest.fixture
def ada() -> User:
    return make_user("ada")


@pytest.fixture
def browser(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


@pytest.mark.parametrize(
    "address", ["/account", "/authorize", "/account/keys", "/account/password", "/account/keys/1/revoke"]
)
def test_who_is_not_signed_in_is_asked_to(client: Client, address: str) -> None:
    for response in (client.get(address), client.post(address)):
        assert response.headers["Location"] == f"/sign-in?next={address}"


def test_a_key_is_shown_once_and_kept_hashed(browser: Client, ada: User) -> None:
    answer = browser.post("/account/keys", {"name": "laptop"})
    key = KEY.search(answer.content.decode())[1]
    assert f"export WANDB_API_KEY={key}" in answer.content.decode()
    assert "export WANDB_BASE_URL=http://testserver\n" in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    row = ApiKey.objects.get()
    assert (row.user, row.name, row.hash) == (ada, "laptop", hashlib.sha256(key.encode()).hexdigest())
    later = browser.get("/account").content.decode()
    assert key not in later
    assert f"…{key[-4:]}" in later


def test_authorize_explains_then_makes_one_key(browser: Client, ada: User) -> None:
    page = browser.get("/authorize")
    assert "wandb login" in page.content.decode()
    assert not ApiKey.objects.exists()
    key = KEY.search(browser.post("/authorize").content.decode())[1]
    assert access.api_key_user(key) == ada
    assert key not in browser.get("/authorize").content.decode()


def test_the_base_url_is_the_one_the_request_came_by(browser: Client) -> None:
    page = browser.post("/account/keys", headers={"host": "localhost:9999"}).content.decode()
    assert "WANDB_BASE_URL=http://localhost:9999\n" in page


def test_revoking_ends_a_key_and_takes_it_off_the_list(browser: Client, ada: User) -> None:
    key = access.api_key_create(user=ada, name="old laptop")
    browser.post(f"/account/keys/{ApiKey.objects.get().pk}/revoke")
    assert access.api_key_user(key) is None
    assert "old laptop" not in browser.get("/account").content.decode()


@pytest.mark.parametrize("who", ["teammate", "stranger"])
def test_anothers_key_is_not_there(who: str) -> None:
    cast: Cast = make_cast()
    access.api_key_create(user=cast.owner, name="mine")
    row = ApiKey.objects.get()
    assert cast.as_(who).post(f"/account/keys/{row.pk}/revoke").status_code == 404
    assert b"mine" not in cast.as_(who).get("/account").content
    row.refresh_from_db()
    assert row.revoked_at is None


def test_a_key_number_no_database_holds_is_not_found(browser: Client) -> None:
    assert browser.post(f"/account/keys/{10**30}/revoke").status_code == 404


def test_a_forms_address_typed_in_leads_to_the_page(browser: Client) -> None:
    for address in ("/account/keys", "/account/password", "/account/keys/1/revoke"):
        assert browser.get(address).headers["Location"] == "/account"
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\0b", "x" * 5000, ""])
def test_any_key_name_is_text_on_the_page(browser: Client, name: str) -> None:
    browser.post("/account/keys", {"name": name})
    page = browser.get("/account")
    assert page.status_code == 200
    assert b"<script>alert(1)" not in page.content
    assert len(ApiKey.objects.get().name) <= 100


def test_who_came_by_link_sets_a_password_without_an_old_one(browser: Client, ada: User) -> None:
    assert "Set a password" in browser.get("/account").content.decode()
    browser.post("/account/password", {"new_password1": PASSWORD, "new_password2": PASSWORD})
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)
    assert browser.get("/account").status_code == 200, "signed out by one's own change"


def test_changing_a_password_needs_the_old_one_and_ends_other_sessions(client: Client) -> None:
    ada = make_user("ada", PASSWORD)
    client.force_login(ada)
    elsewhere = Client()
    elsewhere.force_login(ada)
    new = {"new_password1": "another horse entirely", "new_password2": "another horse entirely"}
    assert client.post("/account/password", new).status_code == 422
    assert client.post("/account/password", {**new, "old_password": "wrong"}).status_code == 422
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)
    client.post("/account/password", {**new, "old_password": PASSWORD})
    ada.refresh_from_db()
    assert ada.check_password("another horse entirely")
    assert client.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


@pytest.mark.parametrize("bad", ["short", "password123", "ada"])
def test_a_weak_password_is_refused_with_the_reason_and_never_repeated(browser: Client, ada: User, bad: str) -> None:
    answer = browser.post("/account/password", {"new_password1": bad, "new_password2": bad})
    assert answer.status_code == 422
    assert 'class="error"' in answer.content.decode()
    assert f'value="{bad}"' not in answer.content.decode().replace(
        'name="username" autocomplete="username" value="ada"', ""
    )
    ada.refresh_from_db()
    assert not ada.has_usable_password()


def test_the_theme_is_kept_in_a_cookie_and_shown(browser: Client) -> None:
    assert "data-theme" not in browser.get("/account").content.decode().partition("<head>")[0]
    response = browser.post("/theme", {"theme": "dark", "next": "/account"})
    assert response.headers["Location"] == "/account"
    assert '<html lang="en" data-theme="dark">' in browser.get("/account").content.decode()
    browser.post("/theme", {"theme": "light"})
    assert '<html lang="en" data-theme="light">' in browser.get("/account").content.decode()


def test_a_theme_there_is_not_is_refused(browser: Client) -> None:
    assert browser.post("/theme", {"theme": '"><script>'}).status_code == 400
    assert browser.get("/theme").status_code == 405
    browser.cookies["theme"] = '"><script>'
    assert "data-theme" not in browser.get("/account").content.decode().partition("<head>")[0]


def test_the_account_page_asks_as_much_for_many_keys_as_for_one(
    browser: Client, ada: User, django_assert_max_num_queries
) -> None:
    for _ in range(30):
        access.api_key_create(user=ada)
    with django_assert_max_num_queries(6):
        browser.get("/account")


def test_staff_invite_by_a_link_that_works_once(browser: Client, ada: User) -> None:
    User.objects.update(is_staff=True)
    page = browser.post("/account/people", {"name": " grace "})
    assert "no-store" in page.headers["Cache-Control"]
    link = re.search(r'<pre id="invite-link">http://testserver([^<]*)</pre>', page.content.decode())[1]
    assert link not in browser.get("/account").content.decode()
    grace = Client()
    grace.post(link)
    assert b"<h1>grace</h1>" in grace.get("/account").content
    assert b"Invite" not in grace.get("/account").content
    assert Client().post(link).status_code == 410


@pytest.mark.parametrize("name", ["ada", "lab", "", "sign-in", "a b", "a\0"])
def test_nobody_is_invited_under_no_name_or_one_in_use(browser: Client, ada: User, name: str) -> None:
    User.objects.update(is_staff=True)
    Entity.objects.create(name="lab")
    answer = browser.post("/account/people", {"name": name})
    assert answer.status_code == 422
    assert b'id="invite-error"' in answer.content
    assert (User.objects.count(), SignInLink.objects.count()) == (1, 0)


def test_others_than_staff_invite_nobody(browser: Client, ada: User) -> None:
    assert b"Invite" not in browser.get("/account").content
    assert browser.post("/account/people", {"name": "grace"}).status_code == 404
    assert User.objects.count() == 1
