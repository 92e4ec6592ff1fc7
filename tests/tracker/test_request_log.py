from __future__ import annotations

import base64
import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from projects import access
from tests.factories import make_project, make_user
from tracker.logs import JsonFormatter, TextFormatter

pytestmark = pytest.mark.django_db


@pytest.fixture(
    params=[JsonFormatter(), TextFormatter("{levelname} {name}: {message}", style="{")], ids=["json", "text"]
)
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """All that the log says, in either format."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(request.param)
    root = logging.getLogger()
    root.addHandler(handler)
    yield out
    root.removeHandler(handler)


def lines(out: io.StringIO) -> list[dict[str, str]]:
    """Each line's fields, as text."""
    return [_fields(line) for line in out.getvalue().splitlines()]


def _fields(line: str) -> dict[str, str]:
    if line.startswith("{"):
        return {name: str(value) for name, value in json.loads(line).items()}
    found = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)
    return {name: json.loads(value) if value.startswith('"') else value for name, value in found}


def test_a_request_has_one_line_with_who_what_and_how_long(written: io.StringIO, client: Client) -> None:
    user = make_user("ada")
    client.force_login(user)
    answer = client.get("/ada/no such?filter=secret", headers={"X-Request-Id": "from-the-proxy.1"})
    (line,) = lines(written)
    assert answer["X-Request-Id"] == line["request_id"] == "from-the-proxy.1"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/ada/no such", "404")
    assert line["route"] == "<str:entity>/<str:project>"
    assert line["user"] == str(user.pk)
    assert float(line["ms"]) >= 0
    assert "secret" not in written.getvalue()


def test_the_user_of_an_api_key_is_known_on_every_door(written: io.StringIO) -> None:
    user = make_user("ada")
    make_project(user)
    key = access.api_key_create(user=user)
    basic = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
    client = Client()
    client.get("/api/projects", headers={"Authorization": f"Bearer {key}"})
    client.post("/graphql", {"query": "{viewer{id}}"}, "application/json", headers={"Authorization": basic})
    client.post("/files/ada/digits/r/file_stream", {}, "application/json", headers={"Authorization": basic})
    assert [line["user"] for line in lines(written)] == [str(user.pk)] * 3
    assert key not in written.getvalue()


@pytest.mark.parametrize("sent", ["", "two words", "x" * 65, "a\tb", "<script>", "ü"])
def test_an_id_that_is_none_is_replaced(client: Client, sent: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": sent})
    assert re.fullmatch(r"[0-9a-f]{16}", answer["X-Request-Id"])


def test_a_path_can_not_make_a_second_line(written: io.StringIO, client: Client) -> None:
    client.get('/ada/x%0A2026 INFO forged%20line"=')
    (line,) = lines(written)
    assert line["path"] == '/ada/x\n2026 INFO forged line"='


def _secret_routes(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _secret_routes(pattern.url_patterns)
        elif "token" in pattern.pattern.converters:
            yield pattern.name


def test_no_secret_of_an_address_is_written_whatever_happens(
    written: io.StringIO, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = access.sign_in_link_create(user=make_user("ada"))
    names = list(_secret_routes(get_resolver().url_patterns))
    assert {"sign-in-link", "wire-storage"} <= set(names)
    client.raise_request_exception = False
    for name in names:
        path = reverse(name, args=[token])
        for sent in (path, f"{path}/", f"{path}/more", path.replace("/", "/%2F", 1)):
            client.get(sent)
            client.put(sent, b"x")
    monkeypatch.setattr("projects.views.sign_in.sign_in_link_use", lambda token: 1 / 0)
    assert client.post(f"/sign-in/{token}").status_code == 500
    assert "ZeroDivisionError" in written.getvalue()
    assert "/sign-in/…" in written.getvalue().replace("\\u2026", "…")
    assert token not in written.getvalue()


def test_passwords_sessions_and_new_keys_are_not_written(written: io.StringIO, client: Client) -> None:
    make_user("ada", "correct horse battery")
    client.post("/sign-in", {"username": "ada", "password": "correct horse battery"})
    page = client.post("/account/keys", {"name": "laptop"}).content.decode()
    (key,) = set(re.findall(r"\b[a-z0-9]{40}\b", page))
    said = written.getvalue()
    assert len(lines(written)) == 2
    assert "correct horse" not in said
    assert key not in said
    assert client.cookies["sessionid"].value not in said
