from __future__ import annotations

import base64
import hashlib
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from projects import access
from projects.models import Project
from runs.models import Run, RunFile
from tests.wire.replay import Replay
from tests.wire.test_graphql import CREATE_FILES, message, upsert

FILES = """query F($names: [String] = [], $pattern: String, $first: Int, $after: String, $upload: Boolean = false) {
  project(name: "p") { run(name: "r") { fileCount
    files(names: $names, pattern: $pattern, first: $first, after: $after) {
    edges { node { id name url(upload: $upload) directUrl sizeBytes mimetype updatedAt md5 } cursor }
    pageInfo { endCursor hasNextPage } } } } }"""


def urls_for(owner: Replay, *names: str) -> list[str]:
    upsert(owner)
    answer = owner.query(CREATE_FILES, entity="tester", project="p", run="r", files=list(names))
    assert "errors" not in answer, answer
    created = answer["data"]["createRunFiles"]
    assert [file["name"] for file in created["files"]] == list(names)
    assert created["runID"]
    assert created["uploadHeaders"] == []
    return [file["uploadUrl"] for file in created["files"]]


def put(url: str, data: bytes) -> int:
    return Client().put(url, data, content_type="application/octet-stream").status_code


def get(asking: Replay, name: str):
    return asking.client.get(f"/files/tester/p/r/{quote(name)}", headers={"Authorization": asking.authorization})


def test_a_file_larger_than_the_site_takes_is_refused_unread(owner: Replay, settings) -> None:
    (url,) = urls_for(owner, "a.bin")
    settings.MAX_UPLOAD_BYTES = 10
    assert put(url, b"x" * 11) == 413
    assert RunFile.objects.get().stored_as == ""
    assert put(url, b"x" * 10) == 200


@pytest.mark.parametrize(
    "name", ["a.txt", "a b#%.txt", "media/images/é/x_0_ab.png", "é" * 500, "...", "a..b/c", "?x=1&y"]
)
@pytest.mark.parametrize("data", [b"", b"\0\xff" * 100_000])
def test_a_file_comes_back_as_it_was_put(owner: Replay, name: str, data: bytes) -> None:
    (url,) = urls_for(owner, name)
    assert url.startswith("http://testserver/storage/")
    assert url.isascii()
    assert len(url) < 4000
    assert put(url, data) == 200
    answer = get(owner, name)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == data
    file = RunFile.objects.get()
    assert (file.size, file.md5) == (len(data), base64.b64encode(hashlib.md5(data).digest()).decode())


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/../b", "/etc/passwd", "a//b", "a/", ".", "a\\b", "a\0b", "a\nb", "\ud800", "x" * 501]
)
def test_names_that_are_no_relative_path_are_refused(owner: Replay, name: str) -> None:
    upsert(owner)
    answer = owner.query(CREATE_FILES, entity="tester", project="p", run="r", files=["ok.txt", name])
    assert "file name" in message(answer)
    assert not RunFile.objects.exists()


def test_where_bytes_are_kept_does_not_depend_on_the_name(owner: Replay, settings) -> None:
    (url,) = urls_for(owner, "secret name.txt")
    put(url, b"x")
    root = Path(settings.STORAGES["default"]["OPTIONS"]["location"])
    (kept,) = [path for path in root.rglob("*") if path.is_file()]
    assert "secret" not in str(kept)
    assert Run.objects.get().pk.hex in str(kept)


def test_a_file_put_again_replaces_the_former_and_its_bytes(owner: Replay, settings) -> None:
    (url,) = urls_for(owner, "a.txt")
    put(url, b"one")
    former = RunFile.objects.get().stored_as
    put(url, b"two!")
    assert b"".join(get(owner, "a.txt").streaming_content) == b"two!"
    assert not default_storage.exists(former)


def test_addresses_are_good_only_as_signed(owner: Replay) -> None:
    (url,) = urls_for(owner, "a.txt")
    assert put(url[:-1] + ("A" if url[-1] != "A" else "B"), b"x") == 403
    assert put("http://testserver/storage/x", b"x") == 403
    assert Client().get(url).status_code == 405
    Run.objects.all().delete()
    assert put(url, b"x") == 404


def test_files_of_a_project_deleted_meanwhile_are_refused_until_it_is_back(owner: Replay) -> None:
    (url,) = urls_for(owner, "a.txt")
    Project.objects.update(deleted_at=timezone.now())
    answer = Client().put(url, b"x", content_type="application/octet-stream")
    assert answer.status_code == 404
    assert "no longer exists" in answer.content.decode()
    assert RunFile.objects.get().stored_as == ""
    Project.objects.update(deleted_at=None)
    assert put(url, b"x") == 200


