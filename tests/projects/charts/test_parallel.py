import uuid
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from projects.charts.header import Basis
from projects.charts.line_plot import LinePlot
from projects.charts.parallel import MOST_TICKS, SHADES, Axis, Lines, parallel_figure
from projects.query.grouping import RunGroup
from projects.query.palette import GREY, PALETTE
from tests.projects.charts.curves import decoded

NAN = np.nan
RATE = Axis("lr", np.array([0.1, 0.3, NAN, 0.2]))
NAME = Axis("opt", np.array([0.0, 1, 2, NAN]), ("<adam>", "lion", "sgd"))
SAME = Axis("width", np.full(4, 8.0))


def figure(*axes: Axis, colours: Axis | None = None, **spec: Any) -> dict[str, Any]:
    groups = [
        RunGroup(f"g{at}", f"seed: {at}", colour, (uuid.UUID(int=2 * at), uuid.UUID(int=2 * at + 1)))
        for at, colour in enumerate(("#4269d0", "#efb118"))
    ]
    names = [f"run-{at}" for at in range(4)]
    found = Lines(groups, np.array([0, 0, 1, 1]), names, list(axes), colours, Basis(4, 4, 2, 2, 0))
    made = parallel_figure(title="all", plot=LinePlot.from_spec(spec), found=found)
    go.Figure(made["data"], made["layout"])
    return made


def test_a_line_crosses_each_axis_at_its_value_and_leaves_out_what_is_missing() -> None:
    first, second = figure(RATE, NAME, SAME)["data"]
    assert decoded(first["x"]).tolist()[:3] == [0, 1, 2]
    np.testing.assert_allclose(decoded(first["y"]), [0, 0, 0.5, NAN, 1, 0.5, 0.5, NAN], atol=1e-12)
    np.testing.assert_allclose(decoded(second["y"]), [NAN, 1, 0.5, NAN, 0.5, NAN, 0.5, NAN], atol=1e-12)
    assert first["text"][1] == "run-0<br>opt: &lt;adam&gt;"
    assert second["text"][0] == "run-2<br>lr: –"
    assert [trace["meta"]["group"] for trace in (first, second)] == ["g0", "g1"]


def test_axes_say_what_stands_where() -> None:
    assert RATE.ticks == [(0, "0.1"), (0.5, "0.2"), (1, "0.3")]
    assert SAME.ticks == [(0.5, "8")]
    assert NAME.ticks == [(0, "<adam>"), (0.5, "lion"), (1, "sgd")]
    layout = figure(RATE, NAME)["layout"]
    assert layout["xaxis"]["ticktext"] == ["lr", "opt"]
    assert [note["text"] for note in layout["annotations"]][3:] == ["&lt;adam&gt;", "lion", "sgd"]
    many = Axis("seed", np.arange(100.0), tuple(map(str, range(100))))
    assert len(many.ticks) == MOST_TICKS
    assert (many.ticks[0], many.ticks[-1]) == ((0, "0"), (1, "99"))
    assert Axis("none", np.full(4, NAN)).ticks


@pytest.mark.parametrize(
    ("axis", "names", "colours"),
    [
        (
            NAME,
            ["opt: (not set)", "opt: &lt;adam&gt;", "opt: lion", "opt: sgd"],
            [GREY, *PALETTE[:3]],
        ),
        (
            RATE,
            ["lr: (not set)", "lr: 0.1 to 0.129", "lr: 0.186 to 0.214", "lr: 0.271 to 0.3"],
            [GREY, SHADES[0], SHADES[3], SHADES[-1]],
        ),
    ],
)
def test_lines_are_coloured_by_a_column(axis: Axis, names: list[str], colours: list[str]) -> None:
    made = figure(RATE, NAME, colours=axis)
    assert [trace["name"] for trace in made["data"]] == names
    assert [trace["marker"]["color"] for trace in made["data"]] == colours
    assert made["meta"]["header"] == f"4 of 4 runs · coloured by {axis.label}"
    assert len({trace["uid"] for trace in made["data"]}) == len(names)
