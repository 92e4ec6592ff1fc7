from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from pyarrow.parquet import ParquetFile

from projects import access
from projects.conclusions.comparison import welch
from projects.models import Project, Visibility
from runs.models import Run
from tests.factories import log_run
from tests.projects.cast import Cast
from tests.tracker.api.experiment import BASE, SEEDS, STEPS, log, losses
from tracker.api.door import JsonRenderer

pytestmark = pytest.mark.django_db


def test_projects_are_those_the_person_may_see(cast: Cast) -> None:
    (project,) = cast.as_("viewer").get("/api/projects").json()["projects"]
    assert (project["entity"], project["name"]) == ("lab", "digits")
    for who in ("stranger", "anonymous"):
        assert cast.as_(who).get("/api/projects").json() == {"total": 0, "next": None, "projects": []}


def test_projects_come_in_pages(cast: Cast) -> None:
    for name in ("b", "a"):
        access.project_get_or_create(cast.owner, entity="lab", name=name)
    owner = cast.as_("owner")
    assert [row["name"] for row in followed(owner, "/api/projects?size=2", "projects")] == ["a", "b", "digits"]
    assert owner.get("/api/projects?size=0").status_code == owner.get("/api/projects?page=x").status_code == 400


def followed(client: Client, address: str | None, name: str) -> list[Any]:
    """The rows of all pages."""
    found = []
    while address:
        answer = client.get(address).json()
        found += answer[name]
        address = answer["next"]
    return found


@pytest.mark.parametrize(
    "path",
    [
        "", "/runs", "/runs/lr0.1-0", "/runs/lr0.1-0/history", "/columns", "/groups?group=config.lr",
        "/series?metric=loss", "/results", "/compare", "/export",
    ],
)  # fmt: skip
def test_members_get_an_answer_and_others_the_404_of_a_missing_project(cast: Cast, path: str) -> None:
    for who in ("owner", "teammate", "viewer"):
        assert cast.as_(who).get(BASE + path).status_code == 200
    for who in ("stranger", "anonymous"):
        refused, missing = cast.as_(who).get(BASE + path), cast.as_(who).get(f"/api/lab/none{path}")
        assert refused.status_code == missing.status_code == 404
        assert refused.content == missing.content
    Project.objects.update(visibility=Visibility.PUBLIC)
    for who in ("stranger", "anonymous"):
        assert cast.as_(who).get(BASE + path).status_code == 200


def test_an_api_key_opens_the_same_doors(cast: Cast) -> None:
    key = access.api_key_create(user=cast.teammate)
    client = Client()
    assert client.get(f"{BASE}/runs", headers={"Authorization": f"Bearer {key}"}).json()["total"] == 8
    wrong = client.get(f"{BASE}/runs", headers={"Authorization": "Bearer " + "x" * 40})
    assert wrong.status_code == 401


@pytest.mark.parametrize(
    "page",
    [
        "", "?group=config.lr", "/groups/a%2Fb%3F", "/groups/a/b%3F?q=one&group=", "/groups/", "/runs/lr0.1-0",
        "/results?rows=config.lr&metric=summary.loss", "/compare?group=config.lr&pair=&metric=summary.loss",
    ],
)  # fmt: skip
def test_the_address_of_a_page_answers_in_numbers_behind_its_prefix(cast: Cast, page: str) -> None:
    log_run(cast.project, "one", [], group="a/b?")
    owner = cast.as_("owner")
    assert owner.get(BASE.removeprefix("/api") + page).status_code == 200
    assert owner.get(BASE + page).status_code == 200


def test_a_group_says_what_its_page_does_and_where_to_ask_on(cast: Cast) -> None:
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        log_run(cast.project, name, [], group="x/ y", job_type=name, config={"lr": 0.5, "seed": seed}, host="here")
    owner = cast.as_("owner")
    answer = owner.get(f"{BASE}/groups/x/%20y?f=config.seed:>:1").json()
    assert (answer["name"], answer["runs"], answer["matching"], answer["groups"]) == ("x/ y", 3, 2, 2)
    assert answer["states"] == {"finished": 3}
    assert answer["hosts"] == [{"value": "here", "runs": 3}]
    assert answer["shared"] == {"lr": "0.5"}
    (seeds,) = answer["varying"]
    assert seeds["values"] == [{"value": str(seed), "runs": 1} for seed in (1, 2, 3)]
    assert (seeds["key"], seeds["distinct"], seeds["not_set"]) == ("seed", 3, 0)
    shown = owner.get(f"{BASE.removeprefix('/api')}/groups/x/%20y").context["overview"]
    assert answer["wall_time"] == shown.wall_time.total_seconds() >= answer["longest"]
    assert "within=x/+y" in answer["links"]["runs"]
    assert {run["id"] for run in owner.get(answer["links"]["runs"]).json()["runs"]} == {"b", "c"}
    assert [it["key"] for it in owner.get(answer["links"]["groups"]).json()["groups"]] == [
        {"job_type": "b"},
        {"job_type": "c"},
    ]
    assert owner.get(f"{BASE}/groups/none").status_code == 404
    assert owner.get(f"{BASE}/groups/a%00b").status_code == 400


