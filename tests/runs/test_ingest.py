from __future__ import annotations

import json
import math
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from projects.models import Project
from runs import ingest
from runs.history import store
from runs.history.store import LinesRefused
from runs.ingest import Lines, RunChange, RunDeleted, RunMissing, StreamRequest
from runs.models import Column, Kind, Run, Scope, State, Stream, StreamName
from tests.factories import make_project, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


def upsert(project: Project, name: str = "r", writer: str = "", **said: Any) -> ingest.Upserted:
    return ingest.run_upsert(
        project_id=project.id, name=name, user_name="me", change=RunChange(**said), writer=writer,
        starts="host" in said, overwrites="host" in said and not writer,
    )  # fmt: skip


def stream(run: Run, writer: str = "", **parts: Any) -> Run:
    return ingest.stream_accept(run_id=run.id, writer=writer, request=StreamRequest(**parts))


def history(*steps: int, offset: int = 0, **values: Any) -> Lines:
    return Lines(offset=offset, lines=[json.dumps({"_step": step, "x": step} | values) for step in steps])


def steps_of(run: Run) -> list[int]:
    return [row["_step"] for row in store.rows(run_id=run.id, stream=StreamName.HISTORY)]


def values_of(run: Run, scope: Scope) -> dict[str, str]:
    return dict(run.column_values.filter(column__scope=scope).values_list("column__key", "token"))


def long_ago(run: Run) -> None:
    past = timezone.now() - timedelta(hours=1)
    Run.objects.filter(pk=run.pk).update(heartbeat_at=past, changed_at=past)


class TestUpsert:
    def test_the_same_name_is_the_same_run(self, project: Project) -> None:
        first, second = upsert(project), upsert(project)
        assert (first.inserted, second.inserted) == (True, False)
        assert first.run.pk == second.run.pk

    def test_none_keeps_and_a_value_replaces(self, project: Project) -> None:
        upsert(project, group="g", notes="n", tags=["a", "b"], config={"lr": 1}, display_name="shown")
        run = upsert(project, notes="", tags=["b", "c"]).run
        run.refresh_from_db()
        assert (run.group, run.notes, run.tags, run.config, run.display_name) == (
            "g",
            "",
            ["b", "c"],
            {"lr": 1},
            "shown",
        )
        assert set(run.tag_rows.values_list("tag", flat=True)) == {"b", "c"}

    def test_a_run_without_a_name_to_show_gets_one_that_stays(self, project: Project) -> None:
        first = upsert(project).run.display_name
        assert len(first.split("-")) == 3
        assert upsert(project, display_name="").run.display_name == first

    def test_config_is_replaced_as_a_whole_with_its_columns(self, project: Project) -> None:
        upsert(project, config={"lr": 0.1, "opt": {"name": "adam", "eps": 1}, "gone": True})
        run = upsert(project, config={"lr": 0.2, "opt": {"name": "adam"}, "new": None}).run
        assert values_of(run, Scope.CONFIG) == {"lr": "n:0.2", "opt.name": "s:adam", "new": "z:"}

    def test_columns_are_made_once_and_widened_by_new_kinds(self, project: Project) -> None:
        upsert(project, "a", config={"x": 1})
        upsert(project, "b", config={"x": "text"})
        upsert(project, "b", config={"x": None})
        column = Column.objects.get(project=project, scope=Scope.CONFIG, key="x")
        assert column.kinds == Kind.NUMBER | Kind.TEXT | Kind.NULL

    def test_an_unchanged_config_writes_no_columns(self, project: Project, django_assert_max_num_queries) -> None:
        config = {f"k{i}": i for i in range(50)}
        upsert(project, config=config)
        with django_assert_max_num_queries(6) as queries:
            upsert(project, config=config | {"k0": 0})
        assert not any("columnvalue" in query["sql"] for query in queries)

    def test_what_writers_say_of_their_machines_is_merged(self, project: Project) -> None:
        upsert(project, client_info={"t": 1, "m": [1], "e": {"one": {"os": "Linux"}}})
        run = upsert(project, client_info={"t": 2, "m": [], "e": {"two": {}}}).run
        assert run.client_info == {"t": 2, "m": [], "e": {"one": {"os": "Linux"}, "two": {}}}

    def test_in_shared_mode_a_writer_adds_to_what_the_others_said(self, project: Project) -> None:
        upsert(project, writer="one", config={"lr": 1}, client_info={"m": [1], "e": {"one": {}}})
        run = upsert(project, writer="two", config={"rank": 2}, client_info={"m": []}).run
        assert run.config == {"lr": 1, "rank": 2}
        assert run.client_info == {"m": [1], "e": {"one": {}}}

    def test_texts_lose_what_no_database_keeps(self, project: Project) -> None:
        run = upsert(project, notes="a\0b\ud800", tags=["\0"], config={"k\0": "\udfff"}).run
        run.refresh_from_db()
        assert (run.notes, run.tags) == ("a\ufffdb\ufffd", ["\ufffd"])
        assert run.config == {"k\0": "\udfff"}

    def test_a_deleted_run_is_not_written_to(self, project: Project) -> None:
        run = make_run(project, "r", deleted_at=timezone.now())
        with pytest.raises(RunDeleted):
            upsert(project)
        with pytest.raises(RunMissing):
            stream(run)

    def test_a_start_opens_an_ended_run_and_other_changes_do_not(self, project: Project) -> None:
        run = upsert(project, host="h").run
        stream(run, complete=True, exit_code=1)
        assert upsert(project, notes="n").run.state == State.FAILED
        reopened = upsert(project, host="h").run
        assert (reopened.state, reopened.exit_code, reopened.ended_at) == (State.RUNNING, None, None)

    def test_a_change_from_outside_is_no_sign_of_life(self, project: Project) -> None:
        run = upsert(project, host="h").run
        long_ago(run)
        changed = ingest.run_change(run_id=run.id, change=RunChange(notes="n"))
        assert changed.heartbeat_at < timezone.now() - timedelta(minutes=30)
        assert changed.changed_at > timezone.now() - timedelta(minutes=1)


