from __future__ import annotations

import json

import numpy as np
import pytest
from django.test import Client

from projects import access
from projects.models import Project
from tests.factories import log_run
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

BASE = "/api/lab/digits"
SEEDS, STEPS = 4, 6


def losses(lr: float) -> np.ndarray:
    return lr + np.sin(np.arange(SEEDS * STEPS)).reshape(SEEDS, STEPS)


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    for lr in (0.1, 0.3):
        for seed, series in enumerate(losses(lr).tolist()):
            log(cast.project, f"lr{lr}-{seed}", lr, series)
    return cast


def log(project: Project, name: str, lr: float, series: list[float]) -> None:
    rows = [{"loss": value} for value in series]
    log_run(project, name, rows, summary={"loss": series[-1]}, config={"lr": lr})


def test_projects_are_those_the_person_may_see(cast: Cast) -> None:
    (project,) = cast.as_("viewer").get("/api/projects").json()
    assert (project["entity"], project["name"]) == ("lab", "digits")
    assert cast.as_("stranger").get("/api/projects").json() == []
    assert cast.as_("anonymous").get("/api/projects").json() == []


@pytest.mark.parametrize("path", ["/runs", "/groups?group=config.lr", "/series?metric=loss"])
def test_members_get_an_answer_and_others_the_404_of_a_missing_project(cast: Cast, path: str) -> None:
    for who in ("owner", "teammate", "viewer"):
        assert cast.as_(who).get(BASE + path).status_code == 200
    for who in ("stranger", "anonymous"):
        refused, missing = cast.as_(who).get(BASE + path), cast.as_(who).get(f"/api/lab/none{path}")
        assert refused.status_code == missing.status_code == 404
        assert refused.content == missing.content


def test_an_api_key_opens_the_same_doors(cast: Cast) -> None:
    key = access.api_key_create(user=cast.teammate)
    client = Client()
    assert client.get(f"{BASE}/runs", headers={"Authorization": f"Bearer {key}"}).json()["total"] == 8
    wrong = client.get(f"{BASE}/runs", headers={"Authorization": "Bearer " + "x" * 40})
    assert wrong.status_code == 401


def test_groups_have_the_numbers_of_the_table(cast: Cast) -> None:
    low, high = cast.as_("owner").get(f"{BASE}/groups?group=config.lr").json()
    assert (low["key"], low["runs"], low["states"]) == ({"config.lr": "0.1"}, 4, {"finished": 4})
    last = losses(0.3)[:, -1]
    column = high["columns"]["summary.loss"]
    assert column["n"] == SEEDS
    expected = [last.mean(), last.std(ddof=1), last.min(), last.max()]
    assert [column[name] for name in ("mean", "std", "min", "max")] == pytest.approx(expected, rel=1e-12)


def test_series_are_what_the_panel_draws(cast: Cast) -> None:
    answer = cast.as_("owner").get(f"{BASE}/series?metric=loss&group=config.lr").json()
    assert [group["label"] for group in answer["groups"]] == ["lr: 0.1", "lr: 0.3"]
    series, values = answer["groups"][1], losses(0.3)
    assert series["x"] == list(range(STEPS))
    assert series["n"] == [SEEDS] * STEPS
    np.testing.assert_allclose(series["line"], values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(series["upper"], values.mean(axis=0) + values.std(axis=0, ddof=1), rtol=1e-12)
    settings = json.dumps({"groupAgg": "max", "groupArea": "none"})
    other = cast.as_("owner").get(f"{BASE}/series", {"metric": "loss", "group": "config.lr", "settings": settings})
    assert other.json()["groups"][1]["line"] == values.max(axis=0).tolist()
    assert other.json()["groups"][1]["lower"] == [None] * STEPS


def test_series_tell_where_runs_have_values_that_are_not_finite(cast: Cast) -> None:
    log(cast.project, "lr0.3-nan", 0.3, [1.0, float("nan"), float("inf")])
    answer = cast.as_("owner").get(f"{BASE}/series?metric=loss&group=config.lr").json()
    assert answer["x_axis"] == "_step"
    (marked,) = answer["nonfinite"]
    assert (marked["label"], marked["x"], marked["runs"]) == ("lr: 0.3", [1, 2], [1, 1])
    assert answer["groups"][1]["n"][:3] == [SEEDS + 1, SEEDS, SEEDS]


def test_runs_come_in_pages_with_their_values(cast: Cast) -> None:
    answer = cast.as_("owner").get(f"{BASE}/runs?f=config.lr:=:0.3&sort=summary.loss").json()
    assert answer["total"] == SEEDS
    assert [run["values"]["summary.loss"] for run in answer["runs"]] == sorted(losses(0.3)[:, -1].tolist())


def test_runs_and_groups_answer_with_what_the_column_shows_of_runs(cast: Cast) -> None:
    owner, asked = cast.as_("owner"), "group=config.lr&sort=-summary.loss&show=min:summary.loss"
    lowest = losses(0.3).min(axis=1)
    answer = owner.get(f"{BASE}/runs?f=config.lr:=:0.3&{asked}").json()
    assert [run["values"]["summary.loss"] for run in answer["runs"]] == sorted(lowest.tolist(), reverse=True)
    first, _ = owner.get(f"{BASE}/groups?{asked}").json()
    assert first["key"] == {"config.lr": "0.3"}
    assert first["columns"]["summary.loss"]["mean"] == pytest.approx(lowest.mean(), rel=1e-12)
    assert owner.get(f"{BASE}/runs?show=min:config.lr").status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/runs?sort=nonsense", "/runs?q=/(/", "/groups?group=", "/series?metric=loss&settings={", "/runs?page=0"],
)
def test_a_question_that_means_nothing_gets_a_reason(cast: Cast, path: str) -> None:
    answer = cast.as_("owner").get(BASE + path)
    assert answer.status_code == 400
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/projects", f"{BASE}/runs", f"{BASE}/groups", f"{BASE}/series"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(cast: Cast, path: str, method: str) -> None:
    # By key: a session without a CSRF token would be refused whatever the view does.
    key = access.api_key_create(user=cast.owner)
    answer = getattr(Client(), method)(path, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 405
