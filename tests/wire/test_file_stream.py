from __future__ import annotations

import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest
from django.db import OperationalError, connection

from projects.models import Project
from runs import ingest
from runs.history import store
from runs.models import Run, StreamName, run_id
from tests.wire.replay import Replay, requests_of

START = requests_of("a_basic")[1]


def start(owner: Replay, name: str = "r") -> Run:
    request = json.loads(json.dumps(START))
    request["body"]["variables"] |= {"project": "p", "name": name, "entity": "tester"}
    answer = owner.send(request).json()
    assert "errors" not in answer
    return Run.objects.get(name=name)


def history(*lines: str, offset: Any = 0) -> dict[str, Any]:
    return {"files": {"wandb-history.jsonl": {"offset": offset, "content": list(lines)}}}


def summary(line: str) -> dict[str, Any]:
    return {"files": {"wandb-summary.json": {"offset": 0, "content": [line]}}}


BAD = [
    ("", 400),
    ("{", 400),
    ("[]", 400),
    ("[" * 200_000, 400),
    ('{"a":' * 5000 + "1" + "}" * 5000, 400),
    ({"files": []}, 400),
    ({"files": {"wandb-history.jsonl": []}}, 400),
    ({"files": {"wandb-history.jsonl": {"offset": 0}}}, 400),
    ({"files": {"wandb-history.jsonl": {"offset": 0, "content": "x"}}}, 400),
    ({"files": {"wandb-history.jsonl": {"offset": 0, "content": [1]}}}, 400),
    (history("{}", offset=-1), 400),
    (history("{}", offset="0"), 400),
    (history("{}", offset=True), 400),
    (history("{}", offset=1.5), 400),
    (history("{}", offset=2**60), 400),
    (history("{}", offset=7), 400),
    (history("not json"), 400),
    (history("[]"), 400),
    (history('{"_step": "x"}'), 400),
    (history('{"a":' * 500 + "1" + "}" * 500), 400),
    (summary("not json"), 400),
    (summary("[]"), 400),
    (summary('{"a":' * 5000 + "1" + "}" * 5000), 400),
    (summary('{"a":' + "9" * 5000 + "}"), 400),
    ({"complete": True, "exitcode": "0"}, 400),
    ({"complete": True, "exitcode": 2**40}, 400),
]


@pytest.mark.parametrize(("body", "status"), BAD, ids=[str(body)[:40] for body, _ in BAD])
def test_hopeless_input_is_refused_and_changes_nothing(owner: Replay, body: Any, status: int) -> None:
    run = start(owner)
    before = Run.objects.filter(pk=run.pk).values().get()
    answer = owner.stream("tester/p/r", body)
    assert answer.status_code == status, answer.content
    assert answer.json()["error"]
    assert Run.objects.filter(pk=run.pk).values().get() == before
    assert not list(store.rows(run_id=run.pk, stream=StreamName.HISTORY))


GOOD = [
    {},
    {"files": {}},
    {"files": None},
    {"unknown": 1},
    {"files": {"some-new-file": {"offset": 0, "content": ["x"]}}},
    {"uploaded": ["a"], "dropped": 0, "failed": False, "complete": False},
    history(),
    history('{"_step": 0, "x": NaN, "y": -Infinity}'),
    history('{"_step": 0, "k\\u0000": "a\\u0000\\ud800"}'),
    summary('{"x": NaN, "k\\u0000": "\\ud800", "n": 1e999}'),
    summary('{"x": 1152921504606846977, "y": ' + "9" * 400 + "}"),
    {"files": {"output.log": {"offset": 3, "content": ["a\0b", "\ud800", "x" * 100_000]}}},
    {"complete": True, "exitcode": None},
]


@pytest.mark.parametrize("body", GOOD, ids=[str(body)[:40] for body in GOOD])
def test_odd_but_possible_input_is_stored(owner: Replay, body: Any) -> None:
    start(owner)
    answer = owner.stream("tester/p/r", body)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"exitcode": None, "limits": {}}


def test_numbers_that_are_no_json_come_through(owner: Replay) -> None:
    run = start(owner)
    owner.stream("tester/p/r", history('{"_step": 0, "x": NaN, "y": -Infinity}'))
    (row,) = store.rows(run_id=run.pk, stream=StreamName.HISTORY)
    assert str(row["x"]) == "nan"
    assert row["y"] == float("-inf")