def test_the_export_menu_of_a_group_has_its_addresses(cast: Cast) -> None:
    log_run(cast.project, "one", [], group="a/b?")
    menu = cast.as_("owner").get(f"{BASE.removeprefix('/api')}/export?within=a/b%3F&group=config.lr").context
    page = f"http://testserver{BASE.removeprefix('/api')}/groups/a/b%3F?group=config.lr"
    assert menu["page_url"] == page
    assert menu["api_url"] == page.replace("/lab/", "/api/lab/")
    assert "within=" in menu["url"]


def test_groups_have_the_numbers_of_the_table(cast: Cast) -> None:
    low, high = cast.as_("owner").get(f"{BASE}/groups?group=config.lr").json()["groups"]
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
    first, _ = owner.get(f"{BASE}/groups?{asked}").json()["groups"]
    assert first["key"] == {"config.lr": "0.3"}
    assert first["columns"]["summary.loss"]["mean"] == pytest.approx(lowest.mean(), rel=1e-12)
    assert owner.get(f"{BASE}/runs?show=min:config.lr").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/runs?sort=nonsense",
        "/runs?q=/(/",
        "/groups?group=",
        "/series?metric=loss&settings={",
        "/runs?page=0",
        "/runs?size=1001",
        "/runs?after=x",
        "/runs?below=none",
        "/groups?group=config.lr&below=none",
        "?f=any(",
        "/columns?f=any(",
        "/series",
        "/series?metric=loss&as=xls",
        "/series?metric=loss&lo=x",
        "/results?cell=x",
        "/results?as=xls",
        "/compare?baseline=none",
        "/compare?metric=config.none",
        "/export?as=xls",
        "/runs/lr0.1-0/history?after=x",
        "/runs/lr0.1-0/history?as=xls",
        "/runs/lr0.1-0/history?stream=x",
        "/runs/lr0.1-0/history?min_step=1e3",
        "/runs/lr0.1-0/history?size=10001",
    ],
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


def test_the_address_of_a_page_answers_in_numbers_and_leads_on(cast: Cast) -> None:
    owner = cast.as_("owner")
    answer = owner.get(f"{BASE}?group=config.lr&f=config.lr:=:0.3&hide=").json()
    assert (answer["runs"], answer["groups"], answer["states"]) == (SEEDS, 1, {"finished": SEEDS})
    assert owner.get(BASE).json()["groups"] is None
    (group,) = owner.get(answer["links"]["groups"]).json()["groups"]
    assert group["key"] == {"config.lr": "0.3"}
    assert owner.get(answer["links"]["runs"]).json()["total"] == SEEDS


def test_pages_of_runs_go_on_behind_the_last_one_though_others_come_and_go(cast: Cast) -> None:
    owner = cast.as_("owner")
    whole = [run["id"] for run in owner.get(f"{BASE}/runs").json()["runs"]]
    assert [run["id"] for run in followed(owner, f"{BASE}/runs?size=3", "runs")] == whole
    first = owner.get(f"{BASE}/runs?size=3").json()
    assert len(first["runs"]) == 3
    log(cast.project, "newest", 0.5, [1.0])
    assert [run["id"] for run in followed(owner, first["next"], "runs")] == whole[3:]
    Run.objects.filter(name=whole[2]).update(deleted_at=timezone.now(), changed_at=timezone.now())
    assert [run["id"] for run in followed(owner, first["next"], "runs")] == whole[3:]


def test_runs_and_groups_inside_a_group(cast: Cast) -> None:
    owner = cast.as_("owner")
    outer = owner.get(f"{BASE}/groups?group=config.lr&group=state").json()["groups"]
    inner = owner.get(f"{BASE}/groups?group=config.lr&group=state&below={outer[1]['id']}").json()
    assert [group["key"] for group in inner["groups"]] == [{"config.lr": "0.3", "state": "finished"}]
    below = owner.get(f"{BASE}/runs?group=config.lr&below={outer[1]['id']}").json()
    assert {run["id"] for run in below["runs"]} == {f"lr0.3-{seed}" for seed in range(SEEDS)}
    pages = followed(owner, f"{BASE}/groups?group=config.lr&size=1", "groups")
    assert [group["id"] for group in pages] == [group["id"] for group in outer]


def test_columns_say_what_there_is_to_ask_for(cast: Cast) -> None:
    answer = cast.as_("owner").get(f"{BASE}/columns").json()
    columns = {column["name"]: column for column in answer["columns"]}
    assert (answer["runs"], answer["metrics"]) == (2 * SEEDS, ["loss"])
    assert (columns["config.lr"]["kinds"], columns["config.lr"]["distinct"]) == (["number"], 2)
    assert columns["created_at"]["groupable"] is False
    for name in columns.keys() - {"runs"}:
        assert cast.as_("owner").get(f"{BASE}/runs", {"columns": name, "sort": name}).status_code == 200


