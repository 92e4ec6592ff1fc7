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

from projects import summaries
from projects.models import Project
from runs.models import Run
from tests.factories import log_run, make_project, make_user
from tests.projects.charts.curves import decoded

pytestmark = pytest.mark.django_db

VALUES = np.random.default_rng(7).normal(size=(2, 4))  # learning rates, seeds
SETTINGS = {"xColumn": "config.width", "yColumn": "summary.val.acc"}


@pytest.fixture
def project() -> Project:
    made = make_project(make_user("ada"), "digits")
    for rate, seeds in enumerate(VALUES):
        for seed, value in enumerate(seeds.tolist()):
            config = {"lr": rate, "width": 8 * (seed + 1)}
            log_run(made, f"r{rate}-{seed}", [], config=config, summary={"val": {"acc": value}})
    log_run(made, "without", [], config={"lr": 0, "width": "wide"}, summary={"val": {"acc": 1.0}})
    return made


@pytest.fixture
def ask(client: Client, project: Project) -> Callable[..., Any]:
    client.force_login(project.entity.owner)

    def get(address: str = "summary-plot", status: int = 200, settings: dict | None = None, **query: object) -> Any:
        spec = json.dumps(SETTINGS | (settings or {}))
        asked = {"kind": "scatter", "metric": "summary.val.acc", "group": "config.lr", "settings": spec, **query}
        response = client.get(f"/ada/digits/{address}?{urlencode(asked, doseq=True)}")
        assert response.status_code == status, response.content
        return response

    return get


def points(response: Any, role: str = "points") -> dict[str, dict[str, Any]]:
    figure = response.json()
    go.Figure(figure["data"], figure["layout"])
    return {trace["name"]: trace for trace in figure["data"] if trace["meta"]["role"] == role}


def test_each_run_is_a_point_in_its_groups_colour(ask: Callable[..., Any]) -> None:
    response = ask()
    found = points(response)
    assert list(found) == ["lr: 0", "lr: 1"]
    for rate, (label, trace) in enumerate(found.items()):
        assert decoded(trace["x"]).tolist() == [8, 16, 24, 32], label
        assert decoded(trace["y"]).tolist() == VALUES[rate].tolist()
        assert trace["text"] == [f"r{rate}-{seed}" for seed in range(4)]
    assert len({trace["marker"]["color"] for trace in found.values()}) == 2
    meta = response.json()["meta"]
    assert (meta["header"], meta["title"]) == ("8 of 9 runs", "val.acc by width")


def test_means_of_groups_stand_among_their_points(ask: Callable[..., Any]) -> None:
    response = ask(settings={"groupMeans": True, "groupArea": "stderr"})
    means = points(response, "mean")
    for rate, mean in enumerate(means.values()):
        np.testing.assert_allclose((mean["x"][0], mean["y"][0]), (20, VALUES[rate].mean()), rtol=1e-12)
        error = VALUES[rate].std(ddof=1) / 2
        np.testing.assert_allclose(mean["error_y"]["array"][0], error, rtol=1e-9)
    assert response.json()["meta"]["header"] == "mean ± std err · 8 of 9 runs"


def test_ungrouped_all_runs_are_one_cloud(ask: Callable[..., Any]) -> None:
    response = ask(group="", settings={"groupMeans": True})
    (cloud,) = points(response).values()
    assert len(decoded(cloud["x"])) == 8
    assert response.json()["meta"]["header"] == "8 of 9 runs"
    hidden = [run.id.hex for run in Run.objects.filter(name__startswith="r0")]
    (rest,) = points(ask(group="", hide=hidden)).values()
    assert rest["text"] == [f"r1-{seed}" for seed in range(4)]
    own = ask(group="config.lr", hide=hidden[:1], settings={"groupBy": "none", "states": ["finished"]})
    assert own.json()["meta"]["header"] == "7 of 8 runs · only finished"


