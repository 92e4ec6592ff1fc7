from __future__ import annotations

import io
import re
import socket
import stat
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from projects import access
from projects.models import User
from tests.live import LiveServer, own_database, serve


def said(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_create_api_key_makes_the_user_and_prints_only_the_key() -> None:
    first, second = said("create_api_key", "grace"), said("create_api_key", "grace")
    assert re.fullmatch(r"[a-z0-9]{40}\n", first)
    assert first != second
    user = access.api_key_user(first.strip())
    assert user is not None
    assert (user.username, user.entity.name) == ("grace", "grace")
    assert access.api_key_user(second.strip()) == user


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "a/b", "-x", "static", "x" * 65, "é"])
def test_create_api_key_refuses_names_that_cannot_be_addresses(name: str) -> None:
    with pytest.raises(CommandError):
        call_command("create_api_key", name)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_sign_in_link_prints_a_link_that_works_once() -> None:
    link = said("sign_in_link", "grace", "--base-url", "http://example.test/").strip()
    assert link.startswith("http://example.test/sign-in/")
    token = link.rsplit("/", 1)[1]
    assert access.sign_in_link_use(token) == User.objects.get(username="grace")
    assert access.sign_in_link_use(token) is None


@pytest.mark.django_db
def test_demo_refuses_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(CommandError, match="is taken"):
        call_command("demo", "--port", str(other.getsockname()[1]))
    assert not User.objects.exists()


@pytest.mark.client
def test_the_first_start_and_only_that_prints_a_sign_in_link(tmp_path: Path) -> None:
    with own_database() as database:
        with serve(tmp_path, database=database) as first:
            (link,) = re.findall(r"http://\S+/sign-in/\S+", first.log.read_text())
            with urllib.request.urlopen(link) as page:
                assert page.status == 200
        with serve(tmp_path, database=database) as second:
            assert "/sign-in/" not in second.log.read_text()
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


@pytest.mark.client
def test_healthz_answers_anyone(live: LiveServer) -> None:
    with urllib.request.urlopen(f"{live.url}/healthz") as answer:
        assert (answer.status, answer.read()) == (200, b'{"status": "ok"}')
