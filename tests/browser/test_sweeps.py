"""The page of a sweep: what it shows of the sweep, and its buttons, on an open page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.plots import drawn, lines, panel
from tests.browser.test_access_for_all import findings
from tests.live import LiveServer, client_environment, run_script

pytestmark = pytest.mark.browser

STEPS = 20

SCRIPT = f"""
import wandb
from wandb.agents.pyagent import Agent
Agent.HEARTBEAT_SLEEP_SECONDS = 0.5
quiet = wandb.Settings(silent=True, x_disable_stats=True, console="off")
def train(lr=None, **more):
    with wandb.init(settings=quiet, **more) as run:
        lr = lr or run.config["lr"]
        for step in range({STEPS}):
            run.log({{"loss": lr * ({STEPS} - step)}})
sweep = wandb.sweep({{
    "method": "grid", "name": "Learning rates", "metric": {{"name": "loss", "goal": "minimize"}},
    "parameters": {{"lr": {{"values": [0.5, 0.25, 0.125]}}}},
}}, project="swept")
wandb.agent(sweep, function=train, count=2)
train(9, project="swept", name="outside")
print("sweep", sweep)
"""


@pytest.fixture(scope="module")
def sweep(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a sweep of two runs, of three; another run of its project is in none."""
    folder: Path = tmp_path_factory.mktemp("swept")
    done = run_script(SCRIPT, client_environment(live, folder))
    assert done.returncode == 0, done.stderr
    return f"{live.url}/ada/swept/sweeps/{done.stdout.split()[-1]}"


def test_a_sweep_is_looked_at_paused_grouped_and_canceled_on_its_page(page: Page, sweep: str) -> None:
    page.goto(sweep)
    head = page.get_by_role("region", name="Sweep Learning rates")
    expect(head).to_contain_text("Running")
    expect(head).to_contain_text("Runs 2 of 3")
    expect(head).to_contain_text("Lowest loss 0.25")
    chart = panel(page, "loss")
    assert sorted(trace.y[0] for trace in drawn(chart)) == [0.25 * STEPS, 0.5 * STEPS]
    head.get_by_role("button", name="Pause").click()
    expect(head).to_contain_text("Paused")
    assert len(lines(chart)) == 2, "what was drawn stays"
    head.get_by_role("button", name="Resume").click()
    expect(head).to_contain_text("Running")
    page.locator("#group-toggle").click()
    form = page.locator("#group-by .pop")
    expect(form.get_by_role("searchbox").or_(form.get_by_role("combobox")).first).to_be_visible()
    page.goto(f"{page.url}&group=config.lr")
    expect(head).to_contain_text("Runs 2 of 3")
    expect(page.locator("#runs tr.group")).to_have_count(2)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == []
    page.once("dialog", lambda dialog: dialog.accept())
    head.get_by_role("button", name="Cancel").click()
    expect(head).to_contain_text("Canceled")
    expect(page.locator("#runs tr.group")).to_have_count(2)
    page.get_by_role("navigation", name="Project").get_by_role("link", name="Sweeps").click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row").last).to_contain_text("Canceled")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == []
