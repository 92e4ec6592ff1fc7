import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from projects.models import PanelSettings, Visibility, Workspace
from tests.factories import log_run
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

PANELS = "/lab/digits/panels"
FIGURE = "/lab/digits/line-plot"
SETTINGS = "/lab/digits/line-plot/settings"


@pytest.fixture
def cast() -> Cast:
    made = make_cast()
    for seed in range(2):
        log_run(made.project, f"r{seed}", [{"train/loss": 1.0 + seed, "acc": 0.5}], config={"lr": 0.1})
    return made


@pytest.fixture
def change(cast: Cast) -> Callable[..., Any]:
    """POST of a change, by default as the owner."""

    def post(*, status: int = 200, who: str = "owner", query: str = "", **body: object) -> str:
        client = cast.as_(who)
        response = client.post(f"{PANELS}{query}", json.dumps(body), content_type="application/json")
        assert response.status_code == status, response.content
        return response.content.decode()

    return post


def shown(html: str) -> list[tuple[str, list[str]]]:
    """(section, metrics of its panels) of a page or piece."""
    return [
        (part.partition('"')[0], re.findall(r'class="panel"[^>]*data-metric="([^"]*)"', part))
        for part in html.split('data-section="')[1:]
    ]


def keys(html: str) -> list[str]:
    return re.findall(r'data-key="([^"]*)"', html)


def test_panels_are_put_in_order_for_everybody(cast: Cast, change: Callable[..., str]) -> None:
    log_run(cast.project, "more", [{"train/acc": 1.0, "train/f1": 1.0}])
    html = change(do="place", panel="train/loss", after="train/acc")
    assert shown(html)[1] == ("train", ["train/acc", "train/loss", "train/f1"])
    html = change(do="place", panel="train/f1")
    assert shown(html)[1] == ("train", ["train/f1", "train/acc", "train/loss"])
    assert shown(cast.as_("viewer").get("/lab/digits").content.decode()) == shown(html)
    assert "not in this section" in change(do="place", panel="train/f1", after="acc", status=400)
    change(do="place", panel="train/f1", after=1, status=400)
    change(do="place", panel="nothing", status=404)
    change(do="place", panel="acc", who="viewer", status=403)
    assert shown(change(do="reset"))[1] == ("train", ["train/acc", "train/f1", "train/loss"])


def test_what_is_changed_is_answered_and_stays(cast: Cast, change: Callable[..., str]) -> None:
    assert shown(change(do="duplicate", panel="acc")) == [("Charts", ["acc", "acc"]), ("train", ["train/loss"])]
    html = change(do="move", panel="acc", section=" best ")
    assert shown(html) == [("best", ["acc"]), ("train", ["train/loss"]), ("Charts", ["acc"])]
    html = change(do="remove", panel="train/loss")
    assert shown(html) == [("best", ["acc"]), ("Charts", ["acc"])]
    for who in ("owner", "teammate", "viewer"):
        assert shown(cast.as_(who).get("/lab/digits").content.decode()) == shown(html)
    html = change(do="add", metrics=["train/loss", "acc"], section="mine")
    assert shown(html) == [("best", ["acc"]), ("mine", ["train/loss", "acc"]), ("Charts", ["acc"])]
    assert shown(change(do="reset")) == [("Charts", ["acc"]), ("train", ["train/loss"])]


def test_a_copy_has_settings_of_its_own(cast: Cast, change: Callable[..., str]) -> None:
    client = cast.as_("owner")

    def header(query: str) -> str:
        return client.get(f"{FIGURE}?group=config.lr&metric=acc{query}").json()["meta"]["header"]

    client.post(f"{SETTINGS}?metric=acc", {"groupAgg": "max"}, content_type="application/json")
    (key,) = keys(change(do="duplicate", panel="acc"))
    assert header(f"&panel={key}").startswith("max")
    client.post(f"{SETTINGS}?metric=acc&panel={key}", {"groupAgg": "min"}, content_type="application/json")
    assert header(f"&panel={key}").startswith("min")
    assert header("").startswith("max")
    assert "Edit panel — acc" in client.get(f"{SETTINGS}?metric=acc&panel={key}").content.decode()
    assert client.get(f"{SETTINGS}?metric=train/loss&panel={key}").status_code == 404
    assert client.post(f"{SETTINGS}?metric=acc&panel=x", {}, content_type="application/json").status_code == 404
    change(do="reset")
    assert not PanelSettings.objects.exists()
    assert header("").startswith("mean")


