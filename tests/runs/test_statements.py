from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from psycopg.pq import TransactionStatus

from projects.models import Project
from runs import ingest
from runs.history.database import Ids, listed
from runs.models import ConsoleLine, HistoryTail, Run, Stream
from runs.statements import Question, deleting, inserting, names_of, opening, send, together, updating
from tests.factories import make_project, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    return make_run(make_project(), "r", summary={"x": float("inf"), "text": "\0"})


def console(run: Run, *texts: str, writer: str = "") -> list[ConsoleLine]:
    return [ConsoleLine(run=run, writer=writer, number=number, text=text) for number, text in enumerate(texts)]


def put(lines: list[ConsoleLine]) -> None:
    send(*inserting(lines, key=["run", "writer", "number"], replacing=["text"]))


def inside_another(change: Callable[[], None]) -> None:
    """In a transaction that has begun already, and is given up then."""
    with transaction.atomic():
        change()
    raise RuntimeError


def test_a_question_is_answered_as_the_orm_does_for_other_values_too(run: Run) -> None:
    def made(project: Any, name: Any, lines: Any) -> QuerySet[Run, tuple]:
        rows = Run.objects.filter(project_id=project, name=name, display_name=name, history_lines__lt=lines)
        return rows.values_list(*names_of(Run), "project__created_at")

    other = make_run(run.project, "running")  # as a constant of a question might be
    Run.objects.filter(pk__in=[run.pk, other.pk]).update(display_name="running")
    Run.objects.filter(pk=other.pk).update(recent=b"\0\xff", name="running")
    question = Question(made, [type(run.project_id), str, int])
    for name, lines in (("running", 1), ("running", 0), ("r", 1), ("", 1), ("running' OR '' = '", 1)):
        expected = list(made(run.project_id, name, lines))
        found = question(run.project_id, name, lines)
        assert [(*row[:-1], row[-1]) for row in found] == expected
        assert len(found) == ((name, lines) == ("running", 1))
    (row,) = question(run.project_id, "running", 1)
    assert Run.from_db("default", names_of(Run), row[:-1]).recent == b"\0\xff"


def test_a_question_makes_its_sql_once(run: Run) -> None:
    made = []

    def make(name: Any) -> QuerySet[Run, tuple]:
        made.append(name)
        return Run.objects.filter(name=name).values_list("name")

    question = Question(make, [str])
    assert [question(name) for name in ("r", "s", "r")] == [[("r",)], [], [("r",)]]
    assert len(made) == 1


def test_questions_asked_together_have_their_own_answers(run: Run) -> None:
    make_run(run.project, "s", summary={"x": 1})
    name = Question(lambda name: Run.objects.filter(name=name).values_list("id", "summary"), [str])
    number = Question(lambda more: Run.objects.filter(last_step__lt=more).order_by("name").values_list("name"), [int])
    none = Question(lambda name: Run.objects.filter(name=name).values_list("id"), [str])
    found = together((name, ["r"]), (none, ["100%"]), (number, [0]))
    assert found == [[(run.id, {"x": float("inf"), "text": "\0"})], [], [("r",), ("s",)]]
    assert together() == []


def test_questions_for_blobs_and_lists_of_ids_are_asked_together_with_others(run: Run) -> None:
    others = [make_run(run.project, name, summary={"x": 1}) for name in ("s", "t")]
    blob = bytes(range(256)) * 400
    key = {"run_id": run.id, "stream": "history", "writer": ""}
    send(*inserting([HistoryTail(**key, first_line=0, count=1, data=blob)]))
    tails = Question(
        lambda runs: HistoryTail.objects.filter(run_id__in=listed(runs)).values_list("run_id", "data"),
        [str],
        blobs=True,
    )
    named = Question(
        lambda runs, name: Run.objects.filter(pk__in=listed(runs), name=name).values_list("id", "summary"), [str, str]
    )
    some = Ids([run.id, others[0].id]).text()
    assert together((tails, [some]), (named, [some, "s"]), (named, [some, "t"]), (tails, [Ids([]).text()])) == [
        [(run.id, blob)],
        [(others[0].id, {"x": 1})],
        [],
        [],
    ]
    assert tails(some) == [(run.id, blob)]


@pytest.mark.django_db(transaction=True)
def test_the_first_question_of_a_request_finds_a_lost_connection_and_makes_a_new_one() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connection to lose")
    make_run(make_project(), "r")
    question = Question(lambda name: Run.objects.filter(name=name).values_list("name"), [str])

    def lose() -> None:
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
        other.close()

    @transaction.atomic
    def in_a_transaction() -> None:
        assert question("r")
        lose()
        opening((question, ["r"]))

    assert opening((question, ["r"])) == [[("r",)]]
    lose()
    assert opening((question, ["r"]), (question, ["s"])) == [[("r",)], []]
    with pytest.raises(OperationalError):  # what the transaction did is gone: it is not for a new connection to go on
        in_a_transaction()
    assert opening((question, ["r"])) == [[("r",)]]


