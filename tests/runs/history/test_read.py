from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.history import reader, rollup, store
from runs.models import HistoryChunk, HistoryTail, Rollup, Run
from tests.runs.history import plainly
from tests.runs.history.conftest import Bench, joined

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("small")]

example = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

NUMBERS = st.one_of(
    st.floats(-1e3, 1e3),
    st.integers(-(2**60), 2**60),
    st.sampled_from([float("nan"), float("inf"), float("-inf"), -0.0, 0.1]),
)
ANY = st.one_of(NUMBERS, NUMBERS, NUMBERS, st.sampled_from([None, True, "text", [1], {"_type": "x"}, {"deep": 1}]))
LEAPS = st.sampled_from([1, 1, 1, 1, 0, -3, 5, 40, 1000, 3_000_000, -5000])


@st.composite
def histories(draw: st.DrawFn) -> list[str]:
    """Lines of one run: steps that go on, leap, repeat or fall; a metric that is mostly there."""
    leaps = draw(st.one_of(st.lists(LEAPS, max_size=70), st.lists(st.just(draw(LEAPS)), min_size=30, max_size=120)))
    values = draw(st.lists(ANY, min_size=1, max_size=12))
    rare = draw(st.integers(1, 5))
    step, lines = draw(st.integers(-100, 100)), []
    for line, leap in enumerate(leaps):
        row: dict[str, Any] = {"_step": step, "other": line % 7 - step % 3}
        if line % rare == 0:
            row["loss"] = values[line % len(values)]
        lines.append(json.dumps(row))
        step += leap
    return lines


@st.composite
def requests(draw: st.DrawFn, lines: list[str]) -> list[tuple[int, list[str]]]:
    """The lines in pieces, some of them again or overlapping."""
    cuts = sorted(draw(st.lists(st.integers(0, len(lines)), max_size=6)))
    edges = [0, *cuts, len(lines)]
    pieces = []
    for begin, end in zip(edges, edges[1:], strict=False):
        early = draw(st.integers(0, begin))
        pieces += [(early, lines[early:end])] * draw(st.integers(1, 2))
    return pieces


def logged(bench: Bench, data: st.DataObject) -> tuple[Run, list[str]]:
    lines = data.draw(histories())
    run = bench.run()
    for offset, piece in data.draw(requests(lines)):
        bench.log(run, piece, offset=offset)
        if data.draw(st.booleans()):
            store.seal(run_id=run.id)
    return run, lines


def check(answer: store.Points | store.Cells, wanted: list[list[tuple[int, float]]], exact_below: int) -> None:
    """The answer is what the runs' (step, value) in range say."""
    if isinstance(answer, store.Points):
        assert answer.offsets.tolist() == np.cumsum([0, *map(len, wanted)]).tolist()
        together = [pair for points in wanted for pair in points]
        assert answer.x.tolist() == [float(step) for step, _ in together]
        assert plainly.bits(answer.y) == plainly.bits([value for _, value in together])
        return
    buckets = answer.count.shape[1]
    for place, points in enumerate(wanted):
        slow = plainly.cells(points, answer.start, answer.width, buckets)
        assert answer.count[place].tolist() == slow["count"]
        assert answer.nonfinite[place].tolist() == slow["nonfinite"]
        if answer.low is not None and answer.high is not None:
            np.testing.assert_array_equal(answer.low[place], slow["low"])
            np.testing.assert_array_equal(answer.high[place], slow["high"])
        assert (np.abs(answer.total[place] - slow["total"]) <= 1e-9 * np.array(slow["size"])).all()


