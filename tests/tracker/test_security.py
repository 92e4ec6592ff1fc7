from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.test import Client

from tests.live import ROOT
from tracker.security import POLICY


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/sign-in", "/", "/nobody/nothing", "/healthz", "/graphql"])
def test_every_answer_has_the_content_security_policy(client: Client, address: str) -> None:
    assert client.get(address)["Content-Security-Policy"] == POLICY


def test_no_script_may_stand_in_a_page_or_be_made_from_text() -> None:
    assert "unsafe-eval" not in POLICY
    assert "script-src" not in POLICY  # what default-src says: from this site
    assert "default-src 'self'" in POLICY


def manage(*command: str, **settings: str) -> str:
    # Browser tests set this for their own process.
    environment = {key: value for key, value in os.environ.items() if key != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_behind_a_proxy_nothing_is_left_to_warn_of(tmp_path) -> None:
    said = {"BEHIND_PROXY": "true", "DATA_DIR": str(tmp_path), "ALLOWED_HOSTS": "cohort.example.org"}
    assert "no issues" in manage("check", "--deploy", "--fail-level", "WARNING", **said)


@pytest.mark.django_db
def test_over_https_plain_requests_are_led_there_but_for_those_from_beside_the_proxy(settings, client: Client) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 31536000
    client = Client()
    assert client.get("/sign-in")["Location"] == "https://testserver/sign-in"
    assert client.get("/healthz").status_code == 200
    page = client.get("/sign-in", secure=True)
    assert page.status_code == 200
    assert page["Strict-Transport-Security"] == "max-age=31536000"
