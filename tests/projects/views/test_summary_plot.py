import csv
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import numpy as np
import plotly.graph_objects as go
import pytest
from django.test import Client

from projects.charts import summary_plot
from projects.models import Project
from tests.factories import log_run, make_project, make_user
from tests.projects.charts.curves import decoded

pytestmark = pytest.mark.django_db

VALUES = np.random.default_rng(5).normal(size=(3, 6))  # learning rates, seeds
LABELS = ["lr: 0", "lr: 1", "lr: 2"]


@pytest.fixture
def project() -> Project:
    made = make_project(make_user("ada"), "digits")
    for rate, seeds in enumerate(VALUES):
        for seed, value in enumerate(seeds.tolist()):
            log_run(made, f"r{rate}-{seed}", [], config={"lr": rate}, summary={"val": {"acc": value}, "word": "x"})
    return made


@pytest.fixture
def ask(client: Client, project: Project) -> Callable[..., Any]:
    client.force_login(project.entity.owner)

    def get(address: str = "summary-plot", status: int = 200, **query: object) -> Any:
        asked = {"kind": "bar", "metric": "val.acc", "group": "config.lr", **query}
        response = client.get(f"/ada/digits/{address}?{urlencode(asked, doseq=True)}")
        assert response.status_code == status, response.content
        return response

    return get


def traces(figure: dict[str, Any], role: str) -> dict[str, dict[str, Any]]:
    go.Figure({"data": figure["data"], "layout": figure["layout"]})
    return {trace["name"]: trace for trace in figure["data"] if trace["meta"]["role"] == role}


STATISTICS: dict[str, Callable[[np.ndarray], float]] = {"mean": np.mean, "median": np.median, "min": np.min}


@pytest.mark.parametrize("agg", STATISTICS)
def test_a_bar_is_as_high_as_the_statistic_of_its_runs(ask: Callable[..., Any], agg: str) -> None:
    figure = ask(settings=json.dumps({"groupAgg": agg})).json()
    bars = traces(figure, "bar")
    assert list(bars) == LABELS
    for label, values in zip(LABELS, VALUES, strict=True):
        np.testing.assert_allclose(bars[label]["y"], [STATISTICS[agg](values)], rtol=1e-12)
    assert figure["meta"]["header"].endswith(" · 18 of 18 runs")
    assert figure["meta"]["header"].startswith(agg)


def test_an_error_bar_reaches_from_the_lower_to_the_upper_end(ask: Callable[..., Any]) -> None:
    for area, half in (
        ("stddev", VALUES.std(axis=1, ddof=1)),
        ("stderr", VALUES.std(axis=1, ddof=1) / np.sqrt(6)),
        ("ci95", 2.5705818356363146 * VALUES.std(axis=1, ddof=1) / np.sqrt(6)),
    ):
        # Around the mean, whatever the bar is.
        figure = ask(settings=json.dumps({"groupAgg": "max", "groupArea": area})).json()
        for at, label in enumerate(LABELS):
            band = traces(figure, "band")[label]
            np.testing.assert_allclose(band["y"], VALUES[at].mean(), rtol=1e-9)
            np.testing.assert_allclose(band["error_y"]["array"], half[at], rtol=1e-7)
    assert traces(ask(settings='{"groupArea": "none"}').json(), "band") == {}
    each = traces(ask(settings='{"groupArea": "each"}').json(), "runs")
    assert each[LABELS[1]]["y"] == sorted(VALUES[1].tolist())


def test_what_all_panels_have_for_their_lines_is_not_said_of_bars(ask: Callable[..., Any]) -> None:
    figure = ask(smoothing="gaussian:2", x="_runtime", settings='{"align": "last", "yMin": -9, "yMax": 9}').json()
    assert figure["meta"]["header"] == "mean ± std dev · 18 of 18 runs"
    assert figure["layout"]["yaxis"]["range"] == [-9, 9]


def test_ungrouped_each_run_is_a_bar_without_an_error(ask: Callable[..., Any]) -> None:
    figure = ask(group="", settings='{"limit": 5}').json()
    assert len(traces(figure, "bar")) == 5
    assert traces(figure, "band") == {}
    assert figure["meta"]["header"] == "5 of 18 runs"


def test_a_box_has_the_quartiles_that_bands_have(ask: Callable[..., Any]) -> None:
    boxes = traces(ask(kind="box").json(), "box")
    assert list(boxes) == LABELS
    for label, values in zip(LABELS, VALUES, strict=True):
        box = boxes[label]
        quartiles = [box[key][0] for key in ("q1", "median", "q3")]
        np.testing.assert_allclose(quartiles, np.percentile(values, (25, 50, 75)), rtol=1e-12)
        assert box["mean"][0] == pytest.approx(values.mean())
        assert box["y"] == [sorted(values.tolist())]
        assert box["lowerfence"][0] in values
        assert quartiles[0] - box["lowerfence"][0] <= 1.5 * (quartiles[2] - quartiles[0])
    (alone,) = traces(ask(kind="box", group="").json(), "box").values()
    np.testing.assert_allclose(alone["median"], np.median(VALUES), rtol=1e-12)


