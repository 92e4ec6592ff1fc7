import csv
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from django.test import Client

from tests.factories import log_run, make_project, make_user

pytestmark = pytest.mark.django_db

VALUES = np.random.default_rng(3).normal(size=(2, 3, 5))  # learning rates, seeds, steps


@pytest.fixture
def download(client: Client) -> Callable[..., Any]:
    """The file's rows as dictionaries, at a query string, as the owner."""
    owner = make_user("ada")
    project = make_project(owner, "digits")
    for rate, seeds in enumerate(VALUES):
        for seed, values in enumerate(seeds):
            rows = [{"val/loss": value} for value in values.tolist()]
            log_run(project, f'r{rate},"{seed}"', rows, config={"lr": rate})
    client.force_login(owner)

    def get(status: int = 200, **query: object) -> Any:
        response = client.get(f"/ada/digits/line-plot.csv?{urlencode({'metric': 'val/loss', **query}, doseq=True)}")
        assert response.status_code == status
        if status != 200:
            return response
        get.response = response
        return list(csv.DictReader(io.StringIO(b"".join(response).decode())))

    return get


def column(rows: list[dict[str, str]], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def test_the_numbers_are_those_of_the_chart_with_n(download: Callable[..., Any]) -> None:
    rows = download(group="config.lr")
    assert [row["group"] for row in rows] == ["lr: 0"] * 5 + ["lr: 1"] * 5
    assert column(rows, "x") == [0, 1, 2, 3, 4] * 2
    assert column(rows, "n") == [3] * 10
    mean, deviation = VALUES.mean(axis=1).ravel(), VALUES.std(axis=1, ddof=1).ravel()
    np.testing.assert_allclose(column(rows, "value"), mean, rtol=1e-12)
    np.testing.assert_allclose(column(rows, "low"), mean - deviation, rtol=1e-12)
    np.testing.assert_allclose(column(rows, "high"), mean + deviation, rtol=1e-12)


def test_it_says_what_the_question_says(download: Callable[..., Any]) -> None:
    rows = download(group="config.lr", lo=1, hi=2, settings=json.dumps({"groupAgg": "max", "groupArea": "none"}))
    assert column(rows, "x") == [1, 2, 1, 2]
    assert column(rows, "value") == VALUES.max(axis=1)[:, 1:3].ravel().tolist()
    assert {row["low"] + row["high"] for row in rows} == {""}


def test_a_run_alone_has_its_own_values_to_the_last_bit(download: Callable[..., Any]) -> None:
    rows = [row for row in download() if row["group"] == 'r1,"2"']
    assert column(rows, "value") == VALUES[1, 2].tolist()
    assert column(rows, "n") == [1] * 5


def test_the_file_has_a_name_any_system_takes(download: Callable[..., Any]) -> None:
    download()
    assert download.response["Content-Disposition"] == 'attachment; filename="digits-val_loss.csv"'
    download(metric='a"\r\n/../é')
    assert download.response["Content-Disposition"] == 'attachment; filename="digits-a_.._.csv"'


def test_the_metric_is_named_where_there_are_several(download: Callable[..., Any]) -> None:
    settings = '{"metrics": ["val/loss", "nothing"], "groupBy": "none"}'
    rows = download(settings=settings)
    assert list(rows[0]) == ["group", "metric", "x", "value", "low", "high", "n"]
    assert {row["metric"] for row in rows} == {"val/loss"}
    assert {row["group"] for row in rows} == {row["group"] for row in download()}


def test_a_metric_nobody_logged_is_a_file_of_no_rows(download: Callable[..., Any]) -> None:
    assert download(metric="nothing") == []


@pytest.mark.parametrize("query", [{"metric": ""}, {"lo": "x"}, {"sort": "nonsense"}, {"x": "_no"}, {"settings": "{"}])
def test_a_question_that_means_nothing_gets_a_reason(download: Callable[..., Any], query: dict[str, str]) -> None:
    assert download(400, **query).json()["error"]


def test_it_belongs_to_those_who_see_the_project(download: Callable[..., Any]) -> None:
    stranger = Client()
    stranger.force_login(make_user("eve"))
    assert stranger.get("/ada/digits/line-plot.csv?metric=val/loss").status_code == 404