def test_large_blobs_come_between_what_is_before_and_after_them(run: Run) -> None:
    """On PostgreSQL they go by another cursor than the rest."""
    key = {"run_id": run.id, "stream": "history", "writer": ""}
    blobs = [bytes(range(256)) * size for size in (1, 400, 0, 1)]
    rows = [HistoryTail(**key, first_line=at, count=1, data=data) for at, data in enumerate(blobs)]
    send(*inserting(rows[:1]), deleting(HistoryTail, key, since=("first_line", 0)), *inserting(rows[1:]))
    send(*inserting(rows[:1]), updating(HistoryTail, key, {"count": 7}))
    stored = HistoryTail.objects.filter(run=run).order_by("first_line").values_list("data", "count")
    assert [(bytes(data), count) for data, count in stored] == [(data, 7) for data in blobs]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("text", ["short", "long" * 10_000])
def test_the_last_changes_of_a_transaction_are_stored_with_it_or_not_at_all(text: str) -> None:
    run = make_run(make_project(), "r")
    row = HistoryTail(run=run, stream="history", writer="", first_line=0, count=1, data=text.encode())

    with pytest.raises(RuntimeError), transaction.atomic():
        inside_another(lambda: send(*inserting(console(run, "undone")), *inserting([row]), last=True))
    assert not ConsoleLine.objects.exists()
    with transaction.atomic():
        send(*inserting(console(run, text)), *inserting([row]), last=True)
        if connection.vendor == "postgresql":
            # There is nothing to wait for any more.
            assert connection.connection.info.transaction_status == TransactionStatus.IDLE
    assert (ConsoleLine.objects.get().text, bytes(HistoryTail.objects.get().data)) == (text, text.encode())
    with pytest.raises(IntegrityError), transaction.atomic():
        send(*inserting(console(run, "new", writer="w")), *inserting([row]), last=True)
    with pytest.raises(IntegrityError), transaction.atomic():  # which foreign keys are looked at when it ends
        send(*inserting(console(Run(id=uuid.uuid4()), "of no run")), last=True)
    assert ConsoleLine.objects.count() == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite locks the whole database")
def test_only_the_rows_asked_for_are_locked(run: Run) -> None:
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        ingest.stream_accept(run_id=run.id, writer="", request=ingest.StreamRequest())
    assert sum('FOR UPDATE OF "runs_run"' in query["sql"] for query in queries) == 1


def test_an_update_sets_what_it_names_of_the_row_it_names(run: Run) -> None:
    other = make_run(run.project, "other")
    value = {"a": [1, None, float("-inf"), "\0"], "100%": "%s"}
    send(updating(Run, {"id": run.pk}, {"summary": value, "recent": b"\xff\0", "exit_code": None, "group": "g"}))
    run.refresh_from_db()
    assert (run.summary, bytes(run.recent), run.exit_code, run.group) == (value, b"\xff\0", None, "g")
    assert run.group_start == "g"
    other.refresh_from_db()
    assert (other.summary, other.group) == ({}, "")


def test_rows_that_are_there_are_replaced_field_by_field(run: Run) -> None:
    texts = [f"line {number}" for number in range(1200)]
    put(console(run, *texts))
    put(console(run, "new", "", "%s"))
    put(console(run, "theirs", writer="w"))
    put([])
    stored = ConsoleLine.objects.filter(run=run).order_by("writer", "number").values_list("writer", "text")
    assert list(stored) == [("", text) for text in ["new", "", "%s", *texts[3:]]] + [("w", "theirs")]


def test_rows_go_from_a_number_on_and_no_others(run: Run) -> None:
    key = {"run_id": run.id, "stream": "history", "writer": ""}
    for writer, first_line in (("", 0), ("", 16), ("", 20), ("w", 20)):
        row = HistoryTail(run=run, stream="history", writer=writer, first_line=first_line, count=1, data=b"\0\xff")
        send(*inserting([row]))
    send(deleting(HistoryTail, key, since=("first_line", 16)))
    left = HistoryTail.objects.filter(run=run).order_by("writer").values_list("writer", "first_line")
    assert list(left) == [("", 0), ("w", 20)]


def test_what_a_run_said_is_there_whole_after_each_request(run: Run) -> None:
    """Deferred fields of what was read by questions come from the database, not from thin air."""
    lines = [json.dumps({"_step": step, "x": step}) for step in range(3)]
    said = ingest.StreamRequest(history=ingest.Lines(offset=0, lines=lines), summary={"x": 2})
    stored = ingest.stream_accept(run_id=run.id, writer="", request=said)
    fresh = Run.objects.get(pk=run.pk)
    for name in names_of(Run):
        assert getattr(stored, name) == getattr(fresh, name), name
    assert stored.project == Project.objects.get(pk=run.project_id)
    assert stored.project.name == fresh.project.name
    assert Stream.objects.get(run=run).lines == 3
