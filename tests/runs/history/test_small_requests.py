"""Requests of a few lines, as a growing run sends them: their tail rows become fewer, and no answer changes."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.history import reader, store, unsealed
from runs.models import HistoryTail, Run
from tests.runs.history.conftest import Bench
from tests.runs.history.test_tail import plain, tables

pytestmark = pytest.mark.django_db

example = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines_of(*steps: int) -> list[str]:
    return [json.dumps({"_step": step, "loss": step / 7} | ({"val": step} if step % 10 == 9 else {})) for step in steps]


def told(run: Run, stream: str) -> list[str]:
    rows = store.rows(run_id=run.id, stream=stream)
    return sorted(plain(dict(sorted(row.items()))) for row in rows)


@pytest.mark.parametrize("size", [1, 7, 20])
def test_a_growing_run_has_few_tail_rows(bench: Bench, size: int) -> None:
    run, at_once, lines = bench.run(), bench.run(), lines_of(*range(700))
    for offset in range(0, len(lines), size):
        bench.log(run, lines[offset : offset + size], offset=offset)
        assert HistoryTail.objects.filter(run=run).count() <= 15
    bench.log(at_once, lines)
    found = HistoryTail.objects.filter(run=run).order_by("first_line").values_list("first_line", "count")
    assert [first for first, _ in found] == [0, *(first + count for first, count in found)][:-1]
    assert told(run, "history") == told(at_once, "history")
    for key in ("loss", "val"):
        points = bench.read([run, at_once], key)
        assert isinstance(points, store.Points)
        half = len(points.x) // 2
        assert points.x[:half].tolist() == points.x[half:].tolist()
        assert points.y[:half].tolist() == points.y[half:].tolist()


def test_repeated_and_overlapping_small_requests_store_each_line_once(bench: Bench) -> None:
    run, lines = bench.run(), lines_of(*range(200))
    for end in range(10, 201, 10):
        for early in (0, max(0, end - 25), end - 10, end - 10):
            bench.log(run, lines[early:end], offset=early)
    assert told(run, "history") == sorted(plain(dict(sorted(json.loads(line).items()))) for line in lines)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("stream", ["history", "events"])
@example
@given(data=st.data())
def test_any_lines_are_the_same_sealed_or_not_in_however_many_requests(
    bench: Bench, data: st.DataObject, stream: str
) -> None:
    rows = data.draw(tables())
    steps = data.draw(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=len(rows), max_size=len(rows)))
    if stream == "history":
        rows = [row | {"_step": step} for row, step in zip(rows, steps, strict=True)]
    lines = [json.dumps(row) for row in rows]
    run, at_once = bench.run(), bench.run()
    bench.log(at_once, lines, stream=stream)
    edges = sorted({0, len(lines), *data.draw(st.lists(st.integers(0, len(lines)), max_size=8))})
    for low, high in zip(edges, edges[1:], strict=False):
        bench.log(run, lines[low:high], offset=low, stream=stream)
    keys = sorted({key for row in rows for key in row})

    def answers() -> list[object]:
        found: list[object] = [told(each, stream) for each in (run, at_once)]
        for key in keys:
            points = store.read(
                column_id=bench.column(key, "history" if stream == "history" else "system"),
                run_ids=[run.id, at_once.id],
            )
            assert isinstance(points, store.Points)
            found += [points.offsets.tolist(), points.x.tobytes(), points.y.tobytes()]
        return found

    before = answers()
    assert before[0] == before[1] == sorted(plain(dict(sorted(row.items()))) for row in rows)
    for each in (run, at_once):
        store.seal(run_id=each.id)
    assert answers() == before


def test_a_damaged_row_is_reported_and_costs_no_other_line(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    run = bench.run()
    bench.log(run, lines_of(0, 1, 2))
    HistoryTail.objects.filter(run=run).update(data=b"nothing")
    for step in range(3, 40):
        bench.log(run, lines_of(step), offset=step)
    assert "is not merged" in caplog.text
    assert [row["_step"] for row in store.rows(run_id=run.id, stream="history")] == list(range(3, 40))
    store.seal(run_id=run.id)
    assert "line 0 is lost" in caplog.text
    assert [row["_step"] for row in store.rows(run_id=run.id, stream="history")] == list(range(3, 40))


def test_a_metric_behind_thousands_of_others_is_known_to_be_logged(bench: Bench) -> None:
    run, other = bench.run(), bench.run()
    many = {f"metric number {i}": i for i in range(2000)}
    bench.log(run, [json.dumps({"_step": 0} | many | {"last": 1})])
    bench.log(other, [json.dumps({"_step": 0} | many | {"last": "text"})])
    assert store.logged(column_id=bench.column("last")) == {run.id}


@pytest.mark.parametrize("kept", [2**24, 0])
def test_charts_of_one_snapshot_share_unsealed_lines_that_are_few(
    bench: Bench, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsealed, "KEPT", kept)
    runs = [bench.run() for _ in range(2)]
    for place, run in enumerate(runs):
        bench.log(run, [json.dumps({"loss": step + place, "acc": step - place, "_step": step}) for step in range(9)])
    read_rows = unsealed.bare
    reads = []

    def counted(sql, parameters):
        reads.append(HistoryTail._meta.db_table in sql)
        return read_rows(sql, parameters)

    monkeypatch.setattr(unsealed, "bare", counted)
    with store.snapshot():
        for key, sign in (("loss", 1), ("acc", -1), ("loss", 1)):
            points = bench.read(runs, key)
            assert points.y.tolist() == [step + sign * place for place in range(2) for step in range(9)]
    assert sum(reads) == (1 if kept else 3)


def test_runs_that_are_read_one_after_the_other_share_unsealed_lines(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "TOGETHER", 1)
    monkeypatch.setattr(reader, "KEPT", 0)
    runs = [bench.run() for _ in range(4)]
    for run in runs:
        bench.log(run, [json.dumps({"loss": step, "_timestamp": 9 + step, "_runtime": step}) for step in range(9)])
    read_rows, reads = unsealed.bare, []

    def counted(sql, parameters):
        reads.append(HistoryTail._meta.db_table in sql)
        return read_rows(sql, parameters)

    monkeypatch.setattr(unsealed, "bare", counted)
    question = {"column_id": bench.column("loss"), "run_ids": [run.id for run in runs]}
    with store.snapshot():
        for x in ("_runtime", "_absolute_runtime"):
            batches = store.paired(**question, x=x)
            for _ in range(2):
                assert [points.y.tolist() for _, points in batches] == [[*range(9)]] * 4
    assert sum(reads) == 1
