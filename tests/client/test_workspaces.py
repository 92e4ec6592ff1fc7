"""Workspaces by the unmodified wandb-workspaces package: saved as views, opened again, changed on both sides."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.request

import pytest

from tests.client.test_artifacts import said
from tests.client.test_client import Environment
from tests.live import LiveServer, client_environment, run_script

pytestmark = [pytest.mark.client, pytest.mark.on_both]

LOGGED = """
import wandb
for number in range(2):
    with wandb.init(
        project="ws", id=f"r{number}", name=f"run-{number}", group=f"g{number}", tags=["t"] if number else [],
        config={"lr": 0.1 * (number % 2), "opt": {"name": "adam"}},
    ) as run:
        for step in range(3):
            run.log({"val/loss": number + step, "val/acc": step, "epoch": step // 2})
"""
PACKAGE = """
import json
import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws
from wandb_workspaces.workspaces.interface import expr

def spec(workspace):
    return json.loads(workspace._to_model().spec.model_dump_json(by_alias=True, exclude_none=True))

def refused(call):
    try:
        call()
    except Exception as error:
        return str(error)
"""
MADE = """
made = ws.Workspace(
    entity="ada", project="ws", name="Seeds",
    sections=[
        ws.Section(
            name="Validation", is_open=True, panel_settings=ws.SectionPanelSettings(x_axis="epoch"),
            panels=[
                wr.LinePlot(
                    title="Loss", y=["val/loss", "val/acc"], groupby=wr.Config("opt.name"), groupby_aggfunc="median",
                    groupby_rangefunc="minmax", smoothing_type="gaussian", smoothing_factor=2, log_y=True,
                    range_x=(0, 10), title_x="steps", max_runs_to_show=5, legend_position="east",
                    plot_type="stacked-area",
                ),
                wr.MarkdownPanel(markdown="# Notes"),
                wr.BarPlot(metrics=["val/loss"], groupby_aggfunc="max", groupby_rangefunc="stderr", title="Bars"),
            ],
        ),
        ws.Section(
            name="Sweeps", panels=[
                wr.ScatterPlot(x=wr.Config("lr"), y=wr.SummaryMetric("val/loss"), log_x=False, regression=True),
                wr.ParallelCoordinatesPlot(columns=[
                    wr.ParallelCoordinatesPlotColumn(wr.Config("opt.name"), display_name="Optimizer"),
                    wr.ParallelCoordinatesPlotColumn(wr.SummaryMetric("val/loss"), log=True),
                ]),
            ],
        ),
        ws.Section(name="Empty"),
    ],
    settings=ws.WorkspaceSettings(
        x_axis="RelativeTime(Process)", smoothing_type="average", smoothing_weight=3, max_runs=7,
    ),
    runset_settings=ws.RunsetSettings(
        query="run", groupby=[ws.Metric("Group"), ws.Config("opt.name")],
        filters="Config('lr') <= 0.5 and (Metric('State') == 'finished' or Tags() in ['t'])",
        order=[ws.Ordering(ws.Summary("val/loss"), ascending=False)],
        run_settings={"r1": ws.RunSettings(disabled=True, color="#ff0000")}, pinned_columns=["summary:val/loss"],
    ),
)
"""


@pytest.fixture(scope="module", autouse=True)
def _logged(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_script(LOGGED, client_environment(live, tmp_path_factory.mktemp("ws")))
    assert done.returncode == 0, done.stderr


def page(live: LiveServer, url: str) -> tuple[str, str]:
    """Where an address leads somebody who is signed in, and the page there."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    link = live.sign_in_link()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', opener.open(link).read().decode())
    assert token is not None
    opener.open(urllib.request.Request(link, f"csrfmiddlewaretoken={token[1]}".encode(), {"Referer": link})).read()
    answer = opener.open(url)
    return answer.url, answer.read().decode()


def test_a_workspace_is_a_view_that_opens_as_meant_and_comes_back_equal(
    wandb_env: Environment, live: LiveServer
) -> None:
    answer = said(
        PACKAGE
        + MADE
        + """
before = spec(made)
url = made.save().url
opened = ws.Workspace.from_url(url)
again = spec(opened)
opened.name = "Seeds of all"
opened.sections[0].panels[0].groupby_aggfunc = "mean"
opened.runset_settings.groupby = [ws.Config("lr")]
opened.save()
changed = ws.Workspace.from_url(url)
copy = changed.save_as_new_view().url
print("SAID", json.dumps([before, url, again, spec(changed), changed.name, copy, spec(ws.Workspace.from_url(copy))]))
""",
        wandb_env,
    )
    before, url, again, changed, name, copy, copied = answer
    assert again == before
    assert name == "Seeds of all"
    assert copied == changed
    assert copy != url
    config = before["section"]["panelBankConfig"]["sections"][0]["panels"][0]["config"]
    config["groupAgg"] = "mean"
    before["section"]["runSets"][0]["grouping"] = [{"section": "config", "name": "lr.value"}]
    assert changed == before

    there, html = page(live, url)
    assert there == f"{live.url}/ada/ws?view={url.partition('nw=')[2]}"
    assert re.findall(r'data-section="(\w+)"', html) == ["Validation", "Sweeps"]
    assert re.findall(r'data-metric="([\w./]+)"(?: data-key="\w+")?(?: data-kind="(\w+)")?', html) == [
        ("val/loss", ""), ("val/loss", "bar"), ("summary.val/loss", "scatter"), ("summary.val/loss", "parallel"),
    ]  # fmt: skip
