from __future__ import annotations

import base64

import pytest
from django.test import Client

from projects import access
from tests.wire.replay import Replay

VIEWER = "query Viewer { viewer { id entity username email flags teams { edges { node { name } } } } }"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic", "Basic !!!", "Bearer x", basic("api:"), basic("api"), basic("api:" + "x" * 40), "Basic /w=="],
)
@pytest.mark.parametrize("path", ["/graphql", "/files/tester/p/r/file_stream"])
def test_without_a_valid_key_nothing_is_done(authorization: str | None, path: str) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = Client().post(path, "{}", content_type="application/json", headers=headers)
    assert answer.status_code == 401
    body = answer.json()
    assert body["data"] == {"viewer": None}
    assert body["errors"][0]["message"] == "user is not logged in"


def test_a_revoked_key_is_none(owner: Replay) -> None:
    user = access.api_key_user(owner.key)
    access.api_key_revoke(user=user, key_id=user.api_keys.get().id)
    assert owner.stream("tester/p/r", {}).status_code == 401


def test_the_viewer_is_the_person_of_the_key(owner: Replay, teammate: Replay) -> None:
    viewer = owner.query(VIEWER)["data"]["viewer"]
    assert (viewer["entity"], viewer["username"], viewer["flags"]) == ("tester", "tester", "{}")
    assert viewer["teams"] == {"edges": [{"node": {"name": "tester"}}]}
    teams = teammate.query(VIEWER)["data"]["viewer"]["teams"]["edges"]
    assert [edge["node"]["name"] for edge in teams] == ["teammate", "tester"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sdk/otel/v1/metrics", "/sdk/otel/v1/logs", "/oidc/token"])
def test_what_is_not_supported_is_not_there(path: str) -> None:
    assert Client().post(path).status_code == 404


def test_no_cookie_is_set_and_no_csrf_token_is_asked_for(owner: Replay) -> None:
    owner.client = Client(enforce_csrf_checks=True)
    owner.query(VIEWER)
    assert not owner.client.cookies
