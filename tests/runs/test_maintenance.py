from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from runs import ingest
from runs.bulk import runs_delete
from runs.columns import column_id
from runs.history import store
from runs.ingest import Lines, StreamRequest
from runs.maintenance import deleted_purge, owned_models, tails_seal
from runs.models import Artifact, Level, Run, Scope, State, Stream, StreamName
from runs.states import state_of
from tests.factories import log_artifact, log_run, make_project, make_trials

QUIET = timedelta(minutes=10)


def silent_for(run: Run, silence: timedelta) -> None:
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - silence)


def send(run: Run, first: int, count: int, writer: str = "") -> None:
    lines = [json.dumps({"_step": step, "loss": step / 7}) for step in range(first, first + count)]
    ingest.stream_accept(run_id=run.id, writer=writer, request=StreamRequest(history=Lines(offset=first, lines=lines)))


def unsealed(run: Run) -> int:
    streams = Stream.objects.filter(run=run).exclude(stream=StreamName.CONSOLE)
    return sum(at.lines - at.sealed_lines for at in streams)


def seen(run: Run) -> tuple[list[dict], list[float], State]:
    """What pages show of a run's history, and its state."""
    points = store.read(column_id=column_id(run.project_id, Scope.HISTORY, "loss"), run_ids=[run.id])
    assert isinstance(points, store.Points)
    rows = list(store.rows(run_id=run.id, stream=StreamName.HISTORY))
    return rows, points.y.tolist(), state_of(Run.objects.get(pk=run.pk), timezone.now())


@pytest.mark.django_db
def test_only_silent_runs_are_sealed_and_nothing_that_is_shown_changes() -> None:
    project = make_project()
    runs = [log_run(project, name, [{"loss": i} for i in range(30)], complete=False) for name in ("gone", "slow")]
    gone, slow = runs
    silent_for(gone, QUIET + timedelta(seconds=5))
    silent_for(slow, QUIET - timedelta(seconds=5))
    before = [seen(run) for run in runs]
    changed = Run.objects.get(pk=gone.pk).changed_at
    assert tails_seal(quiet=QUIET) == 1
    assert [unsealed(run) for run in runs] == [0, 30]
    assert [seen(run) for run in runs] == before
    assert before[0][2] == State.CRASHED
    assert Run.objects.get(pk=gone.pk).changed_at == changed
    assert tails_seal(quiet=QUIET) == 0


@pytest.mark.django_db
def test_what_came_after_the_end_of_a_run_is_sealed() -> None:
    run = log_run(make_project(), "shared", [{"loss": i} for i in range(30)])
    send(run, 0, 5, writer="another")
    assert unsealed(run) == 5
    silent_for(run, QUIET * 2)
    assert tails_seal(quiet=QUIET) == 1
    assert (unsealed(run), len(seen(run)[0])) == (0, 35)


@pytest.mark.django_db
def test_console_lines_and_deleted_runs_are_let_be() -> None:
    project = make_project()
    talker, deleted = (
        log_run(project, name, [{"loss": 1}], complete=name == "talker") for name in ("talker", "deleted")
    )
    said = StreamRequest(console=Lines(offset=0, lines=["hello"]))
    ingest.stream_accept(run_id=talker.id, writer="", request=said)
    Run.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    for run in (talker, deleted):
        silent_for(run, QUIET * 2)
    assert tails_seal(quiet=QUIET) == 0


@pytest.mark.django_db
def test_a_late_sign_of_life_brings_a_run_back_and_its_lines_go_on() -> None:
    run = log_run(make_project(), "asleep", [{"loss": i / 7} for i in range(30)], complete=False)
    silent_for(run, QUIET * 2)
    tails_seal(quiet=QUIET)
    ingest.stream_accept(run_id=run.id, writer="", request=StreamRequest())
    assert seen(run)[2] == State.RUNNING
    send(run, 30, 10)
    assert seen(run)[1] == [i / 7 for i in range(40)]
    assert tails_seal(quiet=QUIET) == 0


@pytest.mark.django_db(transaction=True)
def test_a_run_may_log_while_its_tails_are_being_sealed() -> None:
    run = log_run(make_project(), "busy", [{"loss": 0.0}], complete=False)
    failures: list[BaseException] = []
    logged = threading.Event()

    def client() -> None:
        try:
            for first in range(1, 301, 5):
                send(run, first, 5)
        except BaseException as error:
            failures.append(error)
        finally:
            logged.set()
            connection.close()

    def maintain() -> None:
        try:
            while not logged.is_set():
                # However lately it spoke: each pass seals whatever has come by now.
                tails_seal(quiet=-timedelta(hours=1))
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=task) for task in (client, maintain, maintain)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert unsealed(run) < 301
    assert seen(run)[1] == [step / 7 for step in range(301)]
    assert [row["_step"] for row in seen(run)[0]] == list(range(301))


@pytest.mark.django_db
def test_deleted_runs_go_for_good_with_all_their_rows_and_files_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.maintenance._ROWS", 3)
    project = make_project()
    runs = [
        log_run(
            project, name, [{"loss": i} for i in range(1500)], config={"lr": 1}, tags=["x"], complete=name != "live"
        )
        for name in ("kept", "fresh", "old", "live")
    ]
    for run in runs:
        lines = Lines(offset=0, lines=[f"line {i}\n" for i in range(10)])
        ingest.stream_accept(run_id=run.id, writer="", request=StreamRequest(console=lines))
        stored = default_storage.save(f"runs/{run.name}", ContentFile(b"x"))
        ingest.file_stored(run_id=run.id, name="a", stored_as=stored, size=1, md5="", content_type="")
        ingest.file_requested(run_id=run.id, names=["expected"])
        log_artifact(run, {"a": run.name.encode()})
        ingest.run_alert(run_id=run.id, level=Level.INFO, title="t", text="", wait=timedelta())
    make_trials(project, [run.name for run in runs])
    now = timezone.now()
    runs_delete(runs=[runs[1].id], at=now - timedelta(minutes=19))
    runs_delete(runs=[runs[2].id, runs[3].id], at=now - timedelta(minutes=21))
    gone, kept = [run.id for run in runs[2:]], [run.id for run in runs[:2]]
    assert {model.__name__ for model in owned_models()} >= {"HistoryChunk", "HistoryTail", "Rollup", "ConsoleLine"}
    filled = [model for model in owned_models() if model.objects.filter(run__in=gone).exists()]
    assert set(filled) == set(owned_models())
    assert deleted_purge(after=timedelta(minutes=20)) == 2
    assert not any(model.objects.filter(run__in=gone).exists() for model in filled)
    assert set(Run.objects.values_list("id", flat=True)) == set(kept)
    assert default_storage.listdir("runs")[1] == ["fresh", "kept"]
    assert len(seen(runs[0])[0]) == 1500
    assert Artifact.objects.count() == 4, "what a run made outlives it"
    assert deleted_purge(after=timedelta(minutes=20)) == 0