def test_an_upload_cut_short_leaves_nothing(owner: Replay, settings) -> None:
    (url,) = urls_for(owner, "a.txt")
    answer = Client().put(url, **{"wsgi.input": BytesIO(b"half"), "CONTENT_LENGTH": "8"})
    assert answer.status_code == 400
    assert RunFile.objects.get().size is None
    root = Path(settings.STORAGES["default"]["OPTIONS"]["location"])
    assert not [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "kind", "inline"),
    [
        ("a.png", "image/png", True),
        ("a.JPG", "image/jpeg", True),
        ("output.log", "text/plain; charset=utf-8", True),
        ("config.yaml", "text/plain; charset=utf-8", True),
        ("a.json", "text/plain; charset=utf-8", True),
        ("a.WAV", "audio/wav", True),
        ("a.mp4", "video/mp4", True),
        ("a.table.json", "text/plain; charset=utf-8", True),
        ("a.pts.json", "text/plain; charset=utf-8", True),
        ("a.mp4.html", "application/octet-stream", False),
        ("a.html", "application/octet-stream", False),
        ("a.svg", "application/octet-stream", False),
        ("a.js", "application/octet-stream", False),
        ("a", "application/octet-stream", False),
    ],
)
def test_a_browser_shows_only_what_cannot_run(owner: Replay, name: str, kind: str, inline: bool) -> None:
    (url,) = urls_for(owner, name)
    put(url, b"<script>")
    answer = get(owner, name)
    assert answer["Content-Type"] == kind
    assert answer["Content-Disposition"].startswith("inline" if inline else "attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_who_may_see_the_project_may_see_its_files(owner: Replay, teammate: Replay, stranger: Replay) -> None:
    (url,) = urls_for(owner, "a.txt")
    put(url, b"x")
    path = "/files/tester/p/r/a.txt"
    assert get(teammate, "a.txt").status_code == 200
    assert get(stranger, "a.txt").status_code == 404
    assert Client().get(path).status_code == 404
    assert Client().get(path, headers={"Authorization": "Basic eDp5"}).status_code == 401
    browser = Client()
    browser.force_login(access.api_key_user(owner.key))
    assert browser.get(path).status_code == 200
    Project.objects.update(visibility="public")
    assert Client().get(path).status_code == 200
    assert Client().get("/files/tester/p/r/absent").status_code == 404


def test_files_are_listed_once_their_bytes_are_there(owner: Replay, stranger: Replay) -> None:
    names = ["a.txt", "b.yaml", "c/d e.txt", "never.txt"]
    for url in urls_for(owner, *names)[:3]:
        put(url, b"hello")

    def listed(asking: Replay = owner, **variables: object):
        return asking.query(FILES, **variables)["data"]["project"]["run"]["files"]

    assert owner.query(FILES)["data"]["project"]["run"]["fileCount"] == 3
    nodes = [edge["node"] for edge in listed()["edges"]]
    assert [node["name"] for node in nodes] == names[:3]
    assert nodes[2]["url"] == nodes[2]["directUrl"] == "http://testserver/files/tester/p/r/c/d%20e.txt"
    assert (nodes[0]["sizeBytes"], nodes[0]["md5"]) == (5, "XUFAKrxLKna5cZ2REBfFkg==")
    assert [edge["node"]["name"] for edge in listed(pattern="%.yaml")["edges"]] == ["b.yaml"]
    assert [edge["node"]["name"] for edge in listed(pattern="_.txt")["edges"]] == ["a.txt"]
    assert [edge["node"]["name"] for edge in listed(names=["c/d e.txt"])["edges"]] == ["c/d e.txt"]
    first = listed(first=2)
    assert first["pageInfo"] == {"endCursor": "2", "hasNextPage": True}
    assert [edge["node"]["name"] for edge in listed(first=2, after="2")["edges"]] == ["c/d e.txt"]
    assert put(listed(upload=True, names=["a.txt"])["edges"][0]["node"]["url"], b"new") == 200


def test_files_for_a_run_that_is_not_there_get_an_error_not_a_null(owner: Replay) -> None:
    for entity, project in (("", "absent"), ("tester", "absent"), ("nobody", "p")):
        answer = owner.query(CREATE_FILES, entity=entity, project=project, run="r", files=["a"])
        assert "not found" in message(answer)
