import gzip
import json
import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any
from urllib.parse import urlencode

import plotly.graph_objects as go
import pytest
import zstandard
from django.http import HttpResponse
from django.test import Client

from projects.charts.line_plot import LinePlot
from projects.models import Membership, PanelSettings, Project, Role, User, Visibility
from projects.panel_kinds import KINDS
from tests import factories
from tests.factories import make_project, make_user
from tests.projects.charts.curves import decoded

pytestmark = pytest.mark.django_db

FIGURE = "/ada/digits/line-plot"
SETTINGS = "/ada/digits/line-plot/settings"


def log_run(project: Project, name: str, *, lr: float, steps: int = 4, complete: bool = True) -> None:
    rows = [{"loss": lr + step, "acc": 1.0} for step in range(steps)]
    factories.log_run(project, name, rows, complete=complete, config={"lr": lr})


@pytest.fixture
def owner() -> User:
    return make_user("ada")


@pytest.fixture
def project(owner: User) -> Project:
    made = make_project(owner, "digits")
    for lr in (0.1, 0.2):
        for seed in range(3):
            log_run(made, f"lr{lr}-seed{seed}", lr=lr)
    return made


@pytest.fixture
def ask(client: Client, owner: User, project: Project) -> Callable[..., HttpResponse]:
    """GET of the figure, signed in as the owner."""
    client.force_login(owner)

    def get(*, address: str = FIGURE, headers: dict[str, str] | None = None, **query: object) -> Any:
        return client.get(f"{address}?{urlencode({'metric': 'loss', **query}, doseq=True)}", headers=headers)

    return get


def lines_of(response: Any) -> list[str]:
    assert response.status_code == 200
    return [trace["name"] for trace in response.json()["data"] if trace["meta"]["role"] == "line"]


def test_ungrouped_there_is_a_line_for_each_run(ask: Callable[..., Any]) -> None:
    response = ask()
    assert len(lines_of(response)) == 6
    assert response.json()["meta"]["header"] == "6 of 6 runs"


def test_grouped_there_is_a_line_for_each_group(ask: Callable[..., Any]) -> None:
    response = ask(group="config.lr")
    assert lines_of(response) == ["lr: 0.1", "lr: 0.2"]
    assert response.json()["meta"]["header"] == "mean ± std dev · 6 of 6 runs"


def test_settings_in_the_question_stand_in_for_the_saved_ones(ask: Callable[..., Any], project: Project) -> None:
    spec = json.dumps({"groupAgg": "median", "groupArea": "minmax"})
    assert ask(group="config.lr", settings=spec).json()["meta"]["header"].startswith("median, min–max")
    assert len(lines_of(ask(group="config.lr", settings=json.dumps({"groupBy": "none"})))) == 6
    assert not PanelSettings.objects.exists()


def test_an_unknown_metric_is_an_empty_chart(ask: Callable[..., Any]) -> None:
    assert ask(metric="nothing").json()["meta"]["empty"] is True


def header(response: Any) -> str:
    assert response.status_code == 200
    return response.json()["meta"]["header"]


def spec(**settings: object) -> str:
    return json.dumps(settings)


def test_ungrouped_by_the_panel_what_the_table_hides_stays_hidden(ask: Callable[..., Any], client: Client) -> None:
    page = client.get("/api/ada/digits/groups?group=config.lr").json()["groups"]
    hidden = page[0]["id"]
    assert lines_of(ask(group="config.lr", hide=hidden)) == ["lr: 0.2"]
    response = ask(group="config.lr", hide=hidden, settings=spec(groupBy="none"))
    assert sorted(lines_of(response)) == [f"lr0.2-seed{seed}" for seed in range(3)]
    assert header(response) == "3 of 3 runs"