def test_a_run_has_its_config_as_it_was_logged(cast: Cast) -> None:
    config = {"net": {"width": 3}, "bad": [float("nan"), {"x": float("-inf")}], "big": 2**62}
    log_run(cast.project, "one", [{"loss": 1.0}], config=config, tags=["a"], summary={"loss": float("inf")})
    answer = cast.as_("owner").get(f"{BASE}/runs/one").json()
    assert answer["config"] == {"net": {"width": 3}, "bad": ["NaN", {"x": "-Infinity"}], "big": 2**62}
    assert (answer["summary"]["loss"], answer["tags"], answer["last_step"]) == ("Infinity", ["a"], 0)
    assert cast.as_("owner").get(f"{BASE}/runs/none").status_code == 404


def test_what_json_cannot_say_is_null() -> None:
    said = JsonRenderer().render({"x": np.array([1.5, np.nan, np.inf]), "y": float("-inf")})
    assert json.loads(said) == {"x": [1.5, None, None], "y": None}


def test_series_as_files_have_the_numbers_of_the_json(cast: Cast) -> None:
    owner, asked = cast.as_("owner"), f"{BASE}/series?metric=loss&group=config.lr"
    groups = owner.get(asked).json()["groups"]
    expected = [
        (group["label"], *row)
        for group in groups
        for row in zip(*(group[key] for key in ("x", "line", "lower", "upper", "n")), strict=True)
    ]
    parquet = ParquetFile(io.BytesIO(owner.get(f"{asked}&as=parquet").getvalue())).read().to_pylist()
    assert [tuple(row.values()) for row in parquet] == expected
    text = owner.get(f"{asked}&as=csv").getvalue()
    found = list(csv.reader(io.StringIO(text.decode())))
    assert found[0] == ["group", "x", "value", "low", "high", "n"]
    assert [(label, *map(float, row)) for label, *row in found[1:]] == expected
    assert text == owner.get("/lab/digits/line-plot.csv?metric=loss&group=config.lr").getvalue()


def test_the_results_table_is_the_pages(cast: Cast) -> None:
    owner, asked = cast.as_("owner"), "rows=config.lr&metric=summary.loss&cell=stddev&best=min:summary.loss"
    answer = owner.get(f"{BASE}/results?{asked}").json()
    assert (answer["rows_field"], answer["caption"]) == ("config.lr", "mean ± std dev, n = 4 runs in each cell")
    assert [row["label"] for row in answer["rows"]] == ["0.1", "0.3"]
    (cell,) = answer["rows"][0]["cells"]
    last = losses(0.1)[:, -1]
    assert (cell["middle"], cell["error"]) == pytest.approx((last.mean(), last.std(ddof=1)), rel=1e-12)
    assert [row["cells"][0]["best"] for row in answer["rows"]] == [True, False]
    assert cell["text"] in owner.get(f"/lab/digits/results?{asked}").content.decode()
    for format in ("latex", "markdown", "csv"):
        file = owner.get(f"{BASE}/results?{asked}&as={format}")
        assert file.getvalue() == owner.get(f"/lab/digits/results?{asked}&as={format}").getvalue() != b""


@pytest.mark.parametrize(("page", "asked"), [("results", "rows=config.lr&cell=quartiles"), ("compare", "pair=")])
def test_how_a_page_is_set_is_said_as_a_whole_and_what_is_asked_by_itself_stands_above(
    page: str, asked: str, cast: Cast
) -> None:
    def answer(query: str) -> Any:
        return cast.as_("owner").get(f"{BASE}/{page}?group=config.lr&{query}").json()

    whole = urlencode({page: asked})
    assert answer(whole) == answer(asked)
    assert answer(f"{whole}&metric=config.lr") == answer(f"{asked}&metric=config.lr") != answer(asked)


def test_groups_are_compared_with_the_baseline(cast: Cast) -> None:
    owner, asked = cast.as_("owner"), "group=config.lr&metric=summary.loss&pair="
    _, second = owner.get(f"{BASE}/groups?{asked}").json()["groups"]
    answer = owner.get(f"{BASE}/compare?{asked}&baseline={second['id']}").json()
    (other,) = answer["others"]
    expected = welch(losses(0.1)[:, -1], losses(0.3)[:, -1])
    assert (answer["baseline"]["label"], other["label"], answer["pair"]) == ("lr: 0.3", "lr: 0.1", None)
    assert (other["difference"], other["low"], other["p"]) == (expected.value, expected.low, expected.p)
    assert other["few"] is True
    assert owner.get(f"{BASE}/compare?{asked}&f=state:=:running").json()["others"] == []
