"""Single sign-on against a provider on 127.0.0.1, and a server of its own that is set up for it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.live import ROOT, LiveServer, serve
from tests.tracker.provider import CLIENT, SECRET, Provider, provider

pytestmark = pytest.mark.on_both


@dataclass
class Site:
    server: LiveServer
    provider: Provider

    def sign_in(self, person: dict[str, object] | None, onward: str = "/account") -> tuple[requests.Session, str]:
        """A new browser that clicks the button on the sign-in page; its session, and where it ends, as HTML."""
        self.provider.person = person
        browser = requests.Session()
        page = browser.get(f"{self.server.url}{onward}", timeout=60)
        button = re.search(r'href="(/sso/login[^"]*)">.*?Sign in with Example ID', page.text, re.DOTALL)
        assert button is not None, page.text
        address = button[1].replace("&amp;", "&")
        return browser, browser.get(self.server.url + address, timeout=60).text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {"SSO_CLIENT_ID": CLIENT, "SSO_CLIENT_SECRET": SECRET, "SSO_NAME": "Example ID"}
    with (
        provider() as there,
        serve(
            tmp_path_factory.mktemp("sso"), SSO_ISSUER=there.url, SSO_EMAIL_DOMAINS="example.org", **settings
        ) as live,
    ):
        yield Site(live, there)


def claims(sub: str, name: str, email: str = "", *, verified: bool = True) -> dict[str, object]:
    return {
        "sub": sub,
        "preferred_username": name,
        "email": email or f"{sub}@example.org",
        "email_verified": verified,
    }


def signed_in_as(page: str) -> str | None:
    found = re.search(r"<h1>([^<]*)</h1>\s*<a class=\"btn\" href=\"/[^\"]*\">Your projects", page)
    return found[1] if found else None


def test_the_first_time_makes_a_person_and_later_times_find_them(site: Site) -> None:
    first, page = site.sign_in(claims("1", "grace"))
    assert signed_in_as(page) == "grace"
    assert first.get(f"{site.server.url}/grace", timeout=60).status_code == 200
    assert signed_in_as(site.sign_in(claims("1", "renamed"))[1]) == "grace"


def test_nobody_gets_an_account_by_its_name_or_address(site: Site) -> None:
    """ada is there, with a password-less account of her own."""
    assert signed_in_as(site.sign_in(claims("2", "ada"))[1]) == "ada-2"
    assert signed_in_as(site.sign_in(claims("3", "ADA", "2@example.org"))[1]) == "ADA-3"


@pytest.mark.parametrize(
    ("said", "name"),
    [("sign-in", "person"), ("Zoë Ünal/../x", "Zo-nal-x"), ("--", "person-2"), ("kay@elsewhere.net", "kay")],
)
def test_names_are_made_fit_for_addresses(site: Site, said: str, name: str) -> None:
    assert signed_in_as(site.sign_in(claims(f"n-{name}", said))[1]) == name


def test_only_verified_addresses_of_the_domains_come_in(site: Site) -> None:
    for said in (
        claims("8", "mallory", "m@example.com"),
        claims("8", "mallory", "m@example.org", verified=False),
        claims("8", "mallory", "m@example.org.evil.net"),
    ):
        page = site.sign_in(said)[1]
        assert "not one of those that may sign in here" in page
        assert signed_in_as(page) is None


def test_authorize_goes_on_after_it(site: Site) -> None:
    browser, page = site.sign_in(claims("4", "linus"), "/authorize")
    assert "for linus" in page
    assert browser.get(f"{site.server.url}/authorize", timeout=60).status_code == 200


def test_who_says_no_or_comes_back_with_anything_else_is_where_they_began(site: Site) -> None:
    assert "Signing in did not work" in site.sign_in(None)[1]
    before = site.provider.tokens_given
    for query in ("", "?code=x", "?code=x&state=y", "?error=access_denied", "?error=%3Cb%3E&state=z"):
        page = requests.get(f"{site.server.url}/sso/callback{query}", timeout=60)
        assert "Sign in with Example ID" in page.text
        assert "Signing in did not work" in page.text
        assert "<b>" not in page.text.partition('class="messages"')[2].partition("</ul>")[0]
    assert site.provider.tokens_given == before


def test_an_answer_meant_for_another_browser_signs_nobody_in(site: Site) -> None:
    site.provider.person = claims("5", "eve")
    eve, victim = requests.Session(), requests.Session()
    sent = eve.get(f"{site.server.url}/sso/login", timeout=60, allow_redirects=False)
    back = eve.get(sent.headers["Location"], timeout=60, allow_redirects=False).headers["Location"]
    assert "Signing in did not work" in victim.get(back, timeout=60).text
    assert "/sign-in" in victim.get(f"{site.server.url}/account", timeout=60).url


def test_it_leads_to_this_site_only(site: Site) -> None:
    site.provider.person = claims("6", "hal")
    browser = requests.Session()
    answer = browser.get(f"{site.server.url}/sso/login?next=https://evil.example/", timeout=60)
    assert answer.url == f"{site.server.url}/"


def test_a_provider_that_is_away_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Provider, "configuration", lambda self: {"issuer": self.url})
    assert "Signing in did not work" in requests.get(f"{site.server.url}/sso/login", timeout=60).text


def test_a_closed_account_stays_closed(site: Site) -> None:
    assert signed_in_as(site.sign_in(claims("7", "ivan"))[1]) == "ivan"
    close = "from projects.models import User; User.objects.filter(username='ivan').update(is_active=False)"
    site.server.manage("shell", "-c", close)
    assert "Your account is closed" in site.sign_in(claims("7", "ivan"))[1]


def test_no_page_of_the_library_is_there(site: Site) -> None:
    browser, _ = site.sign_in(claims("1", "grace"))
    for path in ("accounts/login/", "accounts/signup/", "sso/", "sso/signup", "sso/connections/", "oidc/x/login/"):
        assert browser.get(f"{site.server.url}/{path}", timeout=60).status_code == 404
    assert browser.post(f"{site.server.url}/sso/login", timeout=60).status_code in {403, 405}


def test_without_a_client_id_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'tracker.settings'; django.setup();"
        "import tracker.urls; print(sorted(m for m in sys.modules if m.startswith(('allauth', 'oauthlib', 'jwt'))))"
    )
    environment = {"DATA_DIR": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