def test_only_runs_of_chosen_states_count(ask: Callable[..., Any], project: Project) -> None:
    log_run(project, "going-on", lr=0.1, complete=False)
    assert header(ask(group="config.lr")) == "mean ± std dev · 7 of 7 runs"
    finished = ask(group="config.lr", settings=spec(states=["finished"]))
    assert header(finished) == "mean ± std dev · 6 of 6 runs · only finished"
    running = ask(group="config.lr", settings=spec(states=["running", "crashed"]))
    assert header(running) == "mean ± std dev · 1 of 1 runs · only running and crashed"
    assert lines_of(running) == ["lr: 0.1"]
    colours = [{t["name"]: t["line"]["color"] for t in r.json()["data"]} for r in (finished, running)]
    assert colours[0]["lr: 0.1"] == colours[1]["lr: 0.1"]
    assert ask(settings=spec(states=["failed"])).json()["meta"]["empty"]


@pytest.fixture
def by_epoch(project: Project) -> Project:
    """Three steps an epoch; the client's definition of it."""
    rows = [{"val/loss": step, "epoch": step // 3} for step in range(9)]
    defined = {"m": [{"1": "epoch"}, {"2": "val/*", "5": 1}]}
    for number in range(2):
        factories.log_run(project, f"epochs-{number}", rows, client_info=defined)
    return project


def test_a_panel_has_the_x_axis_its_runs_defined_unless_one_is_chosen(
    ask: Callable[..., Any], client: Client, by_epoch: Project
) -> None:
    default = ask(metric="val/loss", group="state", f="display_name:contains:epochs").json()
    assert default["meta"]["header"] == "mean ± std dev · 2 of 2 runs · over epoch"
    assert (default["meta"]["xAxis"], default["layout"]["xaxis"]["title"]["text"]) == ("epoch", "epoch")
    line = default["data"][-1]
    assert decoded(line["x"]).tolist() == [0, 1, 2]
    assert decoded(line["y"]).tolist() == [1, 4, 7]
    chosen = ask(metric="val/loss", group="display_name", settings=spec(xAxis="_step")).json()
    assert chosen["meta"]["header"] == "mean ± std dev · 2 of 2 runs"
    assert len(decoded(chosen["data"][-1]["x"])) == 9
    assert "Default: epoch" in client.get(f"{SETTINGS}?metric=val/loss").content.decode()
    assert "Default: Step" in client.get(f"{SETTINGS}?metric=loss").content.decode()


@pytest.fixture
def optimised(project: Project) -> Project:
    """Two runs of each learning rate and optimizer, apart from the others."""
    for lr in (0.1, 0.2):
        for optimizer in ("adam", "sgd"):
            for seed in range(2):
                rows = [{"loss": lr + step} for step in range(3)]
                config = {"lr": lr, "opt": {"name": optimizer}, "seed": seed}
                name = f"{optimizer}-{lr}-{seed}"
                factories.log_run(project, name, rows, config=config, summary={"loss": lr}, tags=["b", "a"])
    return project


ONLY = {"f": 'config.opt.name:in:"adam":"sgd"'}


def drawn(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.content
    return {trace["name"]: trace for trace in response.json()["data"] if trace["meta"]["role"] == "line"}


def test_a_panel_may_have_a_grouping_of_its_own(ask: Callable[..., Any], optimised: Project, client: Client) -> None:
    own = spec(groupBy="fields", groupFields=["config.opt.name", "config.lr"])
    names = [f"opt.name: {name} · lr: {lr}" for name in ("adam", "sgd") for lr in ("0.1", "0.2")]
    for query in ({"group": "config.lr"}, {"group": ""}, {"group": "config.seed", "grouped": 0}):
        response = ask(**ONLY, **query, settings=own)
        assert list(drawn(response)) == names
        assert header(response) == "mean ± std dev · 8 of 8 runs"
    hidden = client.get("/api/ada/digits/groups?group=config.lr").json()["groups"][0]["id"]
    response = ask(**ONLY, group="config.lr", hide=hidden, settings=own)
    assert list(drawn(response)) == ["opt.name: adam", "opt.name: sgd"], "what the table hides stays hidden"
    assert ask(settings=spec(groupBy="fields")).status_code == 400


def test_dashes_tell_the_values_of_a_column_apart(ask: Callable[..., Any], optimised: Project) -> None:
    def dashes(**settings: object) -> dict[str, str]:
        lines = drawn(ask(**ONLY, group=["config.lr", "config.opt.name"], settings=spec(**settings)))
        return {name.replace("opt.name: ", ""): trace["line"]["dash"] for name, trace in lines.items()}

    assert set(dashes().values()) == {"solid"}
    assert dashes(dashBy="config.opt.name") == {
        "lr: 0.1 · adam": "solid",
        "lr: 0.1 · sgd": "dash",
        "lr: 0.2 · adam": "solid",
        "lr: 0.2 · sgd": "dash",
    }
    assert list(dashes(dashBy="config.lr").values()) == ["solid", "solid", "dash", "dash"]
    assert set(dashes(dashBy="config.seed").values()) == {"solid"}, "runs of a group differ"
    assert set(dashes(dashBy="summary.nothing").values()) == {"solid"}


def test_lines_are_named_by_a_template(ask: Callable[..., Any], optimised: Project) -> None:
    template = (
        "${config:opt.name} <${summary:loss}> ${config:seed} ${config:none} [${group}] ${run:tags} ${run:displayName}"
    )
    names = list(drawn(ask(**ONLY, group="config.opt.name", settings=spec(legendTemplate=template))))
    assert names[0] == "adam &lt;2 values&gt; 2 values (not set) [opt.name: adam] b, a 4 values"
    names = drawn(ask(**ONLY, sort="display_name", settings=spec(legendTemplate="${run:displayName} ${config:lr}")))
    assert next(iter(names)) == "adam-0.1-0 0.1"


def test_names_and_dashes_cost_two_questions(
    ask: Callable[..., Any], optimised: Project, django_assert_max_num_queries: Callable
) -> None:
    settings = spec(legendTemplate="${run:displayName} ${run:user} ${config:lr} ${summary:loss}", dashBy="config.seed")
    with django_assert_max_num_queries(19):
        ask(settings=settings)


@pytest.fixture
def several(project: Project) -> Project:
    """One run beside the others has three more metrics."""
    rows = [{"val/loss": step, "val/acc": -step, "val/f1": 2 * step} for step in range(4)]
    factories.log_run(project, "validated", rows, config={"lr": 0.1})
    return project


def test_several_metrics_are_lines_of_their_own_in_the_colours_of_their_groups(
    ask: Callable[..., Any], several: Project
) -> None:
    response = ask(group="config.lr", settings=spec(metrics=["loss", "acc", "loss", ""]))
    lines = drawn(response)
    assert list(lines) == [f"lr: {lr} · {metric}" for lr in (0.1, 0.2) for metric in ("loss", "acc")]
    assert header(response) == "mean ± std dev · 6 of 7 runs · 2 metrics"
    assert response.json()["meta"]["title"] == "loss, acc"
    assert [line["line"]["dash"] for line in lines.values()] == ["solid", "dash"] * 2
    colours = [line["line"]["color"] for line in lines.values()]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    uids = [trace["uid"] for trace in response.json()["data"]]
    assert len(set(uids)) == len(uids)
    assert decoded(lines["lr: 0.1 · loss"]["y"]).tolist() == pytest.approx([0.1, 1.1, 2.1, 3.1])
    assert decoded(lines["lr: 0.1 · acc"]["y"]).tolist() == [1] * 4
    alone = drawn(ask(group="config.lr", settings=spec(metrics=["acc"])))
    assert list(alone) == ["lr: 0.1", "lr: 0.2"], "one metric is the panel's title and no more"


def test_metrics_are_found_by_a_pattern_and_limited(ask: Callable[..., Any], several: Project) -> None:
    found = ask(group="config.lr", settings=spec(metricRegex="^val/"))
    assert list(drawn(found)) == [f"lr: 0.1 · val/{name}" for name in ("acc", "f1", "loss")]
    assert header(found) == "mean ± std dev · 1 of 4 runs · 3 metrics"
    assert found.json()["meta"]["title"] == "/^val//"
    limited = ask(group="config.lr", settings=spec(metricRegex="a", metrics=["val/f1"], metricLimit=2))
    assert header(limited) == "mean ± std dev · 7 of 7 runs · 2 of 4 metrics"
    assert list(drawn(limited))[:2] == ["lr: 0.1 · val/f1", "lr: 0.1 · acc"]
    nothing = ask(settings=spec(metricRegex="none such")).json()["meta"]
    assert (nothing["empty"], nothing["message"]) == (True, "No metric’s name matches.")
    for wrong in ({"metricRegex": "("}, {"metricRegex": "x" * 201}, {"metrics": "loss"}, {"metricLimit": 0}):
        assert set(ask(settings=spec(**wrong)).json()["errors"]) == set(wrong)


def test_a_run_of_several_metrics_is_read_once_for_each(
    ask: Callable[..., Any], several: Project, django_assert_max_num_queries: Callable
) -> None:
    for number in range(30):
        log_run(several, f"more-{number}", lr=0.1)
    with django_assert_max_num_queries(25):
        ask(group="config.lr", settings=spec(metrics=["loss", "acc"]))


def test_metrics_are_said_of_one_panel_alone(ask: Callable[..., Any], client: Client) -> None:
    ask()
    for of in ("section", "all"):
        answer = client.post(f"{SETTINGS}?metric=loss&of={of}", {"metrics": ["acc"]}, content_type="application/json")
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"metrics"})
        assert 'name="metrics"' not in client.get(f"{SETTINGS}?metric=loss&of={of}").content.decode()


def test_each_value_of_a_column_has_a_small_chart(ask: Callable[..., Any], optimised: Project) -> None:
    response = ask(group="config.lr", settings=spec(chartsBy="config.opt.name"))
    made = response.json()
    assert [note["text"] for note in made["layout"]["annotations"]] == [
        "opt.name: adam",
        "opt.name: sgd",
        "opt.name: (not set)",
    ]
    assert header(response) == "mean ± std dev · 14 of 14 runs"
    lines = [trace for trace in made["data"] if trace["meta"]["role"] == "line"]
    assert [(line["name"], line["xaxis"], line["yaxis"]) for line in lines] == [
        (f"lr: {lr}", f"x{axes}", f"y{axes}") for lr in (0.1, 0.2) for axes in ("", 2, 3)
    ]
    assert [line["meta"]["named"] for line in lines] == [True, False, False] * 2
    assert len({trace["uid"] for trace in made["data"]}) == len(made["data"])
    assert [len(decoded(line["x"])) for line in lines] == [3, 3, 4] * 2
    assert decoded(lines[1]["y"]).tolist() == pytest.approx([0.1, 1.1, 2.1])
    assert " of 2 runs" in lines[1]["hovertemplate"]
    axes = made["layout"]
    assert axes["xaxis3"]["matches"] == "x"
    assert axes["yaxis2"]["matches"] == "y"
    assert made["meta"]["rows"] == 2, "of two columns, as the chart is narrow"
    assert ask(group="config.lr", cells=1000, settings=spec(chartsBy="config.opt.name")).json()["meta"]["rows"] == 1
    both = drawn(ask(group="config.lr", settings=spec(chartsBy="config.opt.name", metrics=["loss", "acc"])))
    assert list(both)[-1] == "lr: 0.2 · acc"


def test_of_more_small_charts_than_there_is_room_for_the_first_are_drawn(
    ask: Callable[..., Any], project: Project
) -> None:
    for fold in range(14):
        factories.log_run(project, f"fold-{fold}", [{"loss": math.nan}, {"loss": 1}], config={"fold": fold})
    response = ask(group="state", settings=spec(chartsBy="config.fold"))
    assert header(response) == "mean ± std dev · 12 of 12 runs · 12 of 15 charts"
    made = response.json()
    assert [note["text"] for note in made["layout"]["annotations"]] == [f"fold: {fold}" for fold in range(12)]
    marks = [trace for trace in made["data"] if trace["meta"]["role"] == "nonfinite"]
    assert [(mark["xaxis"], mark["yaxis"]) for mark in marks[:2]] == [("x", "y13"), ("x2", "y14")]
    assert made["layout"]["yaxis14"]["overlaying"] == "y2"
    go.Figure(made["data"], made["layout"])
    rows = b"".join(ask(address=f"{FIGURE}.csv", group="state", settings=spec(chartsBy="config.fold"))).decode()
    assert rows.splitlines()[1].startswith("State: finished,fold: 0,")


def test_a_chart_draws_no_more_groups_than_it_is_told_to(ask: Callable[..., Any], optimised: Project) -> None:
    response = ask(group="display_name", settings=spec(limit=4))
    assert header(response) == "mean ± std dev · 4 of 4 runs · 4 of 14 groups"


def test_few_widths_of_charts_are_told_apart(ask: Callable[..., Any], project: Project) -> None:
    for number in range(2):
        log_run(project, f"long-{number}", lr=9, steps=3000)
    points = {
        cells: len(decoded(ask(group="config.lr", cells=cells).json()["data"][-1]["x"]))
        for cells in ("", 1, 500, 501, 1000, 4000, 10**8)
    }
    assert points == {"": 375, 1: 375, 500: 375, 501: 750, 1000: 750, 4000: 3000, 10**8: 3000}


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd;q=0.5, gzip", "zstd"),
        ("", None),
    ],
)
def test_an_answer_is_compressed_as_the_browser_takes_it(
    ask: Callable[..., Any], accepted: str, encoding: str | None
) -> None:
    plain, answer = ask(group="config.lr"), ask(group="config.lr", headers={"Accept-Encoding": accepted})
    assert answer.get("Content-Encoding") == encoding
    assert "Accept-Encoding" in answer["Vary"]
    unpack = {"zstd": zstandard.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert unpack(answer.content) == plain.content
    assert int(answer["Content-Length"]) == len(answer.content)
    known = {"If-None-Match": answer["ETag"], "Accept-Encoding": accepted}
    assert ask(group="config.lr", headers=known).status_code == 304


@pytest.mark.parametrize(
    "query",
    [
        {"metric": ""},
        {"cells": "wide"},
        {"cells": "-1"},
        {"metric": "a\0b"},
        {"lo": "x"},
        {"hi": "nan"},
        {"sort": "nonsense"},
        {"settings": "{"},
        {"settings": "[]"},
        {"settings": '{"groupAgg": "mode"}'},
    ],
)
def test_a_question_that_means_nothing_gets_a_reason(ask: Callable[..., Any], query: dict[str, str]) -> None:
    response = ask(**query)
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_bad_setting_is_named(ask: Callable[..., Any]) -> None:
    errors = ask(settings='{"groupAgg": "mode", "limit": 0}').json()["errors"]
    assert set(errors) == {"groupAgg", "limit"}


def test_nothing_new_is_answered_by_304(ask: Callable[..., Any], project: Project) -> None:
    first = ask(group="config.lr")
    assert first["Cache-Control"] == "private, no-cache"
    known = {"If-None-Match": first["ETag"]}
    again = ask(group="config.lr", headers=known)
    assert again.status_code == 304
    assert again["ETag"] == first["ETag"]
    assert ask(headers=known).status_code == 200
    assert ask(group="config.lr", lo=1, headers=known).status_code == 200


def test_new_points_new_settings_and_a_compressed_answer_are_told_apart_rightly(
    ask: Callable[..., Any], client: Client, project: Project
) -> None:
    compressed = ask(group="config.lr", headers={"Accept-Encoding": "gzip"})
    assert compressed["Content-Encoding"] == "gzip"
    known = {"If-None-Match": compressed["ETag"]}
    assert ask(group="config.lr", headers=known).status_code == 304
    client.post(f"{SETTINGS}?metric=loss", {"groupAgg": "max"}, content_type="application/json")
    changed = ask(group="config.lr", headers=known)
    assert changed.status_code == 200
    known = {"If-None-Match": changed["ETag"]}
    log_run(project, "another", lr=0.3, complete=False)
    assert ask(group="config.lr", headers=known).status_code == 200


def test_a_range_limits_what_is_drawn(ask: Callable[..., Any]) -> None:
    whole, part = ask(group="config.lr").json(), ask(group="config.lr", lo=1, hi=2).json()
    sizes = [len(figure["data"][-1]["x"]["bdata"]) for figure in (whole, part)]
    assert sizes[0] > sizes[1]


def test_the_figure_asks_a_fixed_number_of_questions(
    ask: Callable[..., Any], project: Project, django_assert_max_num_queries: Callable
) -> None:
    for number in range(20):
        log_run(project, f"more-{number}", lr=number)
    with django_assert_max_num_queries(18):
        ask(group="config.lr")


def test_a_member_saves_settings_for_everybody_and_resets_them(client: Client, ask: Callable[..., Any]) -> None:
    spec = {"groupAgg": "median", "groupArea": "none", "limit": 10}
    response = client.post(f"{SETTINGS}?metric=loss", spec, content_type="application/json")
    assert response.status_code == 200
    # The default of a setting is not kept: it may change.
    assert response.json() == {"settings": {"groupAgg": "median", "groupArea": "none"}}
    assert ask(group="config.lr").json()["meta"]["header"].startswith("median ·")
    assert ask(metric="acc", group="config.lr").json()["meta"]["header"].startswith("mean ± std dev")
    dialog = client.get(f"{SETTINGS}?metric=loss").content.decode()
    assert (
        'value="median" data-hint="Half of the runs are above. Quartiles are the shading that goes with it." checked'
        in dialog
    )
    client.post(f"{SETTINGS}?metric=loss", {"groupAgg": "min"}, content_type="application/json")
    assert PanelSettings.objects.count() == 1
    for _ in range(2):
        assert client.delete(f"{SETTINGS}?metric=loss").status_code == 200
    assert ask(group="config.lr").json()["meta"]["header"].startswith("mean ± std dev")


def test_wrong_settings_are_refused_field_by_field(client: Client, ask: Callable[..., Any]) -> None:
    spec = {"xMin": 5, "xMax": 1, "lineWidth": "thick", "colour": "red"}
    response = client.post(f"{SETTINGS}?metric=loss", spec, content_type="application/json")
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"xMax", "lineWidth", "colour"}
    for body in ("", "null", "[]", "{", "NaN"):
        assert client.post(f"{SETTINGS}?metric=loss", body, content_type="application/json").status_code == 400
    assert not PanelSettings.objects.exists()


