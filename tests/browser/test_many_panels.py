"""A project of very many metrics in a real Chromium: which panels are drawn, and what is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.plots import lines, panel
from tests.live import LiveServer, client_environment, run_script

pytestmark = pytest.mark.browser

MANY = """
import wandb
with wandb.init(project="thousand", settings=wandb.Settings(silent=True)) as run:
    for step in range(3):
        run.log({f"{'abcde'[k % 5]}/metric_{k:04}": k + step for k in range(1000)})
"""


@pytest.fixture(scope="module")
def many(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a project of 1,000 metrics in five sections."""
    done = run_script(MANY, client_environment(live, tmp_path_factory.mktemp("many")))
    assert done.returncode == 0, done.stderr
    return f"{live.url}/ada/thousand"


def test_of_a_thousand_panels_those_near_the_window_are_drawn(page: Page, many: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/line-plot?" in request.url else None)
    page.goto(many)
    first = panel(page, "a/metric_0000")
    np.testing.assert_array_equal(next(iter(lines(first).values())).y, [0, 1, 2])
    page.wait_for_load_state("networkidle")
    assert 2 <= len(asked) <= 14
    assert page.locator("#panels .panel").count() == 1000
    expect(page.locator("#section-more, .section >> nth=0 >> .panel >> visible=true")).to_have_count(24)

    more = page.get_by_role("button", name="Show 24 more of 176").first
    more.click()
    expect(page.locator(".section >> nth=0 >> .panel >> visible=true")).to_have_count(48)
    expect(page.get_by_role("button", name="Show 24 more of 152")).to_have_count(1)

    search = page.get_by_label("Search panels")
    search.fill("metric_0999")
    found = panel(page, "e/metric_0999")
    np.testing.assert_array_equal(next(iter(lines(found).values())).y, [999, 1000, 1001])
    expect(page.locator(".panel >> visible=true")).to_have_count(1)
    search.fill(r"/^[ab]\/.*_00[01]\d$/")
    expect(page.locator(".panel >> visible=true")).to_have_count(8)
    search.fill("/(/")
    expect(page.get_by_role("alert").filter(has_text="Not a regular expression")).to_be_visible()
    search.fill("no such metric")
    expect(page.get_by_text("No panel’s name holds that.")).to_be_visible()


def test_few_charts_are_asked_for_at_once_and_none_out_of_view(page: Page, many: str) -> None:
    """Answers are held back: what is asked for then shows how many are asked for at once."""
    going: set[str] = set()
    stopped: list[Request] = []
    page.on("request", lambda request: going.add(request.url) if "/line-plot?" in request.url else None)
    page.on("requestfailed", lambda request: stopped.append(request))
    page.route("**/line-plot?**", lambda route: None)
    page.goto(many)
    page.wait_for_timeout(600)
    assert len(going) == 4
    page.locator(".charts").evaluate("charts => { charts.scrollTop = charts.scrollHeight }")
    page.wait_for_timeout(600)
    assert len([request for request in stopped if request.url in going]) == 4
    assert len(going) == 8
    page.unroute_all()
    page.locator(".charts").evaluate("charts => { charts.scrollTop = 0 }")
    np.testing.assert_array_equal(next(iter(lines(panel(page, "a/metric_0000")).values())).y, [0, 1, 2])


def test_a_collapsed_section_stays_collapsed_and_draws_nothing(page: Page, many: str) -> None:
    page.goto(many)
    summary = page.locator(".section > summary").first
    lines(panel(page, "a/metric_0000"))
    summary.click()
    page.reload()
    expect(page.locator(".section").first).not_to_have_attribute("open", "")
    np.testing.assert_array_equal(next(iter(lines(panel(page, "b/metric_0001")).values())).y, [1, 2, 3])
    expect(panel(page, "a/metric_0000").locator(".js-plotly-plot")).to_have_count(0)
    summary.click()
    lines(panel(page, "a/metric_0000"))
    page.reload()
    lines(panel(page, "a/metric_0000"))
