"""The bytes of artifacts, by the client's requests."""

from __future__ import annotations

import base64

import pytest
from django.test import Client

from projects.models import Project, Visibility
from tests.wire.artifact_log import (
    FILES,
    body,
    file_nodes,
    get,
    log,
    md5,
)
from tests.wire.replay import Replay


class TestBytes:
    def test_a_part_of_a_file_can_be_asked_for(self, owner: Replay) -> None:
        log(owner, FILES)
        url = file_nodes(owner, "data:v0")["a.txt"]["directUrl"]
        part = get(url, Range="bytes=1-3")
        assert (part.status_code, part["Content-Range"], body(part)) == (206, "bytes 1-3/6", b"lph")
        assert body(get(url, Range="bytes=4-")) == b"a\n"
        assert body(get(url, Range="bytes=2-99")) == b"pha\n"
        for odd in ("bytes=9-", "bytes=3-1", "bytes=-2", "bytes=a", "lines=1-2"):
            whole = get(url, Range=odd)
            assert (whole.status_code, body(whole)) == (200, FILES["a.txt"])

    def test_no_browser_runs_what_an_artifact_holds(self, owner: Replay) -> None:
        log(owner, {"a.html": b"<script>alert(1)</script>"})
        answer = get(file_nodes(owner, "data:v0")["a.html"]["directUrl"])
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer["Content-Security-Policy"]

    @pytest.mark.parametrize("who", ["owner", "teammate", "stranger", "nobody"])
    def test_addresses_made_of_a_digest_are_for_those_who_see_the_project(
        self, owner: Replay, teammate: Replay, stranger: Replay, who: str
    ) -> None:
        key = log(owner, FILES)
        digest = base64.b64decode(md5(FILES["a.txt"])).hex()
        asking = {"owner": owner, "teammate": teammate, "stranger": stranger}.get(who)
        headers = {"Authorization": asking.authorization} if asking else {}
        for address in (
            f"/artifacts/tester/{digest}",
            f"/artifactsV2/default/tester/{key}/{digest}",
            f"/artifactsV2/default/tester/p/data/{key}/{digest}/a.txt",
            f"/artifactsV2/default/tester/p/data//{digest}/{'0' * 32}",
            "/artifacts/tester/p/data:v0/a.txt",
            "/artifacts/tester/p/data:latest/a.txt",
        ):
            answer = Client().get(address, headers=headers)
            assert answer.status_code == (200 if who in {"owner", "teammate"} else 404), address
            if answer.status_code == 200:
                assert body(answer) == FILES["a.txt"]
        Project.objects.update(visibility=Visibility.PUBLIC)
        assert Client().get("/artifacts/tester/p/data:v0/a.txt", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "address",
        [
            "/artifacts/tester/x", "/artifacts/tester/%00", "/artifacts/tester/p/data:v0/nothing",
            "/artifacts/tester/p/data:v7/a.txt", "/artifacts/tester/p/%00:v0/a.txt", "/artifactsV2/default/tester/x/y",
            "/artifactsV2/default/%00/x/" + "0" * 32, "/artifacts/tester/p/data:v99999999999999999999/a.txt",
        ],
    )  # fmt: skip
    def test_what_is_not_there_is_not_found(self, owner: Replay, address: str) -> None:
        log(owner, FILES)
        assert Client().get(address, headers={"Authorization": owner.authorization}).status_code == 404
        assert Client().post(address).status_code in {403, 405}

    def test_a_wrong_key_is_no_key(self, owner: Replay) -> None:
        log(owner, FILES)
        wrong = {"Authorization": "Basic " + base64.b64encode(b"api:wrong").decode()}
        assert Client().get("/artifacts/tester/p/data:v0/a.txt", headers=wrong).status_code == 401
