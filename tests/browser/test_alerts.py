"""From `run.alert` in a script to the pages of its run and its project."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_access_for_all import findings
from tests.live import LiveServer, client_environment, run_script

pytestmark = pytest.mark.browser

START = """
import wandb
with wandb.init(project="alerting", id="r1", name="brave-ocean-7", resume="allow") as run:
    run.log({"loss": 1.0})
"""
ALERTS = (
    START
    + """
    run.alert(title="Loss is NaN", text="at step 3\\n<b>lower the learning rate</b>", level=wandb.AlertLevel.ERROR)
    run.alert(title="Loss is NaN", text="at step 4", level=wandb.AlertLevel.ERROR, wait_duration=300)
    run.alert(title="Low accuracy", text="acc below 0.5", level=wandb.AlertLevel.WARN)
    run.alert(title="Half way", text="")
"""
)


def test_alerts_reach_the_open_page_of_their_run_and_the_project_s_list(
    page: Page, live: LiveServer, tmp_path: Path, shots: Path
) -> None:
    def run(script: str) -> None:
        done = run_script(script, client_environment(live, tmp_path))
        assert done.returncode == 0, done.stderr

    run(START)
    page.goto(f"{live.url}/ada/alerting/runs/r1")
    mine = page.get_by_role("region", name="Alerts")
    expect(mine).to_have_count(0)
    run(ALERTS)
    expect(mine.get_by_role("listitem")).to_have_count(3)  # a title comes once in its time to wait
    expect(mine.locator("strong")).to_have_text(["Half way", "Low accuracy", "Loss is NaN"])
    expect(mine).to_contain_text("<b>lower the learning rate</b>")

    page.get_by_role("link", name="Alerts").click()
    everyone_s = page.get_by_role("main").get_by_role("listitem")
    expect(everyone_s).to_have_count(3)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width, height in ((1440, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=shots / f"alerts-{scheme}-{width}.png")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert findings(page) == []
    page.get_by_role("navigation", name="Level").get_by_role("link", name="Warning").click()
    expect(everyone_s.locator("strong")).to_have_text(["Low accuracy"])
    everyone_s.get_by_role("link", name="brave-ocean-7").click()
    expect(mine.get_by_role("listitem")).to_have_count(3)
    page.screenshot(path=shots / "run-alerts-dark-390.png")
    assert findings(page) == []
