from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.executor import MigrationExecutor

from runs.columns import column_id
from runs.history import store
from runs.history.tables import LieTogether
from runs.models import HistoryChunk, Rollup, Run
from tests.runs.history.conftest import Bench


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return " ".join(row[3] for row in cursor.fetchall())


@pytest.mark.django_db
def test_rows_of_one_column_are_found_by_its_key_and_by_their_run() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename IN ('runs_rollup', 'runs_historychunk')")
            indexes = " ".join(row[0] for row in cursor.fetchall())
            cursor.execute(
                "SELECT attstorage FROM pg_attribute WHERE attname = 'data' AND attrelid IN "
                "('runs_rollup'::regclass, 'runs_historychunk'::regclass, 'runs_historytail'::regclass)"
            )
            storages = cursor.fetchall()
        assert "(column_id, level, run_id, segment)" in indexes
        assert "(column_id, run_id, writer, first_line, first_step, last_step)" in indexes
        assert storages == [("e",), ("e",), ("e",)]
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pragma_table_list WHERE wr")
        assert not {row[0] for row in cursor.fetchall()} & {"runs_rollup", "runs_historychunk", "runs_historytail"}
        for table in ("runs_rollup", "runs_historychunk", "runs_historytail"):
            cursor.execute("SELECT name FROM pragma_table_info(%s) ORDER BY cid DESC LIMIT 1", [table])
            assert cursor.fetchone() == ("data",), table
    one_level = "SELECT data FROM runs_rollup WHERE column_id = 'a' AND level = 1 AND run_id IN ('b', 'c')"
    assert "USING INDEX runs_rollup_order (column_id=? AND level=? AND run_id=?)" in plan(one_level)
    of_stream = "run_id = 'a' AND stream = 'history' AND writer = ''"
    tail_rows = plan(f"SELECT data FROM runs_historytail WHERE {of_stream} ORDER BY first_line")
    assert "(run_id=? AND stream=? AND writer=?)" in tail_rows
    assert "TEMP B-TREE" not in tail_rows
    one_range = (
        "SELECT data FROM runs_historychunk WHERE column_id = 'a' AND run_id IN ('b', 'c') AND last_step >= 5 "
        "ORDER BY run_id, writer, first_line"
    )
    assert "(column_id=? AND run_id=?)" in plan(one_range)
    assert "TEMP B-TREE" not in plan(one_range)
    assert "(run_id=?)" in plan("SELECT data FROM runs_rollup WHERE run_id = 'a'")
    assert "(run_id=?)" in plan("SELECT data FROM runs_historychunk WHERE run_id = 'a'")


@pytest.mark.django_db
def test_the_models_have_their_migrations() -> None:
    call_command("makemigrations", "runs", check=True, dry_run=True)


@pytest.mark.django_db
def test_a_run_takes_its_history_with_it(bench: Bench, small: None) -> None:
    run = bench.run()
    bench.log(run, [json.dumps({"loss": step, "_step": step}) for step in range(100)])
    assert HistoryChunk.objects.exists()
    Run.objects.filter(id=run.id).delete()
    assert not HistoryChunk.objects.exists()
    assert not Rollup.objects.exists()


@contextmanager
def meanwhile(act: object) -> Iterator[threading.Event]:
    done = threading.Event()

    def work() -> None:
        try:
            act(done)
        finally:
            done.set()
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        done.set()
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_a_reader_sees_each_point_once_while_lines_are_sealed(bench: Bench, small: None) -> None:
    run = bench.run()
    bench.log(run, ['{"loss":0}'])
    column = column_id(bench.project.id, "history", "loss")

    def log(done: threading.Event) -> None:
        for line in range(1, 400):
            if done.is_set():
                return
            bench.log(run, [json.dumps({"loss": line, "_step": line})], offset=line)

    reads = 0
    with meanwhile(log) as done:
        while not done.is_set():
            points = store.read(column_id=column, run_ids=[run.id])
            assert points.y.tolist() == list(range(len(points.y)))
            cells = store.read(column_id=column, run_ids=[run.id], exact_below=0, cells=2)
            assert cells.total.sum() == sum(range(cells.count.sum()))
            reads += 1
    assert reads > 3
    assert len(store.read(column_id=column, run_ids=[run.id]).x) == 400


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's tables are not made anew")
def test_a_table_in_the_order_of_its_key_is_made_anew_with_all_it_holds(bench: Bench, small: None) -> None:
    run = bench.run()
    bench.log(run, [json.dumps({"loss": step, "_step": step}) for step in range(100)])
    before = list(HistoryChunk.objects.order_by("pk").values())
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'runs_historychunk'")
        (create,) = cursor.fetchone()
        head, _, _ = create.partition("PRIMARY KEY")
        cursor.execute("ALTER TABLE runs_historychunk RENAME TO before")
        cursor.execute(f'{head}PRIMARY KEY ("column_id", "run_id", "writer", "first_line")) WITHOUT ROWID')
        cursor.execute("INSERT INTO runs_historychunk SELECT * FROM before")
        cursor.execute("DROP TABLE before")
        assert not indexes(cursor)
    state = MigrationExecutor(connection).loader.project_state()
    with connection.schema_editor() as editor:
        LieTogether("historychunk", ["column_id", "run_id", "writer", "first_line"]).database_forwards(
            "runs", editor, state, state
        )
    assert list(HistoryChunk.objects.order_by("pk").values()) == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pragma_table_list WHERE wr")
        assert "runs_historychunk" not in {row[0] for row in cursor.fetchall()}
        assert len(indexes(cursor)) == 1


def indexes(cursor: CursorWrapper) -> list[str]:
    cursor.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'runs_historychunk' AND sql IS NOT NULL"
    )
    return [name for (name,) in cursor.fetchall()]
