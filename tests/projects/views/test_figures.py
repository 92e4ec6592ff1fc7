import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from projects.models import Project
from runs import bulk, ingest
from runs.models import Run, run_id
from tests.factories import log_run, make_project, make_user, set_values
from tests.projects.cast import make_cast

pytestmark = pytest.mark.django_db

ADDRESS = "/ada/digits/figures"
ALONE = {None: "/ada/digits/line-plot", "bar": "/ada/digits/summary-plot", "box": "/ada/digits/summary-plot"}
PANELS = [
    {"metric": "loss"},
    {"metric": "acc", "lo": 1, "hi": 2, "cells": 1000},
    {"metric": "loss", "settings": json.dumps({"groupBy": "none"})},
    {"kind": "bar", "metric": "loss"},
    {"kind": "box", "metric": "loss"},
]
ROWS = [{"loss": 0.5 * step, "acc": 1 / (1 + step)} for step in range(4)]


@pytest.fixture
def project() -> Project:
    """Runs of three learning rates, of which the third logs no loss."""
    made = make_project(make_user("ada"), "digits")
    for lr in (0.1, 0.2):
        for seed in range(3):
            log_run(made, f"{lr}-{seed}", ROWS, config={"lr": lr}, summary={"loss": lr + seed}, complete=seed > 0)
    log_run(made, "silent", [{"other": 1.0}], config={"lr": 0.3}, complete=False)
    return made


@pytest.fixture
def ask(client: Client, project: Project) -> Callable[..., Any]:
    client.force_login(project.entity.owner)

    def post(*panels: dict[str, object], known: tuple[str, ...] = (), query: str = "group=config.lr") -> list[Any]:
        versions = known or ("",) * len(panels)
        asked = [[urlencode(panel), version] for panel, version in zip(panels, versions, strict=True)]
        response = client.post(f"{ADDRESS}?{query}", asked, content_type="application/json")
        assert response.status_code == 200, response.content
        return response.json()

    return post


def test_together_panels_are_as_they_are_alone(ask: Callable[..., Any], client: Client) -> None:
    for panel, found in zip(PANELS, ask(*PANELS), strict=True):
        address = f"{ALONE[panel.get('kind')]}?{urlencode({'group': 'config.lr', **panel})}"
        alone = client.get(address)
        assert alone.json() == found["figure"]
        assert alone["ETag"] == f'W/"{found["version"]}"'
        again = {"If-None-Match": alone["ETag"]}
        assert (
            client.get(alone.request["PATH_INFO"] + "?" + alone.request["QUERY_STRING"], headers=again).status_code
            == 304
        )


def test_each_panel_has_the_settings_that_were_saved_of_it(ask: Callable[..., Any], client: Client) -> None:
    for metric, spec in (("loss", {"title": "Loss"}), ("acc", {"title": "Accuracy"})):
        address = f"/ada/digits/line-plot/settings?metric={metric}"
        assert client.post(address, json.dumps(spec), content_type="application/json").status_code == 200
    found = ask({"metric": "loss"}, {"metric": "acc"}, {"metric": "other"}, {"metric": "acc", "cells": 1000})
    titles = [panel["figure"]["meta"]["title"] for panel in found]
    assert titles == ["Loss", "Accuracy", "other", "Accuracy"]


def test_what_is_known_does_not_come_again(ask: Callable[..., Any]) -> None:
    known = tuple(found["version"] for found in ask(*PANELS))
    assert len(set(known)) == len(PANELS)
    assert ask(*PANELS, known=known) == [None] * len(PANELS)
    mixed = (known[0], "", *known[2:])
    assert [found is None for found in ask(*PANELS, known=mixed)] == [True, False, True, True, True]


def log_on(project: Project, name: str, **value: float) -> None:
    run = Run.objects.get(project=project, name=name)
    lines = ingest.Lines(offset=run.history_lines, lines=[json.dumps(value)])
    ingest.stream_accept(run_id=run.id, writer="", request=ingest.StreamRequest(history=lines))


def run_of(project: Project, name: str) -> Run:
    return Run.objects.get(id=run_id(project.id, name))


def summary_set(project: Project) -> None:
    request = ingest.StreamRequest(summary={"loss": 77})
    ingest.stream_accept(run_id=run_of(project, "0.1-0").id, writer="", request=request)


