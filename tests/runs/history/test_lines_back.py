from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.history import store
from runs.models import HistoryChunk, HistoryTail, Rollup, Stream
from tests.runs.history.conftest import Bench
from tests.runs.history.test_read import check, histories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("small")]

example = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def plain_rows(lines: list[str]) -> list[dict[str, object]]:
    from tests.runs.history.plainly import flat

    return [flat(json.loads(line)) for line in lines]


def text(rows: list[dict[str, object]]) -> list[str]:
    return [json.dumps(row, sort_keys=True).replace(".0,", ",").replace(".0}", "}") for row in rows]


@example
@given(data=st.data())
def test_whole_lines_come_back_in_order_of_step(bench: Bench, data: st.DataObject) -> None:
    run, lines = bench.run(), data.draw(histories())
    cut = data.draw(st.integers(0, len(lines)))
    bench.log(run, lines[:cut])
    bench.log(run, lines[cut:], offset=cut)
    low, end = (data.draw(st.one_of(st.none(), st.integers(-100, 10_000))) for _ in range(2))
    wanted = [
        row
        for row in sorted(plain_rows(lines), key=lambda row: row["_step"])
        if (low is None or row["_step"] >= low) and (end is None or row["_step"] < end)
    ]
    found = store.rows(run_id=run.id, stream="history", min_step=low, max_step=end)
    assert text(list(found)) == text(wanted)
    found = store.rows(run_id=run.id, stream="history", min_step=low, max_step=end, keys=["loss", "loss.deep"])
    some = [{key: value for key, value in row.items() if key.startswith("loss")} for row in wanted]
    assert text(list(found)) == text([row for row in some if row])


def test_writers_lines_are_put_together_by_step(bench: Bench) -> None:
    run = bench.run()
    for writer in ("b", "a"):
        for offset in range(0, 60, 20):
            lines = [json.dumps({"who": writer, "_step": step}) for step in range(offset, offset + 20)]
            bench.log(run, lines, offset=offset, writer=writer)
    found = [(row["_step"], row["who"]) for row in store.rows(run_id=run.id, stream="history")]
    assert found == [(step, writer) for step in range(60) for writer in ("a", "b")]


@pytest.mark.parametrize("seal", [False, True])
def test_the_last_lines_are_told_sealed_or_not(bench: Bench, seal: bool) -> None:
    run = bench.run()
    assert store.tail_lines(run_id=run.id, stream="history") == []
    lines = [json.dumps({"a": {"b": step}, "_step": step, "bad": float("nan")}) for step in range(50)]
    bench.log(run, lines)
    bench.log(run, ['{"_step":7,"z":1}'], offset=50)
    if seal:
        store.seal(run_id=run.id)
    last = store.tail_lines(run_id=run.id, stream="history", count=3)
    assert [json.loads(line)["_step"] for line in last] == [48, 49, 7]
    assert '"bad":NaN' in last[0]
    assert len(store.tail_lines(run_id=run.id, stream="history", count=1000)) == 51
    assert store.tail_lines(run_id=bench.run().id, stream="history", count=2) == []


@example
@given(data=st.data())
def test_truncating_leaves_a_run_that_never_logged_the_rest(bench: Bench, data: st.DataObject) -> None:
    run, lines = bench.run(), data.draw(histories())
    cut = data.draw(st.integers(0, len(lines)))
    bench.log(run, lines[:cut])
    bench.log(run, lines[cut:], offset=cut)
    after_step = data.draw(st.one_of(st.integers(-200, 2000), st.integers(-(10**7), 10**7)))
    store.truncate(run=run, after_step=after_step)

    kept = [row for row in plain_rows(lines) if row["_step"] <= after_step]
    assert run.history_lines == len(kept)
    assert run.last_step == max((row["_step"] for row in kept), default=-1)
    run.refresh_from_db()
    assert run.history_lines == len(kept)
    bench.log(run, ['{"loss":1,"_step":20000000}'], offset=len(kept))
    kept.append({"loss": 1, "_step": 20_000_000})
    rows = list(store.rows(run_id=run.id, stream="history"))
    assert text(rows) == text(sorted(kept, key=lambda row: row["_step"]))
    points = [(row["_step"], float(row["loss"])) for row in rows if type(row.get("loss")) in (int, float)]
    check(bench.read([run], exact_below=10, cells=30), [points], 10)


def test_truncating_everything_leaves_nothing(bench: Bench) -> None:
    run = bench.run()
    bench.log(run, [json.dumps({"loss": step, "_step": step}) for step in range(100)])
    store.truncate(run=run, after_step=-1)
    for table in (HistoryTail, HistoryChunk, Rollup):
        assert not table.objects.filter(run=run).exists()
    assert Stream.objects.get(run=run).lines == 0
    assert (run.history_lines, run.last_step) == (0, -1)


def test_truncating_twice_is_truncating_once(bench: Bench) -> None:
    run = bench.run()
    bench.log(run, [json.dumps({"loss": step, "_step": step}) for step in range(100)])
    for _ in range(2):
        store.truncate(run=run, after_step=41)
        assert run.history_lines == 42
    assert [row["loss"] for row in store.rows(run_id=run.id, stream="history")] == list(range(42))