class TestStream:
    def test_a_repeated_request_changes_nothing(self, project: Project) -> None:
        run = upsert(project).run
        for _ in range(2):
            stream(run, history=history(0, 1), events=Lines(offset=0, lines=['{"system.cpu": 1}']))
            stream(run, history=history(2, 3, offset=2), complete=True)
        run.refresh_from_db()
        assert steps_of(run) == [0, 1, 2, 3]
        assert (run.history_lines, run.last_step, run.state) == (4, 3, State.FINISHED)

    def test_a_gap_in_the_history_is_refused_and_nothing_else_of_the_request_is_kept(self, project: Project) -> None:
        run = upsert(project).run
        with pytest.raises(LinesRefused):
            stream(run, history=history(5, offset=5), summary={"x": 1}, console=Lines(offset=0, lines=["a"]))
        run.refresh_from_db()
        assert (run.summary, run.console_lines.count(), run.history_lines) == ({}, 0, 0)

    def test_summary_is_replaced_as_a_whole_with_its_columns(self, project: Project) -> None:
        run = upsert(project).run
        stream(run, summary={"loss": 1.5, "acc": {"max": 1}, "_wandb": {"runtime": 3}})
        stream(run, summary={"loss": float("nan"), "_wandb": {"runtime": 4}})
        run.refresh_from_db()
        assert values_of(run, Scope.SUMMARY) == {"loss": "n:nan"}
        assert run.summary["_wandb"] == {"runtime": 4}

    def test_in_shared_mode_summaries_are_merged_and_lines_kept_apart(self, project: Project) -> None:
        run = upsert(project, writer="one").run
        stream(run, "one", summary={"a": 1}, history=history(0, 1), console=Lines(offset=0, lines=["one"]))
        stream(run, "two", summary={"b": 2}, history=history(0), console=Lines(offset=0, lines=["two"]))
        run.refresh_from_db()
        assert run.summary == {"a": 1, "b": 2}
        assert run.history_lines == 3
        assert sorted(run.console_lines.values_list("writer", "text")) == [("one", "one"), ("two", "two")]

    def test_console_lines_are_put_at_their_number(self, project: Project) -> None:
        run = upsert(project).run
        stream(run, console=Lines(offset=0, lines=["10 %", "b\n"]))
        stream(run, console=Lines(offset=5, lines=["f"]))
        stream(run, console=Lines(offset=0, lines=["100 %"]))
        assert list(run.console_lines.order_by("number").values_list("number", "text")) == [
            (0, "100 %"), (1, "b"), (5, "f"),
        ]  # fmt: skip
        assert Stream.objects.get(run=run, stream=StreamName.CONSOLE).lines == 6

    def test_a_bare_sign_of_life_moves_the_heartbeat_only(self, project: Project) -> None:
        run = upsert(project).run
        long_ago(run)
        stream(run)
        run.refresh_from_db()
        minute_ago = timezone.now() - timedelta(minutes=1)
        assert run.heartbeat_at > minute_ago > run.changed_at

    @pytest.mark.parametrize(
        "parts",
        [
            {"history": history(0)},
            {"summary": {"x": 1}},
            {"console": Lines(offset=0, lines=["a"])},
            {"complete": True},
            {"preempting": True},
        ],
    )
    def test_what_a_page_shows_moves_changed_at(self, project: Project, parts: dict[str, Any]) -> None:
        run = upsert(project).run
        long_ago(run)
        stream(run, **parts)
        run.refresh_from_db()
        assert run.changed_at > timezone.now() - timedelta(minutes=1)

    def test_new_data_opens_an_ended_run_and_repeated_data_does_not(self, project: Project) -> None:
        run = upsert(project).run
        stream(run, history=history(0), summary={"x": float("nan")})
        stream(run, complete=True, exit_code=3)
        assert stream(run, history=history(0), summary={"x": float("nan")}).state == State.FAILED
        assert stream(run, history=history(1, offset=1)).state == State.RUNNING

    def test_in_shared_mode_the_other_writers_do_not_open_an_ended_run(self, project: Project) -> None:
        run = upsert(project, writer="one", host="h").run
        stream(run, "one", complete=True)
        assert stream(run, "two", history=history(0), summary={"x": 1}).state == State.FINISHED
        assert upsert(project, writer="one", host="h").run.state == State.RUNNING

    def test_a_repeated_end_keeps_the_first_time(self, project: Project) -> None:
        run = upsert(project).run
        ended = stream(run, complete=True).ended_at
        assert stream(run, complete=True).ended_at == ended

    def test_preemption_is_remembered_until_the_end(self, project: Project) -> None:
        run = upsert(project).run
        assert stream(run, preempting=True).state == State.PREEMPTING
        assert stream(run, history=history(0)).state == State.PREEMPTING
        assert stream(run, complete=True, exit_code=1).state == State.PREEMPTED
        assert stream(run, complete=True, exit_code=1).state == State.PREEMPTED

    def test_a_stopped_run_ends_killed_and_a_new_start_forgets_the_stop(self, project: Project) -> None:
        run = upsert(project, host="h").run
        assert ingest.run_stop(run_id=run.id).stop_requested
        assert stream(run, complete=True, exit_code=255).state == State.KILLED
        assert not upsert(project, host="h").run.stop_requested

    def test_an_ended_run_is_not_stopped(self, project: Project) -> None:
        run = upsert(project).run
        stream(run, complete=True)
        assert not ingest.run_stop(run_id=run.id).stop_requested

    def test_a_steady_request_asks_few_queries(self, project: Project, django_assert_max_num_queries) -> None:
        run = upsert(project).run
        stream(run, history=history(0), summary={"x": 0}, console=Lines(offset=0, lines=["a"]))
        with django_assert_max_num_queries(12 if connection.vendor == "sqlite" else 9):
            stream(run, history=history(1, offset=1), summary={"x": 1}, console=Lines(offset=1, lines=["b"]))