CHANGES: dict[str, tuple[Callable[[Project], object], str]] = {
    "a point": (lambda project: log_on(project, "0.1-0", loss=9.0), "line"),
    "a first point": (lambda project: log_on(project, "silent", loss=9.0), "line"),
    "a point that is no number": (lambda project: log_on(project, "0.1-0", loss=float("nan")), "line"),
    "a run more": (lambda project: log_run(project, "more", ROWS, config={"lr": 0.1}, summary={"loss": 1}), "both"),
    "another value to group by": (
        lambda project: set_values(run_of(project, "0.1-0"), config={"lr": 0.2}),
        "both",
    ),
    "a run deleted": (
        lambda project: bulk.runs_delete(runs=[run_of(project, "0.1-1").id], at=timezone.now()),
        "both",
    ),
    "steps taken back": (
        lambda project: ingest.run_rewind(run_id=run_of(project, "0.1-0").id, after_step=1),
        "line",
    ),
    "a summary value": (summary_set, "bar"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_drawn_changes_the_version(ask: Callable[..., Any], project: Project, change: str) -> None:
    act, kinds = CHANGES[change]
    panels = [{"metric": "loss"}, {"metric": "loss", "kind": "bar"}]
    before = ask(*panels)
    act(project)
    line, bar = ask(*panels, known=tuple(found["version"] for found in before))
    if kinds in ("line", "both"):
        assert line is not None
        assert line["figure"] != before[0]["figure"]
    if kinds in ("bar", "both"):
        assert bar is not None
        assert bar["figure"] != before[1]["figure"]


def test_names_colours_hidden_groups_and_settings_change_the_version(
    ask: Callable[..., Any], client: Client, project: Project
) -> None:
    panel = {"metric": "loss"}
    (before,) = ask(panel, query="group=")
    set_values(run_of(project, "0.1-0"), display_name="renamed")
    (renamed,) = ask(panel, known=(before["version"],), query="group=")
    assert "renamed" in [trace["name"] for trace in renamed["figure"]["data"]]
    (first,) = ask(panel)
    log_run(project, "small", [{"other": 1.0}], config={"lr": 0.05})
    assert ask(panel, known=(first["version"],)) == [None]
    # Had it come first, the others would have later colours.
    Run.objects.filter(name="small").update(created_at=timezone.now() - timedelta(days=1), changed_at=timezone.now())
    (grouped,) = ask(panel, known=(first["version"],))
    colours = [[trace["line"]["color"] for trace in found["figure"]["data"]] for found in (first, grouped)]
    assert colours[0] != colours[1]
    hidden = grouped["figure"]["data"][-1]["meta"]["group"]
    assert ask(panel, known=(grouped["version"],), query=f"group=config.lr&hide={hidden}")[0]["figure"]
    client.post(f"{ALONE[None]}/settings?metric=loss", {"groupAgg": "max"}, content_type="application/json")
    (saved,) = ask(panel, known=(grouped["version"],))
    assert saved["figure"]["meta"]["header"].startswith("max")


def test_a_run_that_falls_silent_changes_what_is_grouped_by_state(ask: Callable[..., Any], project: Project) -> None:
    query = "group=state&f=name:=:0.1-0"
    (before,) = ask({"metric": "loss"}, query=query)
    Run.objects.filter(project=project).update(heartbeat_at=timezone.now() - timedelta(days=1))
    (after,) = ask({"metric": "loss"}, known=(before["version"],), query=query)
    assert after["figure"]["data"][-1]["name"] == "State: crashed"


def test_a_chart_stays_as_it_is_while_only_other_runs_go_on(ask: Callable[..., Any], project: Project) -> None:
    panels = [{"metric": "loss"}, {"metric": "loss", "settings": json.dumps({"limit": 1})}, {"metric": "other"}]
    known = tuple(found["version"] for found in ask(*panels))
    log_on(project, "0.2-0", loss=9.0)
    assert [found is None for found in ask(*panels, known=known)] == [False, True, True]
    known = tuple(found["version"] for found in ask(*panels))
    log_on(project, "silent", other=2.0)
    assert [found is None for found in ask(*panels, known=known)] == [True, True, False]


def test_panels_that_can_not_be_drawn_leave_the_others_alone(ask: Callable[..., Any]) -> None:
    bad = [{"metric": ""}, {"metric": "a\0b"}, {"metric": "loss", "lo": "x"}, {"metric": "loss", "kind": "pie"}]
    bad.append({"metric": "loss", "settings": '{"groupAgg": "mode"}'})
    good, *refused = ask({"metric": "loss"}, *bad)
    assert good["figure"]["data"]
    assert all(found.keys() == {"error"} and found["error"] for found in refused)


@pytest.mark.parametrize(
    "body",
    ["", "{", "{}", "[1]", '[["metric=loss"]]', '[["metric=loss", 1]]', json.dumps([["metric=loss", ""]] * 25)],
)
def test_a_question_that_is_none_gets_a_reason(ask: Callable[..., Any], client: Client, body: str) -> None:
    response = client.post(ADDRESS, body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_panels_query_may_be_too_long(ask: Callable[..., Any], client: Client) -> None:
    body = [["&".join(["a=1"] * 2000), ""]]
    assert client.post(ADDRESS, body, content_type="application/json").status_code == 400


def test_twelve_panels_ask_little_more_than_one(
    ask: Callable[..., Any], django_assert_max_num_queries: Callable[..., Any]
) -> None:
    with django_assert_max_num_queries(12 + 12 * 3):
        ask(*[{"metric": "loss", "cells": cells} for cells in range(1, 13)])


def test_who_may_see_the_project_may_ask(client: Client) -> None:
    cast = make_cast()
    log_run(cast.project, "one", ROWS)
    body = json.dumps([["metric=loss", ""]])
    statuses = {
        who: cast.as_(who).post("/lab/digits/figures", body, content_type="application/json").status_code
        for who in ("owner", "teammate", "viewer", "stranger", "anonymous")
    }
    assert statuses == {"owner": 200, "teammate": 200, "viewer": 200, "stranger": 404, "anonymous": 404}
    assert cast.as_("owner").get("/lab/digits/figures").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_all_panels_are_read_at_one_moment(ask: Callable[..., Any], project: Project) -> None:
    """Outside a transaction of the test's, as a server answers."""
    first, second = ask(*PANELS[:2])
    log_on(project, "0.1-0", loss=9.0, acc=9.0)
    again = ask(*PANELS[:2], known=(first["version"], second["version"]))
    assert [found["figure"] != before["figure"] for found, before in zip(again, (first, second), strict=True)] == [
        True,
        False,
    ]