def test_a_violin_stands_around_a_narrow_box_of_the_same_quartiles(
    ask: Callable[..., Any], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_run(project, "alone", [], config={"lr": 3}, summary={"val": {"acc": 1.0}})
    box, violin = (ask(kind="box", settings=json.dumps({"boxShape": shape})).json() for shape in ("box", "violin"))
    assert violin["meta"]["header"] == box["meta"]["header"] == "19 of 19 runs"
    assert traces(box, "violin") == {}
    found = traces(violin, "violin")
    assert list(found) == LABELS, "one run has no density"
    for label, values in zip(LABELS, VALUES, strict=True):
        assert decoded(found[label]["y"]).tolist() == sorted(values.tolist())
    boxes, alone = traces(violin, "box"), traces(box, "box")
    for label in (*LABELS, "lr: 3"):
        assert boxes[label]["median"] == alone[label]["median"]
        assert boxes[label]["boxpoints"] is False
    monkeypatch.setattr(summary_plot, "MOST_VALUES", 3)
    few = traces(ask(kind="box", settings='{"boxShape": "violin"}').json(), "violin")
    assert decoded(few["lr: 0"]["y"]).tolist()[::2] == [VALUES[0].min(), VALUES[0].max()]


def test_what_is_hidden_searched_away_or_not_finite_does_not_count(ask: Callable[..., Any], project: Project) -> None:
    log_run(project, "bad", [], config={"lr": 0}, summary={"val": {"acc": float("nan")}})
    figure = ask().json()
    assert figure["meta"]["nonfiniteText"] == "1 value left out (NaN or infinite)"
    assert figure["meta"]["header"].endswith(" · 18 of 19 runs")
    np.testing.assert_allclose(traces(figure, "bar")["lr: 0"]["y"], VALUES[0].mean(), rtol=1e-12)
    found = traces(ask(q="r1").json(), "bar")
    assert list(found) == ["lr: 1"]
    group = traces(figure, "bar")["lr: 0"]["meta"]["group"]
    assert list(traces(ask(hide=group).json(), "bar")) == LABELS[1:]
    assert list(traces(ask(settings='{"limit": 2}').json(), "bar")) == LABELS[:2]


def test_nothing_to_show_is_said(ask: Callable[..., Any]) -> None:
    for metric in ("nothing", "word"):
        meta = ask(metric=metric).json()["meta"]
        assert meta["empty"] is True
        assert meta["message"]


@pytest.mark.parametrize("kind", ["bar", "box"])
def test_the_file_has_what_is_drawn(ask: Callable[..., Any], kind: str) -> None:
    response = ask("summary-plot.csv", kind=kind)
    assert response["Content-Disposition"] == 'attachment; filename="digits-val.acc.csv"'
    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))
    if kind == "box":
        assert [(row["group"], float(row["value"])) for row in rows] == [
            (label, value) for label, values in zip(LABELS, VALUES, strict=True) for value in sorted(values.tolist())
        ]
    else:
        assert [row["group"] for row in rows] == LABELS
        assert {row["n"] for row in rows} == {"6"}
        np.testing.assert_allclose([float(row["value"]) for row in rows], VALUES.mean(axis=1), rtol=1e-12)
        spread = [float(row["high"]) - float(row["low"]) for row in rows]
        np.testing.assert_allclose(spread, 2 * VALUES.std(axis=1, ddof=1), rtol=1e-9)


@pytest.mark.parametrize("query", [{"kind": "pie"}, {"kind": ""}, {"metric": ""}, {"settings": "{"}, {"sort": "no"}])
def test_a_question_that_means_nothing_gets_a_reason(ask: Callable[..., Any], query: dict[str, str]) -> None:
    for address in ("summary-plot", "summary-plot.csv"):
        assert ask(address, 400, **query).json()["error"]


def test_a_panel_of_the_kind_has_settings_it_heeds_and_no_others(ask: Callable[..., Any], client: Client) -> None:
    body = {"do": "add", "kind": "bar", "metrics": ["val.acc"], "section": "Results"}
    html = client.post("/ada/digits/panels", body, content_type="application/json").content.decode()
    assert 'data-kind="bar"' in html
    key = html.partition('data-key="')[2].partition('"')[0]
    address = f"/ada/digits/line-plot/settings?metric=val.acc&panel={key}"
    dialog = client.get(address).content.decode()
    assert 'name="groupArea"' in dialog
    assert 'name="xAxis"' not in dialog
    assert 'name="smoothingType"' not in dialog
    client.post(address, {"groupAgg": "max"}, content_type="application/json")
    assert ask(panel=key).json()["meta"]["header"].startswith("max")
    assert ask().json()["meta"]["header"].startswith("mean")
    for wrong in ({"kind": "pie"}, {"metrics": ["nothing"]}, {"kind": 5}):
        refused = client.post("/ada/digits/panels", body | wrong, content_type="application/json")
        assert refused.status_code == 400
    # A run by itself compares nothing.
    assert "data-kind" not in client.get("/ada/digits/runs/r0-0?tab=charts").content.decode()


def test_it_belongs_to_those_who_see_the_project(ask: Callable[..., Any]) -> None:
    stranger = Client()
    stranger.force_login(make_user("eve"))
    for address in ("summary-plot", "summary-plot.csv"):
        assert stranger.get(f"/ada/digits/{address}?kind=bar&metric=val.acc").status_code == 404


def test_it_asks_a_fixed_number_of_questions(
    ask: Callable[..., Any], project: Project, django_assert_max_num_queries: Callable
) -> None:
    with django_assert_max_num_queries(14):
        ask()
    for number in range(20):
        log_run(project, f"more-{number}", [], config={"lr": number}, summary={"val": {"acc": 1.0}})
    with django_assert_max_num_queries(14):
        ask()
