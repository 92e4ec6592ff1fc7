from __future__ import annotations

import io
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from runs.columns import column_id
from runs.history import store
from runs.models import Run, Scope, run_id
from tracker.bench import data, report
from tracker.bench.bars import BARS, verdict
from tracker.bench.measure import Laps, Measure, amount, medians, seconds
from tracker.bench.queries import Queries
from tracker.bench.sizes import DEFAULT, HUGE, QUICK, Sizes, bytes_needed, chart_sizes, counts

TINIEST = (
    "--quick", "--sizes", "4x40", "--growing", "2x30", "--tables", "8", "--lines", "20", "--repeat", "1",
    "--database", "sqlite",
)  # fmt: skip


@pytest.mark.once
def test_the_tiniest_bench_writes_every_figure_beside_its_limit(tmp_path: Path) -> None:
    out, said = tmp_path / "new" / "bench.json", io.StringIO()
    call_command("bench", *TINIEST, "--out", str(out), stdout=said)
    written = json.loads(out.read_text())
    assert set(written) == {"at", "cores", "python", "django", "numpy", "sizes", "databases"}
    assert Sizes.from_json(json.dumps(written["sizes"])).charts == ((4, 40),)
    assert set(written["databases"]) == {"SQLite"}
    measures = written["databases"]["SQLite"]["measures"]
    assert {item["area"] for item in measures} == {"chart", "table", "ingestion", "disk", "memory"}
    assert len([item for item in measures if item["area"] == "ingestion"]) == 12
    assert len([item for item in measures if item["area"] == "memory"]) == 5
    for item in measures:
        assert set(item) == {
            "area", "case", "what", "figure", "limit", "unit", "against", "ratio", "bar", "holds",
        }  # fmt: skip
        assert item["limit"] > 0
        assert item["figure"] >= 0
        assert math.isfinite(item["ratio"])
        assert item["what"] in said.getvalue()

    again = io.StringIO()
    call_command("bench", "--from", str(out), "--markdown", stdout=again)
    lines = again.getvalue().splitlines()
    assert [line for line in lines if line.startswith("### ")] == [
        "### Disk", "### Ingestion", "### Memory", "### Chart", "### Table",
    ]  # fmt: skip
    assert len([line for line in lines if line.startswith("| ")]) == len(measures) + 2 * 5
    assert "bars hold" in again.getvalue()


def test_measuring_refuses_a_database_with_something_in_it(tmp_path: Path, transactional_db: None) -> None:
    with pytest.raises(CommandError, match="not empty"):
        call_command("bench", "--child", QUICK.to_json(), "--out", str(tmp_path / "out.json"))
    assert not os.listdir(tmp_path)


@pytest.mark.django_db
@pytest.mark.parametrize("complete", [True, False])
def test_copied_runs_have_the_curves_and_their_own_names_and_groups(complete: bool) -> None:
    owner, curves = data.project("copies"), data.Curves.of(45, 30)
    data.history_write(owner, curves, clocks=True, request=7, complete=complete)
    ids = [run_id(owner.id, f"run-{i}") for i in range(45)]
    found = store.read(column_id=column_id(owner.id, Scope.HISTORY, data.METRIC), run_ids=ids)
    assert isinstance(found, store.Points)
    expected = curves.values[[curves.source(i) for i in range(45)]]
    assert np.array_equal(found.y.reshape(45, 30), expected)
    assert curves.source(20) != curves.source(0)
    assert len({curves.source(i) for i in range(0, 400, data.GROUPS)}) == len(curves.values)
    runs = Run.objects.in_bulk(ids)
    states = {runs[key].state for key in ids}
    assert states == {"finished" if complete else "running"}
    assert [runs[key].config[data.ARM] for key in ids] == [i % data.GROUPS for i in range(45)]
    assert {(runs[key].history_lines, runs[key].last_step) for key in ids} == {(30, 29)}


@pytest.mark.django_db
def test_recorded_queries_fetch_again_what_the_code_fetched() -> None:
    owner, curves = data.project("recorded"), data.Curves.of(3, 2100)
    data.history_write(owner, curves)
    ids = [run_id(owner.id, f"run-{i}") for i in range(3)]
    queries = Queries()
    with queries.recording():
        store.read(column_id=column_id(owner.id, Scope.HISTORY, data.METRIC), run_ids=ids)
    rows = queries.run()
    assert rows >= len(ids)
    assert queries.run() == rows
    with pytest.raises(RuntimeError, match="no statement"):
        Queries().run()