def test_settings_of_a_section_and_of_all_panels_reach_theirs(cast: Cast, change: Callable[..., str]) -> None:
    client = cast.as_("owner")

    def header(metric: str) -> str:
        return client.get(f"{FIGURE}?group=config.lr&metric={metric}").json()["meta"]["header"]

    client.post(f"{SETTINGS}?metric=acc&of=all", {"groupAgg": "min"}, content_type="application/json")
    client.post(f"{SETTINGS}?metric=train/loss&of=section", {"groupAgg": "max"}, content_type="application/json")
    assert header("acc").startswith("min,")
    assert header("train/loss").startswith("max,")
    assert "All panels of train" in client.get(f"{SETTINGS}?metric=train/loss&of=section").content.decode()
    client.delete(f"{SETTINGS}?metric=train/loss&of=section")
    assert header("train/loss").startswith("min,")
    assert client.get(f"{SETTINGS}?metric=acc&of=everything").status_code == 404


def test_one_panel_of_several_metrics_is_added_removed_and_brought_back(cast: Cast, change: Callable[..., str]) -> None:
    (key,) = keys(change(do="add", metrics=["acc"], settings={"metrics": ["acc", "train/loss"]}, section="all"))
    client = cast.as_("owner")

    def header() -> str:
        return client.get(f"{FIGURE}?group=config.lr&metric=acc&panel={key}").json()["meta"]["header"]

    assert header() == "mean ± std dev · 2 of 2 runs · 2 metrics"
    assert shown(change(do="remove", panel=key)) == [("Charts", ["acc"]), ("train", ["train/loss"])]
    back = change(do="add", metrics=["acc"], panel=key, section="all")
    assert shown(back)[-1] == ("all", ["acc"])
    assert (keys(back), header()) == ([key], "mean ± std dev · 2 of 2 runs · 2 metrics")
    assert keys(change(do="add", metrics=["acc"], panel=key)) == [key], "it is there already"
    found = change(do="add", settings={"metricRegex": "loss$"}, section="found")
    assert shown(found)[-1] == ("found", ["train/loss"])
    dialog = client.get(PANELS).content.decode()
    assert 'name="metricRegex"' in dialog


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"do": "explode"}, 400),
        ({"do": "move", "panel": "acc"}, 400),
        ({"do": "move", "panel": "acc", "section": "x" * 101}, 400),
        ({"do": "move", "panel": "acc", "section": ["a"]}, 400),
        ({"do": "move", "panel": "nothing", "section": "a"}, 404),
        ({"do": "remove", "panel": "a\0b"}, 400),
        ({"do": "remove"}, 404),
        ({"do": "add"}, 400),
        ({"do": "add", "metrics": ["nothing"]}, 400),
        ({"do": "add", "metrics": "acc"}, 400),
        ({"do": "add", "metrics": ["acc"] * 101}, 400),
        ({"do": "add", "metrics": [1]}, 400),
        ({"do": "add", "metrics": ["acc"], "settings": "x"}, 400),
        ({"do": "add", "metrics": ["acc"], "settings": {"metricRegex": "("}}, 400),
        ({"do": "add", "settings": {"metricRegex": "none such"}}, 400),
        ({"do": "add", "settings": {"groupAgg": "max"}}, 400),
        ({"do": "add", "metrics": ["acc"], "panel": "x y"}, 400),
    ],
)
def test_a_change_that_means_nothing_changes_nothing(
    change: Callable[..., str], body: dict[str, object], status: int
) -> None:
    change(status=status, **body)
    assert not Workspace.objects.exists()


def test_only_members_change_what_everybody_sees(cast: Cast, change: Callable[..., str]) -> None:
    change(who="viewer", status=403, do="remove", panel="acc")
    change(who="stranger", status=404, do="remove", panel="acc")
    change(who="anonymous", status=404, do="remove", panel="acc")
    type(cast.project).objects.update(visibility=Visibility.PUBLIC)
    change(who="stranger", status=403, do="remove", panel="acc")
    change(who="anonymous", status=403, do="remove", panel="acc")
    assert not Workspace.objects.exists()
    change(who="teammate", do="remove", panel="acc")
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.owner)
    assert client.post(PANELS, '{"do": "reset"}', content_type="application/json").status_code == 403


def test_the_dialog_offers_every_metric_and_section(cast: Cast, change: Callable[..., str]) -> None:
    html = cast.as_("viewer").get(PANELS).content.decode()
    assert re.findall(r'name="metric" value="([^"]*)"', html) == ["acc", "train/loss"]
    assert re.findall(r'<option value="([^"]*)">(?!\w)', html.partition('id="add-panels-sections"')[2]) == [
        "Charts",
        "train",
    ]
    assert cast.as_("stranger").get(PANELS).status_code == 404


def test_the_run_page_arranges_its_panels_as_the_project_does(cast: Cast, change: Callable[..., str]) -> None:
    change(do="move", panel="acc", section="best")
    html = cast.as_("viewer").get("/lab/digits/runs/r0?tab=charts").content.decode()
    assert shown(html) == [("best", ["acc"]), ("train", ["train/loss"])]
