from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runs.history import store
from runs.models import Column, HistoryChunk, HistoryTail, Kind, Rollup, Stream
from tests.runs.history.conftest import Bench

pytestmark = pytest.mark.django_db


def lines_of(*steps: int) -> list[str]:
    return [json.dumps({"loss": step / 7, "_step": step}) for step in steps]


def test_lines_are_counted_and_the_largest_step_is_told(bench: Bench) -> None:
    run = bench.run()
    assert bench.log(run, lines_of(0, 1, 2)) == store.Appended(added=3, lines=3, last_step=2)
    assert bench.log(run, lines_of(9, 4), offset=3) == store.Appended(added=2, lines=5, last_step=9)
    assert bench.log(run, [], offset=5) == store.Appended(added=0, lines=5, last_step=-1)


def test_a_repeated_request_changes_nothing(bench: Bench) -> None:
    run = bench.run()
    bench.log(run, lines_of(0, 1, 2))
    assert bench.log(run, lines_of(0, 1, 2)) == store.Appended(added=0, lines=3, last_step=-1)
    assert bench.log(run, lines_of(1, 2, 3), offset=1) == store.Appended(added=1, lines=4, last_step=3)
    assert [row["_step"] for row in store.rows(run_id=run.id, stream="history")] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("", "line 2"),
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ("3", "not a JSON object"),
        ("NaN", "not a JSON object"),
        ('{"a":1},{"b":2}', "not JSON"),
        ('{"a":1}\n{"b":2}', "not JSON"),
        ('{"_step":1.5}', "_step"),
        ('{"_step":"3"}', "_step"),
        ('{"_step":true}', "_step"),
        ('{"_step":null}', "_step"),
        ('{"_step":NaN}', "_step"),
        ('{"_step":Infinity}', "_step"),
        ('{"_step":9223372036854775808}', "_step"),
        ('{"_step":-9223372036854775808}', "_step"),
        ('{"_step":1e300}', "_step"),
        ('{"_step":{"a":1}}', "_step"),
        ('{"a":' + "[" * 101 + "]" * 101 + "}", "deep"),
        ('{"a":' * 500 + "1" + "}" * 500, "deep"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "deep"),
    ],
)
def test_a_refused_line_is_named_and_leaves_nothing(bench: Bench, bad: str, says: str) -> None:
    run = bench.run()
    bench.log(run, lines_of(0))
    with pytest.raises(store.LinesRefused, match=says):
        bench.log(run, [json.dumps({"new": 1, "_step": 1}), bad], offset=1)
    assert [row["_step"] for row in store.rows(run_id=run.id, stream="history")] == [0]
    assert not Column.objects.filter(key="new").exists()
    assert Stream.objects.get(run=run).lines == 1


@pytest.mark.parametrize("offset", [-1, 1, 2**40])
def test_gaps_are_refused(bench: Bench, offset: int) -> None:
    with pytest.raises(store.LinesRefused):
        bench.log(bench.run(), lines_of(0), offset=offset)
    assert not HistoryTail.objects.exists()


def test_lines_that_are_json_only_together_are_refused(bench: Bench) -> None:
    with pytest.raises(store.LinesRefused, match="line 0"):
        bench.log(bench.run(), ['{"a":[{}', "{}]}", "{},{}"])
    assert not HistoryTail.objects.exists()


def test_what_json_forbids_and_clients_send_is_kept(bench: Bench) -> None:
    run = bench.run()
    bench.log(
        run,
        [
            '{"loss":NaN,"_step":0}',
            '{"loss":-Infinity,"_step":1}',
            '{"loss":1e999,"_step":2.0}',
            '{"loss":\n1,\r\n\t"_step":3}',
            '{"loss":123456789012345678901234567890,"_step":4}',
            '{"text":"\\ud800 and \\u0000","_step":5}',
            '{"k\\u0000\\udfff":{"in\\u0000":7},"_step":6}',
            '{"loss":18446744073709551615,"_step":-7}',
        ],
    )
    for seal in (False, True):
        if seal:
            store.seal(run_id=run.id)
        by_step = {row["_step"]: row for row in store.rows(run_id=run.id, stream="history")}
        assert str(by_step[0]["loss"]) == "nan"
        assert by_step[1]["loss"] == float("-inf")
        assert by_step[2]["loss"] == float("inf")
        assert by_step[3]["loss"] == 1
        assert by_step[4]["loss"] == 123456789012345678901234567890.0
        assert by_step[5]["text"] == "\ufffd and \0"
        assert by_step[6]["k\ufffd\ufffd.in\ufffd"] == 7
        assert by_step[-7]["loss"] == 18446744073709551615
        points = bench.read([run])
        assert isinstance(points, store.Points)
        assert points.x.tolist() == [-7, 0, 1, 2, 3, 4]


