import itertools
from typing import Any

import plotly.graph_objects as go
import pytest

from projects.charts.multiples import MOST_CHARTS, axis_ids, columns_of, layout_of, marks_axis

SINGLE: dict[str, Any] = {
    "xaxis": {"type": "log", "title": {"text": "t"}},
    "yaxis": {"type": "linear", "range": [0, 1], "title": {"text": "loss"}},
    "showlegend": True,
}


@pytest.mark.parametrize("charts", range(1, MOST_CHARTS + 1))
@pytest.mark.parametrize("columns", [1, 2, 4])
def test_charts_lie_beside_each_other_and_over_none(charts: int, columns: int) -> None:
    columns = min(columns, charts)
    made = layout_of(SINGLE, [f"fold: {number}" for number in range(charts)], columns)
    go.Figure([], made)
    ids = [axis_ids(chart) for chart in range(charts)]
    boxes = [(made["xaxis" + it["xaxis"][1:]], made["yaxis" + it["yaxis"][1:]]) for it in ids]
    places = [(x["domain"], y["domain"]) for x, y in boxes]
    assert all(0 <= start < end <= 1 for place in places for start, end in place)
    for (ax, ay), (bx, by) in itertools.combinations(places, 2):
        assert ax[1] < bx[0] or bx[1] < ax[0] or ay[1] < by[0] or by[1] < ay[0]
    # Row by row from the top left.
    assert places == sorted(places, key=lambda place: (-place[1][0], place[0][0]))
    assert sum("title" in x for x, _ in boxes) == sum("title" in y for _, y in boxes) == 1
    assert all(x["type"] == "log" and y["range"] == [0, 1] for x, y in boxes)
    assert all(x.get("matches") == "x" and y.get("matches") == "y" for x, y in boxes[1:])
    assert [note["text"] for note in made["annotations"]] == [f"fold: {number}" for number in range(charts)]
    assert made["showlegend"]
    marks = {marks_axis(chart, charts) for chart in range(charts)}
    assert marks.isdisjoint(it["yaxis"] for it in ids)
    assert len(marks) == charts


def test_a_narrow_plot_has_fewer_columns() -> None:
    assert [columns_of(charts, 500) for charts in (0, 1, 2, 9)] == [0, 1, 2, 2]
    assert [columns_of(charts, 1000) for charts in (1, 3, 9)] == [1, 3, 4]