class TestStartedAnew:
    """The same id without resume: what was there goes when the first new line arrives, not before."""

    def test_old_lines_go_with_the_first_new_one(self, project: Project) -> None:
        run = upsert(project, host="h").run
        stream(run, history=history(0, 1, 2), console=Lines(offset=0, lines=["a", "b"]))
        assert upsert(project, host="h").history_lines == 0
        assert steps_of(run) == [0, 1, 2]
        stream(run, history=history(0, x=7), console=Lines(offset=0, lines=["c"]))
        run.refresh_from_db()
        assert steps_of(run) == [0]
        assert (run.history_lines, run.last_step) == (1, 0)
        assert list(run.console_lines.values_list("text", flat=True)) == ["c"]
        stream(run, history=history(0, x=7))
        stream(run, history=history(1, offset=1))
        assert steps_of(run) == [0, 1]

    def test_a_start_repeated_before_any_line_marks_nothing(self, project: Project) -> None:
        upsert(project, host="h")
        upsert(project, host="h")
        assert not Stream.objects.filter(restart=True).exists()

    def test_a_belated_start_does_no_harm_to_a_run_that_goes_on(self, project: Project) -> None:
        run = upsert(project, host="h").run
        stream(run, history=history(0, 1), console=Lines(offset=0, lines=["a", "b"]))
        upsert(project, host="h")
        stream(run, history=history(2, offset=2), console=Lines(offset=1, lines=["B"]))
        stream(run, console=Lines(offset=0, lines=["A"]))
        assert steps_of(run) == [0, 1, 2]
        assert list(run.console_lines.order_by("number").values_list("text", flat=True)) == ["A", "B"]

    def test_what_comes_late_of_the_former_process_is_not_taken_for_the_new_one(self, project: Project) -> None:
        run = upsert(project, host="h").run
        stream(run, history=history(0), digest=b"former-1")
        stream(run, history=history(1, offset=1), digest=b"former-2")
        upsert(project, host="h")
        stream(run, history=history(1, offset=1), digest=b"former-2")
        stream(run, history=history(0, x=7), digest=b"anew---1")
        stream(run, history=history(1, offset=1, x=7), digest=b"anew---2")
        assert [row["x"] for row in store.rows(run_id=run.id, stream=StreamName.HISTORY)] == [7, 7]

    def test_what_comes_late_a_second_time_sets_nothing_back(self, project: Project) -> None:
        run = upsert(project, host="h").run
        late: dict[str, Any] = {
            "history": history(0), "console": Lines(offset=0, lines=["half"]), "summary": {"n": 1},
            "digest": b"late----",
        }  # fmt: skip
        stream(run, **late)
        newer = {"console": Lines(offset=0, lines=["half a line"]), "summary": {"n": 2}, "complete": True}
        stream(run, **newer, digest=b"newer---")
        stream(run, **late)
        run.refresh_from_db()
        assert (run.state, run.summary, run.history_lines) == (State.FINISHED, {"n": 2}, 1)
        assert list(run.console_lines.values_list("text", flat=True)) == ["half a line"]

    def test_values_of_every_kind_go_along_with_lines_of_any_size(self, project: Project) -> None:
        """PostgreSQL takes them in another way when there are large blobs among them."""
        said = {"n": 1, "f": 0.5, "nan": math.nan, "t": "text", "z": "\0", "b": True, "l": [1], "o": {"x": None}}
        found = []
        for count in (1, 300):
            run = upsert(project, name=f"of {count}", host="h").run
            lines = Lines(offset=0, lines=[f"line {number}" for number in range(count)])
            stream(run, history=history(*range(count)), events=history(*range(count)), console=lines)
            for summary in ({"n": "text", "gone": 1}, said):
                stream(run, history=history(*range(count), offset=count), summary=summary, console=lines)
            run.refresh_from_db()
            columns = run.column_values.filter(column__scope=Scope.SUMMARY).order_by("column__key")
            found.append([row if row[1] == row[1] else (row[0], "nan", *row[2:]) for row in columns.values_list(
                "kind", "number", "token", "text", "column__key")])  # fmt: skip
            assert run.console_lines.count() == count
            assert (run.history_lines, steps_of(run)) == (2 * count, sorted([*range(count)] * 2))
            assert store.tail_lines(run_id=run.id, stream=StreamName.EVENTS)
            assert run.last_step == count - 1
        assert found[0] == found[1]
        assert len(found[0]) == 8

    def test_a_preemption_that_is_told_late_does_not_open_a_run_that_ended_of_it(self, project: Project) -> None:
        run = upsert(project, host="h").run
        stream(run, preempting=True)
        stream(run, complete=True, exit_code=1)
        assert stream(run, preempting=True).state == State.PREEMPTED
        assert stream(run, preempting=True, history=history(0)).state == State.PREEMPTING

    def test_a_request_without_lines_may_be_the_same_as_an_earlier_one(self, project: Project) -> None:
        run = upsert(project, host="h").run
        for n in (1, 2, 1):
            stream(run, summary={"n": n}, digest=bytes([n] * 8))
        run.refresh_from_db()
        assert run.summary == {"n": 1}

    def test_a_second_sync_of_the_very_same_requests_stores_them(self, project: Project) -> None:
        for _ in range(2):
            run = upsert(project, host="h").run
            stream(run, history=history(0), digest=b"sent---1")
            stream(run, history=history(1, offset=1), digest=b"sent---2")
            stream(run, complete=True, digest=b"sent---3")
        run.refresh_from_db()
        assert (steps_of(run), run.history_lines, run.state) == ([0, 1], 2, State.FINISHED)

    def test_a_later_upsert_and_a_resume_answer_the_true_count(self, project: Project) -> None:
        run = upsert(project, host="h").run
        stream(run, history=history(0, 1))
        assert upsert(project, notes="n").history_lines == 2
        resumed = ingest.run_upsert(
            project_id=project.id, name="r", user_name="me", change=RunChange(host="h"), starts=True
        )
        assert resumed.history_lines == 2

    def test_shared_writers_start_one_run_without_resetting_it(self, project: Project) -> None:
        run = upsert(project, writer="one", host="h").run
        stream(run, "one", history=history(0))
        assert upsert(project, writer="two", host="h").history_lines == 0
        assert upsert(project, writer="one", host="h").history_lines == 1
        stream(run, "two", history=history(0))
        assert steps_of(run) == [0, 0]

    def test_a_run_begun_anew_alone_forgets_the_lines_of_all_its_writers(self, project: Project) -> None:
        run = upsert(project, writer="one", host="h").run
        stream(run, "one", history=history(0, 1))
        upsert(project, host="h")
        stream(run, history=history(0))
        run.refresh_from_db()
        assert steps_of(run) == [0]
        assert run.history_lines == 1


