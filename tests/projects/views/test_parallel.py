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
from tests.factories import log_run, make_project, make_user
from tests.projects.charts.curves import decoded

pytestmark = pytest.mark.django_db

COLUMNS = ["config.lr", "config.opt", "config.mixed", "summary.acc"]


@pytest.fixture
def project() -> Project:
    made = make_project(make_user("ada"), "digits")
    for rate in (0, 1):
        for seed, optimizer in enumerate(("sgd", "adam", "sgd")):
            config = {"lr": rate, "opt": optimizer, "mixed": "ten" if seed else 10}
            log_run(made, f"r{rate}-{seed}", [], config=config, summary={"acc": rate + seed / 4})
    log_run(made, "bare", [], config={"other": 1})
    return made


@pytest.fixture
def ask(client: Client, project: Project) -> Callable[..., Any]:
    client.force_login(project.entity.owner)

    def get(address: str = "summary-plot", status: int = 200, settings: dict | None = None, **query: object) -> Any:
        spec = json.dumps({"columns": COLUMNS} | (settings or {}))
        asked = {"kind": "parallel", "metric": "summary.acc", "group": "config.lr", "settings": spec, **query}
        response = client.get(f"/ada/digits/{address}?{urlencode(asked, doseq=True)}")
        assert response.status_code == status, response.content
        if address == "summary-plot" and status == 200:
            go.Figure(response.json()["data"], response.json()["layout"])
        return response

    return get


def test_each_run_is_a_line_across_numbers_and_texts(ask: Callable[..., Any]) -> None:
    made = ask().json()
    assert made["layout"]["xaxis"]["ticktext"] == ["lr", "opt", "mixed", "acc"]
    assert made["meta"]["header"] == "6 of 6 runs"
    first, second = made["data"]
    heights = decoded(second["y"]).reshape(3, 5)[:, :4]
    # adam before sgd; numbers before texts; 1.25 of 0 to 1.5.
    np.testing.assert_allclose(heights[1], [1, 0, 1, 1.25 / 1.5], rtol=1e-12)
    np.testing.assert_allclose(heights[2], [1, 1, 1, 1], rtol=1e-12)
    assert first["name"] == "lr: 0"
    assert first["text"][1] == "r0-0<br>opt: sgd"
    (alone,) = ask(group="").json()["data"]
    assert alone["name"] == "All runs"


def test_colours_are_of_a_column_when_asked_for(ask: Callable[..., Any]) -> None:
    made = ask(settings={"colourBy": "config.opt"}).json()
    assert [trace["name"] for trace in made["data"]] == ["opt: adam", "opt: sgd"]
    assert made["meta"]["header"] == "6 of 6 runs · coloured by opt"


def test_of_very_many_runs_some_are_drawn_and_it_is_said(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "MOST_LINES", 4)
    made = ask().json()
    assert made["meta"]["header"] == "6 of 6 runs · 4 of 6 lines drawn"
    assert sum(len(trace["text"]) for trace in made["data"]) == 4 * (len(COLUMNS) + 1)


def test_the_file_has_the_values_drawn(ask: Callable[..., Any]) -> None:
    rows = list(csv.reader(io.StringIO(b"".join(ask("summary-plot.csv")).decode())))
    assert rows[0] == ["group", "run", "lr", "opt", "mixed", "acc"]
    assert rows[2] == ["lr: 0", "r0-1", "0", "adam", "ten", "0.25"]
    assert len(rows) == 7


def test_what_is_hidden_or_has_no_value_is_not_drawn(ask: Callable[..., Any]) -> None:
    group = ask().json()["data"][0]["meta"]["group"]
    assert [trace["name"] for trace in ask(hide=group).json()["data"]] == ["lr: 1"]
    empty = ask(settings={"columns": ["config.none"]}).json()["meta"]
    assert (empty["empty"], empty["message"]) == (True, "No visible run has a value here.")
    assert set(ask(status=400, settings={"columns": ["state"]}).json()["errors"]) == {"columns"}


def test_a_panel_is_added_by_its_columns(ask: Callable[..., Any], client: Client) -> None:
    ask()
    body = {"do": "add", "kind": "parallel", "settings": {"columns": COLUMNS}}
    html = client.post("/ada/digits/panels", body, content_type="application/json").content.decode()
    assert 'data-metric="summary.acc"' in html
    key = html.partition('data-key="')[2].partition('"')[0]
    dialog = client.get(f"/ada/digits/line-plot/settings?metric=summary.acc&panel={key}").content.decode()
    assert 'value="config.mixed"' in dialog
    assert "Edit panel — lr, opt, mixed, acc<" in dialog
    assert 'name="colourBy"' in dialog
    assert 'name="yMin"' not in dialog


def test_it_asks_a_fixed_number_of_questions(
    ask: Callable[..., Any], project: Project, django_assert_max_num_queries: Callable
) -> None:
    for number in range(20):
        log_run(project, f"more-{number}", [], config={"lr": number, "opt": "x"}, summary={"acc": 1.0})
    with django_assert_max_num_queries(20):
        ask(settings={"colourBy": "config.opt"})