def test_what_is_hidden_searched_away_or_beyond_the_limit_is_not_drawn(ask: Callable[..., Any]) -> None:
    group = points(ask())["lr: 0"]["meta"]["group"]
    assert list(points(ask(hide=group))) == ["lr: 1"]
    assert list(points(ask(q="r1"))) == ["lr: 1"]
    limited = ask(settings={"limit": 1})
    assert limited.json()["meta"]["header"] == "4 of 5 runs · 1 of 2 groups"
    assert list(points(ask(settings={"legendTemplate": "at ${config:lr}"}))) == ["at 0", "at 1"]


def test_a_log_axis_shows_what_is_above_0(ask: Callable[..., Any]) -> None:
    response = ask(settings={"yLogScale": True})
    assert response.json()["meta"]["header"] == f"{(VALUES > 0).sum()} of 9 runs"
    assert response.json()["layout"]["yaxis"]["type"] == "log"


def test_of_very_many_points_some_are_drawn_and_it_is_said(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "MOST_POINTS", 3)
    response = ask(settings={"groupMeans": True})
    assert response.json()["meta"]["header"] == "mean ± std dev · 8 of 9 runs · 3 of 8 points drawn"
    assert sum(len(trace["text"]) for trace in points(response).values()) == 3
    assert [mean["x"] for mean in points(response, "mean").values()] == [[20], [20]], "means are of all runs"


def test_the_file_has_the_points_drawn(ask: Callable[..., Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(b"".join(ask("summary-plot.csv")).decode())))
    assert [(row["group"], row["run"], float(row["x"]), float(row["y"])) for row in rows] == [
        (f"lr: {rate}", f"r{rate}-{seed}", 8 * (seed + 1), VALUES[rate, seed]) for rate in (0, 1) for seed in range(4)
    ]


def test_columns_that_have_no_numbers_are_an_empty_chart(ask: Callable[..., Any]) -> None:
    for columns in ({"xColumn": "config.none"}, {"yColumn": "summary.none"}):
        meta = ask(settings=columns).json()["meta"]
        assert (meta["empty"], meta["message"]) == (True, "No visible run has both numbers.")


@pytest.mark.parametrize("settings", [{"xColumn": "state"}, {"xColumn": "lr"}, {"yColumn": "a\0"}, {"groupMeans": 1}])
def test_settings_that_mean_nothing_get_a_reason(ask: Callable[..., Any], settings: dict[str, Any]) -> None:
    assert set(ask(status=400, settings=settings).json()["errors"]) == set(settings)
    assert ask(status=400, metric="nonsense", settings={"yColumn": ""}).json()["error"]


def test_a_panel_is_added_by_its_columns_and_edited(ask: Callable[..., Any], client: Client) -> None:
    ask()

    def post(status: int = 200, **body: object) -> str:
        body = {"do": "add", "kind": "scatter", **body}
        response = client.post("/ada/digits/panels", body, content_type="application/json")
        assert response.status_code == status, response.content
        return response.content.decode()

    for wrong in ({}, {"yColumn": "config.none"}, {"xColumn": "config.width"}, {"yColumn": "state"}):
        post(status=400, settings=wrong)
    html = post(settings=SETTINGS)
    assert 'data-section="Charts"' in html
    assert 'data-metric="summary.val.acc"' in html
    key = html.partition('data-key="')[2].partition('"')[0]
    address = f"/ada/digits/line-plot/settings?metric=summary.val.acc&panel={key}"
    dialog = client.get(address).content.decode()
    assert 'name="xColumn"' in dialog
    assert 'value="config.width"' in dialog
    assert "Edit panel — val.acc by width<" in dialog
    assert 'name="metrics"' not in dialog
    assert 'name="smoothingType"' not in dialog
    saved = client.get(f"/ada/digits/summary-plot?kind=scatter&metric=summary.val.acc&panel={key}&group=config.lr")
    assert saved.json()["meta"]["title"] == "val.acc by width"


def test_it_asks_a_fixed_number_of_questions(
    ask: Callable[..., Any], project: Project, django_assert_max_num_queries: Callable
) -> None:
    for number in range(20):
        log_run(project, f"more-{number}", [], config={"lr": number, "width": 1}, summary={"val": {"acc": 1.0}})
    with django_assert_max_num_queries(18):
        ask(settings={"groupMeans": True})
