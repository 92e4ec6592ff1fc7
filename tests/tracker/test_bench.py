from __future__ import annotations

import io
import json
import math
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tracker.bench.measure import Measure
from tracker.bench.sizes import Sizes, chart_sizes, counts

TINIEST = ("--quick", "--sizes", "4x40", "--tables", "8", "--lines", "20", "--repeat", "1", "--database", "sqlite")


def test_the_tiniest_bench_writes_every_figure_beside_its_limit(tmp_path: Path) -> None:
    out, said = tmp_path / "new" / "bench.json", io.StringIO()
    call_command("bench", *TINIEST, "--out", str(out), stdout=said)
    written = json.loads(out.read_text())
    assert set(written) == {"at", "cores", "python", "django", "numpy", "sizes", "databases"}
    assert written["sizes"] == {"charts": [[4, 40]], "tables": [8], "lines": 20, "repeat": 1}
    assert set(written["databases"]) == {"SQLite"}
    measures = written["databases"]["SQLite"]["measures"]
    assert {item["area"] for item in measures} == {"chart", "table", "ingestion", "disk"}
    assert len([item for item in measures if item["area"] == "ingestion"]) == 3
    for item in measures:
        assert set(item) == {"area", "case", "what", "figure", "limit", "unit", "against", "ratio"}
        assert item["limit"] > 0
        assert item["figure"] >= 0
        assert math.isfinite(item["ratio"])
        assert item["what"] in said.getvalue()


def test_measuring_refuses_a_database_with_something_in_it(tmp_path: Path, transactional_db: None) -> None:
    sizes = Sizes(charts=(), tables=(), lines=1, repeat=1)
    with pytest.raises(CommandError, match="not empty"):
        call_command("bench", "--child", sizes.to_json(), "--out", str(tmp_path / "out.json"))
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(("unit", "ratio"), [("s", 2.0), ("bytes/point", 2.0), ("points/s", 0.5)])
def test_a_ratio_is_times_the_limit_whether_small_or_large_figures_are_good(unit: str, ratio: float) -> None:
    assert Measure("chart", "case", "what", 4.0, 2.0, unit, "limit").ratio == ratio


def test_sizes_come_back_from_their_json_and_from_the_command_line() -> None:
    sizes = Sizes(charts=chart_sizes("3x5,7x11"), tables=counts("13,17"), lines=19, repeat=2)
    assert sizes.charts == ((3, 5), (7, 11))
    assert Sizes.from_json(sizes.to_json()) == sizes


@pytest.mark.parametrize("text", ["", "5", "0x5", "5x", "ax3", "3x3,"])
def test_sizes_that_mean_nothing_are_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="whole number"):
        call_command("bench", "--sizes", text, "--out", str(tmp_path / "out.json"))