def test_a_rewound_run_keeps_its_history_up_to_the_step(project: Project) -> None:
    run = upsert(project).run
    stream(run, history=history(0, 1, 2, 3), console=Lines(offset=0, lines=["a", "b"]))
    rewound = ingest.run_rewind(run_id=run.id, after_step=1)
    assert (rewound.history_lines, rewound.last_step) == (2, 1)
    stream(run, history=history(2, offset=2), console=Lines(offset=0, lines=["c"]))
    assert steps_of(run) == [0, 1, 2]
    assert list(run.console_lines.values_list("text", flat=True)) == ["c"]


def test_a_file_counts_when_its_bytes_are_there_and_a_new_one_replaces_it(project: Project) -> None:
    run = upsert(project).run
    ingest.file_requested(run_id=run.id, names=["a.txt", "a.txt", "b.txt"])
    assert list(run.files.order_by("name").values_list("name", "size")) == [("a.txt", None), ("b.txt", None)]
    said = {"run_id": run.id, "name": "a.txt", "md5": "", "content_type": "text/plain"}
    assert ingest.file_stored(stored_as="one", size=1, **said) == ""
    assert ingest.file_stored(stored_as="two", size=2, **said) == "one"
    ingest.file_requested(run_id=run.id, names=["a.txt"])
    assert run.files.get(name="a.txt").size == 2
    with pytest.raises(RunMissing):
        ingest.file_stored(stored_as="x", size=1, **said | {"run_id": uuid.uuid4()})


@pytest.mark.django_db(transaction=True)
def test_many_starts_at_once_make_one_run() -> None:
    project = make_project()
    outcomes: list[Any] = []

    def start() -> None:
        try:
            outcomes.append(upsert(project, host="h", config={"lr": 1}).inserted)
        except Exception as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [False] * 5 + [True]
    assert Run.objects.count() == 1