@pytest.mark.parametrize(("unit", "ratio"), [("s", 2.0), ("bytes/point", 2.0), ("points/s", 0.5)])
def test_a_ratio_is_times_the_limit_whether_small_or_large_figures_are_good(unit: str, ratio: float) -> None:
    assert Measure("chart", "case", "what", 4.0, 2.0, unit, "limit").ratio == ratio


def test_a_round_has_the_laps_of_what_it_calls_and_the_first_does_not_count() -> None:
    laps = iter([100.0, 1.0, 2.0, 6.0])
    taken = seconds({"whole": lambda: Laps(part=next(laps)), "other": list}, repeat=3)
    assert taken["whole.part"] == [1.0, 2.0, 6.0]
    assert {name: len(rounds) for name, rounds in taken.items()} == {"whole": 3, "whole.part": 3, "other": 3}
    assert medians(taken)["whole.part"] == 2.0


@pytest.mark.parametrize(
    ("measure", "database", "said"),
    [
        (("chart", "200 runs × 5,000 steps", "request to last byte", 0.05, 1, "s", ""), "SQLite", "50.00 ms: yes"),
        (("chart", "200 runs × 5,000 steps", "request to last byte", 0.06, 1, "s", ""), "SQLite", "50.00 ms: no"),
        (("chart", "1,000 runs × 10,000 steps", "database to JSON", 1.4, 1, "s", ""), "SQLite", "1 ×: no"),
        (("chart", "1,000 runs × 10,000 steps", "database to JSON", 1.4, 1, "s", ""), "PostgreSQL", "1.5 ×: yes"),
        (("ingestion", "4 metrics a line, 1,000 lines a request", "file_stream", 6e5, 1, "points/s", "json.loads of"),
         "SQLite", "500,000 /s: yes"),
        (("memory", "anything", "8 requests at once", 301e6, 1, "bytes", ""), "SQLite", "300 MB: no"),
        (("chart", "200 runs × 5,000 steps", "decode", 0.05, 1, "s", ""), "SQLite", "None"),
    ],
)  # fmt: skip
def test_a_figure_that_has_a_bar_is_marked(measure: tuple, database: str, said: str) -> None:
    assert str(verdict(Measure(*measure), database)) == said


def test_every_bar_is_one_amount_or_one_factor() -> None:
    assert all((bar.amount is None) != (bar.times is None) for bar in BARS)


def test_databases_stand_side_by_side_in_markdown_even_where_one_has_less() -> None:
    shared, own = (Measure("disk", "case", what, 9, 8, "bytes/point", "raw") for what in ("both", "only one"))
    made = report.markdown({"SQLite": [shared, own], "PostgreSQL": [shared]})
    assert made.splitlines() == [
        "### Disk",
        "",
        "| case | what | SQLite | ratio | bar | PostgreSQL | ratio | bar | in brackets |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        "| case | both | 9.00 B (8.00 B) | 1.12 |  | 9.00 B (8.00 B) | 1.12 |  | raw |",
        "| case | only one | 9.00 B (8.00 B) | 1.12 |  |  |  |  | raw |",
    ]


def test_amounts_are_printed_in_their_unit() -> None:
    found = [amount(0.0125, "s"), amount(1.5e6, "points/s"), amount(2.5e5, "bytes"), amount(3e8, "bytes")]
    assert [*found, amount(7.5, "bytes/point")] == ["12.50 ms", "1,500,000 /s", "250 kB", "300 MB", "7.50 B"]


def test_sizes_come_back_from_their_json_and_from_the_command_line() -> None:
    sizes = Sizes(chart_sizes("3x5,7x11"), chart_sizes("2x3"), counts("13,17"), lines=19, repeat=2, visits=1)
    assert sizes.charts == ((3, 5), (7, 11))
    assert Sizes.from_json(sizes.to_json()) == sizes


@pytest.mark.parametrize("text", ["", "5", "0x5", "5x", "ax3", "3x3,"])
def test_sizes_that_mean_nothing_are_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="whole number"):
        call_command("bench", "--sizes", text, "--out", str(tmp_path / "out.json"))


def test_a_billion_points_need_room_that_the_usual_sizes_do_not() -> None:
    assert bytes_needed(DEFAULT.charts) < 5e9 < 20e9 < bytes_needed((HUGE,))