def test_a_lone_surrogate_in_the_line_itself_is_no_error(bench: Bench) -> None:
    run = bench.run()
    bench.log(run, ['{"text":"\ud800","_step":0}'])
    assert next(store.rows(run_id=run.id, stream="history"))["text"] == "\ufffd"


def test_a_line_without_step_follows_the_line_before(bench: Bench, small: None) -> None:
    run = bench.run()
    bench.log(run, ['{"loss":1}', '{"loss":2,"_step":10}', "{}", ' { "loss" : 3 } '])
    bench.log(run, ['{"loss":4}'], offset=4)
    store.seal(run_id=run.id)
    bench.log(run, ['{"loss":5}'], offset=5)
    assert list(store.rows(run_id=run.id, stream="history")) == [
        {"loss": 1, "_step": 0},
        {"loss": 2, "_step": 10},
        {"_step": 11},
        {"loss": 3, "_step": 12},
        {"loss": 4, "_step": 13},
        {"loss": 5, "_step": 14},
    ]


def test_columns_come_with_the_kinds_of_their_values(bench: Bench) -> None:
    run = bench.run()
    bench.log(run, ['{"a":{"b":1,"c":{"_type":"histogram"}},"d":"x","_step":0}', '{"d":null,"e":[1],"_step":1}'])
    bench.log(run, ['{"a":{"b":true},"f":{},"d":2.5,"_step":2}'], offset=2)
    kinds = dict(Column.objects.filter(project=bench.project, scope="history").values_list("key", "kinds"))
    assert kinds == {
        "a.b": Kind.NUMBER | Kind.BOOL,
        "a.c": Kind.OBJECT,
        "d": Kind.TEXT | Kind.NULL | Kind.NUMBER,
        "e": Kind.LIST,
        "f": Kind.OBJECT,
        "_step": Kind.NUMBER,
    }
    bench.log(run, ['{"system.cpu":1}'], stream="events")
    assert Column.objects.get(id=bench.column("system.cpu", "system")).kinds == Kind.NUMBER


@pytest.mark.django_db(transaction=True)
def test_a_steady_run_asks_for_its_columns_once(bench: Bench) -> None:
    run = bench.run()
    bench.log(run, lines_of(0))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        bench.log(run, lines_of(1, 2), offset=1)
    assert not [query for query in queries if "runs_column" in query["sql"]]


def test_writers_count_their_own_lines(bench: Bench) -> None:
    run = bench.run()
    bench.log(run, lines_of(0, 1), writer="a")
    assert bench.log(run, lines_of(0, 1, 2), writer="b").lines == 3
    assert [row["_step"] for row in store.rows(run_id=run.id, stream="history")] == [0, 0, 1, 1, 2]


def test_a_run_started_anew_replaces_its_lines_once(bench: Bench, small: None) -> None:
    run = bench.run()
    bench.log(run, lines_of(*range(60)))
    bench.log(run, lines_of(0, 1), writer="other")
    Stream.objects.filter(run=run, writer="").update(restart=True)
    assert bench.log(run, lines_of(60), offset=60).lines == 61
    with pytest.raises(store.LinesRefused):
        bench.log(run, ["{"])
    assert len(list(store.rows(run_id=run.id, stream="history"))) == 63
    assert bench.log(run, lines_of(5, 6)) == store.Appended(added=2, lines=2, last_step=6)
    assert bench.log(run, lines_of(5, 6)).added == 0
    assert [row["_step"] for row in store.rows(run_id=run.id, stream="history")] == [0, 1, 5, 6]
    assert not HistoryChunk.objects.filter(run=run).exists()
    assert not Rollup.objects.filter(run=run).exists()


def test_clearing_one_writer_leaves_the_others_and_the_other_stream(bench: Bench, small: None) -> None:
    run = bench.run()
    bench.log(run, lines_of(*range(50)), writer="a")
    bench.log(run, lines_of(*range(0, 100, 2)), writer="b")
    bench.log(run, ['{"cpu":1}'] * 40, stream="events", writer="a")
    store.clear(run_id=run.id, stream="history", writer="a")
    assert [row["_step"] for row in store.rows(run_id=run.id, stream="history")] == list(range(0, 100, 2))
    assert len(list(store.rows(run_id=run.id, stream="events"))) == 40
    cells = bench.read([run], exact_below=10, cells=8)
    assert isinstance(cells, store.Cells)
    assert cells.count.sum() == 50
    assert bench.log(run, lines_of(1), writer="a").lines == 1