@example
@given(data=st.data())
def test_a_read_is_what_plain_python_says_however_the_lines_came(bench: Bench, data: st.DataObject) -> None:
    runs, lines = zip(*(logged(bench, data) for _ in range(data.draw(st.integers(1, 3)))), strict=True)
    border = st.one_of(st.none(), st.integers(-200, 6000), st.floats(-200, 6000), st.integers(-(10**9), 10**9))
    lo, hi = data.draw(border), data.draw(border)
    exact_below, cells = data.draw(st.integers(0, 80)), data.draw(st.sampled_from([1, 2, 3, 7, 50, 1000]))
    spread = data.draw(st.booleans())
    answer = bench.read(runs, lo=lo, hi=hi, exact_below=exact_below, cells=cells, spread=spread)

    inside = [plainly.points(list(of_run), "loss", lo, hi) for of_run in lines]
    assert isinstance(answer, store.Points) == (max(map(len, inside)) <= exact_below)
    if isinstance(answer, store.Points):
        check(answer, inside, exact_below)
        return
    assert (answer.low is not None, answer.high is not None) == (spread, spread)
    # Buckets are whole at the ends of the range, and the finest that are few enough.
    every = [plainly.points(list(of_run), "loss") for of_run in lines]
    check(answer, every, exact_below)
    steps = [step for points in every for step, _ in points]
    low = min(steps) if lo is None else max(min(steps), int(np.ceil(lo)))
    high = max(steps) if hi is None else min(max(steps), int(np.floor(hi)))
    width = 1
    while high // width - low // width + 1 > max(cells, 2):
        width *= 2
    assert (answer.width, answer.start) == (width, low // width * width)
    assert answer.count.shape == (len(runs), high // width - low // width + 1)


@example
@given(data=st.data())
def test_least_greatest_and_first_are_those_of_the_finite_points(bench: Bench, data: st.DataObject) -> None:
    runs, lines = zip(*(logged(bench, data) for _ in range(data.draw(st.integers(1, 3)))), strict=True)
    asked = {"column_id": bench.column("loss"), "run_ids": [*(run.id for run in runs), bench.column("no run")]}
    of_runs = [[y for _, y in plainly.points(list(of_run), "loss") if np.isfinite(y)] for of_run in lines]
    low, high = store.extremes(**asked)
    np.testing.assert_array_equal(low, [*(min(finite, default=np.nan) for finite in of_runs), np.nan])
    np.testing.assert_array_equal(high, [*(max(finite, default=np.nan) for finite in of_runs), np.nan])
    np.testing.assert_array_equal(store.firsts(**asked), [*(next(iter(of), np.nan) for of in of_runs), np.nan])


def test_of_several_writers_the_first_number_is_the_one_that_points_begin_with(bench: Bench) -> None:
    run = bench.run()
    for writer, value in (("b", 1), ("a", 2)):
        bench.log(run, [json.dumps({"_step": step, "loss": value}) for step in (7, 5, 9)], writer=writer)
    for _ in range(2):
        points = bench.read([run])
        assert isinstance(points, store.Points)
        assert store.firsts(column_id=bench.column("loss"), run_ids=[run.id]).tolist() == [points.y[0]] == [2]
        store.seal(run_id=run.id)
    assert np.isnan(store.firsts(column_id=bench.column("no such key"), run_ids=[run.id])).all()
    assert np.isnan(store.extremes(column_id=bench.column("no such key"), run_ids=[run.id])).all()


@pytest.mark.parametrize("damage", [b"", b"nothing like a chunk"])
def test_the_first_number_is_looked_for_behind_a_chunk_that_is_damaged(bench: Bench, damage: bytes) -> None:
    run = bench.run()
    bench.log(run, [json.dumps({"_step": step, "loss": step}) for step in range(60)])
    column = bench.column("loss")
    first, second, *_ = HistoryChunk.objects.filter(column_id=column).order_by("first_line")
    HistoryChunk.objects.filter(pk=first.pk).update(data=damage)
    assert store.firsts(column_id=column, run_ids=[run.id]).tolist() == [second.first_step]


@example
@given(data=st.data())
def test_sealing_changes_no_answer(bench: Bench, data: st.DataObject) -> None:
    run, _ = logged(bench, data)
    asked = {"exact_below": data.draw(st.integers(0, 60)), "cells": data.draw(st.integers(1, 100))}
    before = bench.read([run], **asked), bench.read([run], x="other")
    rows = list(store.rows(run_id=run.id, stream="history"))
    store.seal(run_id=run.id)
    assert not HistoryTail.objects.filter(run=run).exists()
    after = bench.read([run], **asked), bench.read([run], x="other")
    sealed = list(store.rows(run_id=run.id, stream="history"))
    assert json.dumps([sorted(row.items()) for row in sealed]) == json.dumps([sorted(row.items()) for row in rows])
    for old, new in zip(before, after, strict=True):
        assert type(old) is type(new)
        for field in old.__slots__:
            if field == "total":
                np.testing.assert_allclose(new.total, old.total, rtol=1e-9, atol=1e-9 * 2**60)
            else:
                np.testing.assert_array_equal(getattr(new, field), getattr(old, field))


@example
@given(data=st.data())
def test_another_column_as_x_pairs_by_line(bench: Bench, data: st.DataObject) -> None:
    run, lines = logged(bench, data)
    lo = data.draw(st.one_of(st.none(), st.integers(-5, 5)))
    answer = bench.read([run], x="other", lo=lo)
    wanted = []
    for line in lines:
        row = json.loads(line)
        if type(row.get("loss")) in (int, float) and (lo is None or row["other"] >= lo):
            wanted.append((float(row["other"]), float(row["loss"])))
    wanted.sort(key=lambda pair: pair[0])
    assert isinstance(answer, store.Points)
    assert answer.x.tolist() == [x for x, _ in wanted]
    assert plainly.bits(answer.y) == plainly.bits([y for _, y in wanted])


def test_points_whose_x_is_not_a_finite_number_are_left_out(bench: Bench) -> None:
    run = bench.run()
    bench.log(run, ['{"loss":1,"other":NaN}', '{"loss":2,"other":"x"}', '{"loss":NaN,"other":3}', '{"loss":4}'])
    answer = bench.read([run], x="other")
    assert isinstance(answer, store.Points)
    assert answer.x.tolist() == [3]
    assert np.isnan(answer.y).tolist() == [True]


def test_runs_keep_their_order_and_unknown_ones_have_no_points(bench: Bench) -> None:
    runs = [bench.run() for _ in range(5)]
    for place, run in enumerate(runs):
        bench.log(run, [json.dumps({"loss": place, "_step": step}) for step in range(place * 10)])
    asked = [runs[3], runs[0], Run(id=bench.column("no run")), runs[4], runs[1]]
    points = bench.read(asked)
    assert isinstance(points, store.Points)
    assert np.diff(points.offsets).tolist() == [30, 0, 0, 40, 10]
    cells = bench.read(asked, exact_below=9)
    assert isinstance(cells, store.Cells)
    assert cells.count.sum(axis=1).tolist() == [30, 0, 0, 40, 10]
    assert bench.read(asked, "no such key").offsets.tolist() == [0] * 6
    assert bench.read([]).offsets.tolist() == [0]


@pytest.mark.parametrize(("lo", "hi"), [(9, 3), (float("inf"), None), (None, float("-inf")), (1000, None), (3.2, 3.8)])
def test_an_empty_range_has_no_points(bench: Bench, lo: float | None, hi: float | None) -> None:
    run = bench.run()
    bench.log(run, ['{"loss":1}'] * 50)
    answer = bench.read([run], lo=lo, hi=hi, exact_below=5)
    assert isinstance(answer, store.Points)
    assert not len(answer.x)


def test_many_runs_need_no_more_queries_than_one(bench: Bench) -> None:
    runs = [bench.run() for _ in range(30)]
    for run in runs:
        bench.log(run, [json.dumps({"loss": step, "_step": step}) for step in range(100)])
        bench.log(run, ['{"loss":1}'], offset=100)
    for asked in ({}, {"exact_below": 10, "cells": 4}, {"exact_below": 10}, {"x": "_step", "lo": 5, "hi": 80}):
        counts = []
        for some in (runs[:1], runs):
            with CaptureQueriesContext(connection) as queries:
                bench.read(some, **asked)
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 7


def test_a_run_that_grows_long_keeps_every_point_in_its_cells(bench: Bench) -> None:
    run, offset, seen = bench.run(), 0, []
    stretches = (range(60), range(60, 120), range(500, 3000, 2), range(-500, 9000, 5), range(50_000, 50_100))
    for stretch in stretches:
        bench.log(run, [json.dumps({"loss": step % 11, "_step": step}) for step in stretch], offset=offset)
        offset += len(stretch)
        rows = Rollup.objects.filter(run=run, column_id=bench.column("loss"), level__lt=rollup.SPREAD)
        seen.append(max(rows.values_list("level", flat=True)))
        for cells in (2, 10, 50, 500):
            answer = bench.read([run], exact_below=10, cells=cells)
            assert isinstance(answer, store.Cells)
            assert answer.count.sum() == offset
    assert seen == [0, 0, 6, 8, 10]
    points = [(step, float(step % 11)) for stretch in stretches for step in stretch]
    for cells in (2, 10, 50, 500):
        check(bench.read([run], exact_below=10, cells=cells), [points], 10)


@pytest.mark.parametrize("lo", [None, -5, 0, 96, 100, 111, 112])
@pytest.mark.parametrize("hi", [None, 900, 911, 912, 5000])
def test_points_in_half_a_bucket_count_to_the_last(bench: Bench, lo: int | None, hi: int | None) -> None:
    run = bench.run()
    bench.log(run, [json.dumps({"loss": step, "_step": step}) for step in range(1000)])
    inside = min(999 if hi is None else hi, 999) - max(lo or 0, 0) + 1
    points = bench.read([run], lo=lo, hi=hi, exact_below=inside, cells=64)
    assert isinstance(points, store.Points)
    assert len(points.x) == inside
    cells = bench.read([run], lo=lo, hi=hi, exact_below=inside - 1, cells=64)
    assert isinstance(cells, store.Cells)
    assert cells.width == 16


def test_rare_points_cost_few_rows(bench: Bench) -> None:
    run = bench.run()
    steps = range(0, 400 * 10_000_000, 10_000_000)
    for offset in range(0, 400, 20):
        lines = [json.dumps({"loss": step % 13, "_step": step}) for step in steps[offset : offset + 20]]
        bench.log(run, lines, offset=offset)
    store.seal(run_id=run.id)
    assert Rollup.objects.filter(run=run, column_id=bench.column("loss")).count() <= 60
    for lo, hi in ((None, None), (0, 10**9)):
        cells = bench.read([run], exact_below=10, cells=64, lo=lo, hi=hi)
        check(cells, [[(step, float(step % 13)) for step in steps]], 10)


@pytest.mark.parametrize("seal", [False, True])
def test_steps_may_be_as_far_apart_as_integers_are(bench: Bench, seal: bool) -> None:
    run, far = bench.run(), 2**63 - 1
    steps = [far, -far, 5, 7, 6, far, -far, 0]
    bench.log(run, [json.dumps({"loss": place, "_step": step}) for place, step in enumerate(steps)])
    if seal:
        store.seal(run_id=run.id)
    points = sorted(((step, float(place)) for place, step in enumerate(steps)), key=lambda pair: pair[0])
    check(bench.read([run]), [points], 10)
    check(bench.read([run], exact_below=1, cells=4), [points], 1)
    zoomed = bench.read([run], exact_below=1, cells=10, lo=0, hi=7)
    check(zoomed, [points], 1)
    assert isinstance(zoomed, store.Cells)
    assert (zoomed.start, zoomed.width, zoomed.count.tolist()) == (0, 1, [[1, 0, 0, 0, 0, 1, 1, 1]])


@pytest.mark.parametrize("table", [HistoryChunk, Rollup, HistoryTail])
def test_what_is_damaged_is_left_out_and_logged(bench: Bench, table: type, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = bench.run(), bench.run()
    for run in (good, bad):
        bench.log(run, [json.dumps({"loss": step, "_step": step}) for step in range(100)])
        bench.log(run, ['{"loss":7,"_step":100}'], offset=100)
    for row in table.objects.filter(run=bad):
        table.objects.filter(pk=row.pk).update(data=bytes(row.data)[:-3] + b"xyz")
    kept = {HistoryChunk: 1, Rollup: 101, HistoryTail: 100}[table]
    points = bench.read([bad, good], exact_below=1000)
    assert np.diff(points.offsets).tolist() == [kept if table is not Rollup else 101, 101]
    cells = bench.read([bad, good], exact_below=10, cells=4, spread=False)
    # Rollups outlive their chunks, and chunks their rollups.
    assert cells.count.sum(axis=1).tolist() == [{HistoryChunk: 101, Rollup: 101, HistoryTail: 100}[table], 101]
    assert len(list(store.rows(run_id=bad.id, stream="history"))) == kept
    assert len(store.tail_lines(run_id=bad.id, stream="history")) == 1
    assert caplog.records
    store.seal(run_id=bad.id)
    assert bench.log(bad, ['{"loss":8}'], offset=101).lines == 102
    assert bench.log(bad, [json.dumps({"loss": 1})] * 50, offset=102).lines == 152
    assert list(store.rows(run_id=bad.id, stream="history"))[-1]["loss"] == 1


def test_damaged_rollups_are_made_anew_with_the_next_lines(bench: Bench) -> None:
    run = bench.run()
    bench.log(run, [json.dumps({"loss": step, "_step": step}) for step in range(100)])
    Rollup.objects.filter(run=run).update(data=b"nothing")
    bench.log(run, [json.dumps({"loss": step, "_step": step}) for step in range(100, 200)], offset=100)
    HistoryChunk.objects.filter(run=run).update(data=b"nothing")
    cells = bench.read([run], exact_below=10, cells=16, spread=False)
    assert cells.count.sum() == 200


@pytest.mark.parametrize("damaged", [4, 4 + rollup.SPREAD])
def test_sums_or_extremes_that_are_damaged_are_read_from_the_chunks(bench: Bench, damaged: int) -> None:
    run, other = bench.run(), bench.run()
    for of in (run, other):
        bench.log(of, [json.dumps({"loss": step % 11, "_step": step}) for step in range(0, 3000)])
    wanted = [[(step, float(step % 11)) for step in range(3000)]] * 2
    asked = {"exact_below": 10, "cells": 12}
    check(bench.read([run, other], **asked), wanted, 10)
    assert Rollup.objects.filter(run=run, level=damaged).update(data=b"nothing")
    check(bench.read([run, other], **asked), wanted, 10)
    check(bench.read([run, other], **asked, spread=False), wanted, 10)


def test_the_runs_that_logged_a_metric_are_known_sealed_or_not(bench: Bench) -> None:
    both, only_other, grown = bench.run(), bench.run(), bench.run()
    bench.log(both, [json.dumps({"_step": 0, "loss": 1.0, "other": 1})])
    store.seal(run_id=both.id)
    bench.log(only_other, [json.dumps({"_step": 0, "other": 1, "loss": "text"})])
    bench.log(grown, [json.dumps({"_step": 0, "loss": 2.0})])
    assert store.logged(column_id=bench.column("loss")) == {both.id, grown.id}
    assert store.logged(column_id=bench.column("other")) == {both.id, only_other.id}
    assert store.logged(column_id=bench.column("never")) == set()


def test_a_metric_is_found_in_unsealed_lines_however_its_key_is_written(bench: Bench) -> None:
    escaped, nested, dotted, other = (bench.run() for _ in range(4))
    bench.log(escaped, ['{"_step": 0, "\\u0061.\\u0062": 1.5}'])
    bench.log(nested, ['{"_step": 0, "a": {"b": 2}}'])
    bench.log(dotted, ['{"_step": 0, "a.b": null}', '{"_step": 1, "a.b": 3}'])
    bench.log(other, ['{"_step": 0, "a": {"c": 4}}'])
    column = bench.column("a.b")
    assert store.logged(column_id=column) == {escaped.id, nested.id, dotted.id}
    points = store.read(column_id=column, run_ids=[escaped.id, nested.id, dotted.id, other.id])
    assert isinstance(points, store.Points)
    assert (points.offsets.tolist(), points.y.tolist()) == ([0, 1, 2, 3, 3], [1.5, 2.0, 3.0])


def test_all_keys_of_a_run_are_known_sealed_or_not(bench: Bench) -> None:
    run, neighbour = bench.run(), bench.run()
    bench.log(run, [json.dumps({"_step": 0, "early": "text", "deep": {"x": 1}})])
    bench.log(neighbour, [json.dumps({"_step": 0, "foreign": 1})])
    store.seal(run_id=neighbour.id)
    assert store.keys(run=run, stream="history") == {"_step", "early", "deep.x"}
    store.seal(run_id=run.id)
    bench.log(run, [json.dumps({"_step": step, "late": step}) for step in range(1, 300)], offset=1)
    assert store.keys(run=run, stream="history") == {"_step", "early", "deep.x", "late"}
    assert store.keys(run=run, stream="events") == set()


def test_however_few_points_are_read_together_they_are_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [bench.run() for _ in range(5)]
    for place, run in enumerate(runs):
        for step in range(place * 11):
            bench.log(run, [json.dumps({"_step": step, "loss": step * place, "other": step**2})], offset=step)
    whole = bench.read(runs, x="other")
    assert isinstance(whole, store.Points)
    monkeypatch.setattr(reader, "TOGETHER", 30)
    monkeypatch.setattr(reader, "KEPT", 100)
    question = {"column_id": bench.column("loss"), "run_ids": [run.id for run in runs], "x": "other"}
    with store.snapshot():
        batches = store.paired(**question)
        for _ in range(2):
            assert [part for part, _ in batches] == [slice(0, 2), slice(2, 3), slice(3, 4), slice(4, 5)]
            again = joined([points for _, points in batches])
            assert (again.offsets.tolist(), again.x.tolist(), again.y.tolist()) == (
                whole.offsets.tolist(),
                whole.x.tolist(),
                whole.y.tolist(),
            )
    with pytest.raises(RuntimeError, match="need a snapshot"):
        list(batches)


class TestSecondsSinceTheStart:
    """x="_absolute_runtime": by the run's own clock, pauses between processes included."""

    @staticmethod
    def lines(began: float, *at: tuple[float, float]) -> list[str]:
        """(seconds since the start by the clock, by the processes) of each line."""
        return [
            json.dumps({"_step": step, "_timestamp": began + wall, "_runtime": counted, "loss": float(step)})
            for step, (wall, counted) in enumerate(at)
        ]

    def test_a_resumed_run_keeps_its_gap_and_runs_start_at_their_own_time(self, bench: Bench) -> None:
        early, late = bench.run(), bench.run()
        bench.log(early, self.lines(1000.0, (2, 2), (3, 3), (100, 4), (101, 5)))
        bench.log(late, self.lines(5000.0, (1, 1), (2, 2)))
        found = bench.read([early, late], x="_absolute_runtime")
        assert found.x.tolist() == [2, 3, 100, 101, 1, 2]
        assert bench.read([early, late], x="_runtime").x.tolist() == [2, 3, 4, 5, 1, 2]
        assert bench.read([early], x="_absolute_runtime", lo=3, hi=100).y.tolist() == [1, 2]

    @pytest.mark.parametrize("length", [5, 100])
    def test_sealed_or_not_the_start_is_that_of_the_first_line(self, bench: Bench, length: int) -> None:
        run = bench.run()
        lines = self.lines(1.7e9, *((3 + 2.0 * step, 3 + step) for step in range(length)))
        for offset in range(0, length, 10):
            bench.log(run, lines[offset : offset + 10], offset=offset)
        assert bench.read([run], x="_absolute_runtime").x.tolist() == [3 + 2.0 * step for step in range(length)]

    def test_of_several_writers_the_first_began(self, bench: Bench) -> None:
        run = bench.run()
        bench.log(run, self.lines(1010.0, (1, 1)), writer="b")
        bench.log(run, self.lines(1000.0, (5, 5)), writer="a")
        assert sorted(bench.read([run], x="_absolute_runtime").x.tolist()) == [5, 11]

    def test_the_first_line_with_a_clock_tells_and_without_one_there_is_no_x(self, bench: Bench) -> None:
        clockless, counting = bench.run(), bench.run()
        bench.log(clockless, ['{"_step": 0, "loss": 1}'])
        bench.log(counting, ['{"_step": 0, "loss": 1}', '{"_step": 1, "_timestamp": 50, "loss": 2}'])
        found = bench.read([clockless, counting], x="_absolute_runtime")
        assert (found.offsets.tolist(), found.x.tolist(), found.y.tolist()) == ([0, 0, 1], [0], [2])