def test_settings_belong_to_metrics_that_exist(client: Client, ask: Callable[..., Any]) -> None:
    for metric in ("", "nothing", "%00", "%ED%A0%80"):
        response = client.post(f"{SETTINGS}?metric={metric}", {}, content_type="application/json")
        assert response.status_code == 404


def test_who_may_only_look_sees_the_dialog_but_can_not_save(client: Client, project: Project) -> None:
    viewer = make_user("vic")
    Membership.objects.create(entity=project.entity, user=viewer, role=Role.VIEWER)
    Project.objects.update(visibility=Visibility.PUBLIC)
    for person in (viewer, make_user("eve"), None):
        client.logout()
        if person is not None:
            client.force_login(person)
        dialog = client.get(f"{SETTINGS}?metric=loss").content.decode()
        assert "disabled aria-describedby" in dialog
        assert "Reset to project default" not in dialog
        assert client.post(f"{SETTINGS}?metric=loss", {}, content_type="application/json").status_code == 403
        assert client.delete(f"{SETTINGS}?metric=loss").status_code == 403
    assert not PanelSettings.objects.exists()


def test_a_stranger_learns_nothing_by_saving(client: Client, project: Project) -> None:
    client.force_login(make_user("eve"))
    assert client.post(f"{SETTINGS}?metric=loss", {}, content_type="application/json").status_code == 404
    assert client.delete(f"{SETTINGS}?metric=loss").status_code == 404


def test_saving_needs_the_csrf_token(owner: User, project: Project) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(f"{SETTINGS}?metric=loss", {}, content_type="application/json").status_code == 403


def test_settings_of_another_release_still_hold_where_they_are_understood(
    client: Client, ask: Callable[..., Any]
) -> None:
    client.post(f"{SETTINGS}?metric=loss", {"groupAgg": "max"}, content_type="application/json")
    PanelSettings.objects.update(settings={"groupAgg": "max", "smoothingType": "gaussian"})
    assert ask(group="config.lr").json()["meta"]["header"].startswith("max")


def test_every_setting_has_a_place_in_the_dialog(client: Client, ask: Callable[..., Any]) -> None:
    dialog = client.get(f"{SETTINGS}?metric=loss").content.decode()
    for field in fields(LinePlot):
        first, *rest = field.name.split("_")
        key = first + "".join(word.capitalize() for word in rest)
        assert (f'name="{key}"' in dialog) is (key in KINDS["line"].settings), key