def test_lines_join_the_last_stretch_while_it_has_room(bench: Bench, small: None) -> None:
    run = bench.run()
    sent = [{"_step": step, "loss": step / 3} | ({"rare": "text"} if step > 18 else {}) for step in range(100)]
    for offset in range(0, 100, 18):
        bench.log(run, [json.dumps(line) for line in sent[offset : offset + 18]], offset=offset)
    store.seal(run_id=run.id)
    chunks = HistoryChunk.objects.filter(run=run, column_id=bench.column("loss")).order_by("first_line")
    assert list(chunks.values_list("first_line", "count")) == [(0, 36), (36, 36), (72, 28)]
    assert list(chunks.values_list("first_step", "last_step")) == [(0, 35), (36, 71), (72, 99)]
    rare = HistoryChunk.objects.filter(run=run, column_id=bench.column("rare")).order_by("first_line")
    assert list(rare.values_list("first_line", "count")) == [(0, 17), (36, 36), (72, 28)]
    assert list(store.rows(run_id=run.id, stream="history")) == sent
    cells = bench.read([run], exact_below=10, cells=8)
    assert isinstance(cells, store.Cells)
    assert (cells.count.sum(), cells.total.sum()) == (100, pytest.approx(sum(range(100)) / 3))


def test_a_stretch_with_a_damaged_chunk_does_not_grow(bench: Bench, small: None) -> None:
    run = bench.run()
    bench.log(run, lines_of(*range(18)))
    chunks = HistoryChunk.objects.filter(run=run, column_id=bench.column("loss"))
    chunks.update(data=b"nothing")
    bench.log(run, lines_of(*range(18, 36)), offset=18)
    assert list(chunks.order_by("first_line").values_list("first_line", "count")) == [(0, 18), (18, 18)]
    assert bytes(chunks.get(first_line=0).data) == b"nothing"


def test_a_thousand_metrics_in_a_line(bench: Bench) -> None:
    run = bench.run()
    lines = [json.dumps({"_step": step} | {f"m{key}": key * step for key in range(1000)}) for step in range(100)]
    bench.log(run, lines)
    store.seal(run_id=run.id)
    store.seal(run_id=run.id)
    assert not HistoryTail.objects.exists()
    assert HistoryChunk.objects.filter(run=run).count() == 1001
    points = bench.read([run], "m999")
    assert isinstance(points, store.Points)
    assert points.y.tolist() == [999.0 * step for step in range(100)]
    assert list(store.rows(run_id=run.id, stream="history")) == [json.loads(line) for line in lines]


def test_events_are_read_by_line_number(bench: Bench, small: None) -> None:
    run = bench.run()
    lines = [json.dumps({"cpu": line * 2, "_step": 1000 - line}) for line in range(30)]
    bench.log(run, [*lines, "{}", '{"_line":1}'], stream="events")
    for seal in (False, True):
        if seal:
            store.seal(run_id=run.id)
        points = store.read(column_id=bench.column("cpu", "system"), run_ids=[run.id])
        assert isinstance(points, store.Points)
        assert points.x.tolist() == list(range(30))
        found = list(store.rows(run_id=run.id, stream="events"))
        assert found == [*map(json.loads, lines), {}, {"_line": 1}]
        assert json.loads(store.tail_lines(run_id=run.id, stream="events")[0]) == {"_line": 1}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("keys", [3, 40])
def test_a_stretch_grows_by_lines_of_few_keys_and_of_many(bench: Bench, keys: int) -> None:
    """Many chunks are written in another way than few; a key may come when the stretch is there already."""
    run, rows = bench.run(), []
    for offset in range(0, 50, 10):
        names = [f"m{key}" for key in range(keys + (offset > 20))]
        new = [
            {"_step": step} | {name: step + at / 7 for at, name in enumerate(names)}
            for step in range(offset, offset + 10)
        ]
        bench.log(run, list(map(json.dumps, new)), offset=offset)
        rows += new
    assert list(store.rows(run_id=run.id, stream="history")) == rows
    chunks = HistoryChunk.objects.filter(run=run).values_list("first_line", "count")
    assert sorted(chunks) == [(0, 10)] + [(0, 40)] * (keys + 1)
    found = bench.read([run], f"m{keys - 1}", exact_below=1000)
    assert isinstance(found, store.Points)
    assert found.y.tolist() == [row[f"m{keys - 1}"] for row in rows]
    cells = bench.read([run], "m0", exact_below=1, cells=8)
    assert isinstance(cells, store.Cells)
    assert cells.count.sum() == 50