def test_a_compressed_body_is_read_and_a_bomb_is_not(owner: Replay, monkeypatch) -> None:
    run = start(owner)
    body = gzip.compress(json.dumps(history('{"_step": 0}')).encode())
    assert owner.stream("tester/p/r", body, **{"Content-Encoding": "gzip"}).status_code == 200
    run.refresh_from_db()
    assert run.history_lines == 1
    bomb = gzip.compress(b" " * (65 * 1024 * 1024))
    assert owner.stream("tester/p/r", bomb, **{"Content-Encoding": "gzip"}).status_code == 413
    assert owner.stream("tester/p/r", body[:-9], **{"Content-Encoding": "gzip"}).status_code == 400
    assert owner.stream("tester/p/r", b"xx", **{"Content-Encoding": "gzip"}).status_code == 400
    assert owner.stream("tester/p/r", b"{}", **{"Content-Encoding": "br"}).status_code == 415


def test_a_body_that_is_too_large_is_refused_unread(owner: Replay) -> None:
    start(owner)
    assert owner.stream("tester/p/r", b"{}", CONTENT_LENGTH=str(2**30)).status_code == 413


@pytest.mark.parametrize("name", ["é@+ x", "a%b", "a&b=c", "Ж" * 100, "a.b", "..."])
def test_odd_run_ids_find_their_run(owner: Replay, name: str) -> None:
    start(owner, name)
    answer = owner.stream(f"tester/p/{quote(name, safe='')}", history('{"_step": 0}'))
    assert answer.status_code == 200
    assert Run.objects.get(name=name).history_lines == 1


@pytest.mark.parametrize("path", ["tester/p/absent", "tester/absent/r", "absent/p/r", "tester/p/%00", "%00/p/r"])
def test_what_is_not_there_is_404(owner: Replay, path: str) -> None:
    start(owner)
    assert owner.stream(path, {}).status_code == 404


def test_a_teammate_may_write_and_a_stranger_sees_no_run(owner: Replay, teammate: Replay, stranger: Replay) -> None:
    run = start(owner)
    assert stranger.stream("tester/p/r", history('{"_step": 0}')).status_code == 404
    Project.objects.update(visibility="public")
    refusal = stranger.stream("tester/p/r", history('{"_step": 0}'))
    assert (refusal.status_code, "not write there" in refusal.json()["error"]) == (403, True)
    assert teammate.stream("tester/p/r", history('{"_step": 0}')).status_code == 200
    run.refresh_from_db()
    assert run.history_lines == 1


def test_the_stop_button_is_heard_until_the_run_ends(owner: Replay) -> None:
    run = start(owner)
    ingest.run_stop(run_id=run.pk)
    assert owner.stream("tester/p/r", {}).json()["stopped"] is True
    assert "stopped" not in owner.stream("tester/p/r", {"complete": True, "exitcode": 255}).json()


def test_trouble_with_the_database_is_asked_again(owner: Replay, monkeypatch) -> None:
    start(owner)

    def locked(**_: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(ingest, "stream_accept", locked)
    answer = owner.stream("tester/p/r", {})
    assert answer.status_code == 503
    assert answer["Retry-After"] == "2"


def test_only_posts_are_streams(owner: Replay) -> None:
    start(owner)
    headers = {"Authorization": owner.authorization}
    assert owner.client.put("/files/tester/p/r/file_stream", headers=headers).status_code == 405
    assert owner.client.post("/files/tester/p/r/other", headers=headers).status_code == 405


def test_a_steady_request_asks_few_queries(owner: Replay, django_assert_max_num_queries) -> None:
    start(owner)
    owner.stream("tester/p/r", history('{"_step": 0, "x": 1}') | {"files": {}})
    owner.stream("tester/p/r", history('{"_step": 0, "x": 1}'))
    with django_assert_max_num_queries(10 if connection.vendor == "sqlite" else 8):
        answer = owner.stream("tester/p/r", history('{"_step": 1, "x": 1}', offset=1))
    assert answer.status_code == 200


def test_the_run_is_known_by_project_and_name(owner: Replay) -> None:
    run = start(owner)
    assert run.pk == run_id(run.project_id, "r")
