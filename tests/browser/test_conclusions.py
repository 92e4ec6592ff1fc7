"""What is concluded of groups, in a real Chromium: the results table, the comparison, the page of a group."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy import stats

from tests.browser.experiment import LEARNING_RATES, SEEDS, losses
from tests.browser.pictures import shoot
from tests.browser.plots import drawn, lines, panel, wait_until
from tests.live import LiveServer

pytestmark = pytest.mark.browser

METRIC = "train/loss"
LAST = np.stack([losses(lr)[:, -1] for lr in LEARNING_RATES])  # learning rates, seeds


@pytest.fixture(scope="module")
def project(experiment: Callable[[str], str]) -> str:
    """The page of a project into which the real client has logged the experiment."""
    return experiment("conclusions")


def test_a_results_table_is_reached_set_and_copied(page: Page, project: str, shots: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{project}?group=config.lr")
    page.locator("#export > summary").click()
    page.get_by_role("link", name="Results table").click()
    region = page.get_by_role("region", name="Results")
    rows = region.locator("tbody tr")
    expect(rows).to_have_count(len(LEARNING_RATES))
    for row, lr, values in zip(rows.all(), LEARNING_RATES, LAST, strict=True):
        expect(row.get_by_role("rowheader")).to_have_text(str(lr))
        mean, deviation = map(float, row.get_by_role("cell").inner_text().replace("−", "-").split(" ± "))
        # The last digits of both are of the same place.
        assert mean == pytest.approx(values.mean(), abs=deviation / 9)
        assert deviation == pytest.approx(values.std(ddof=1), rel=0.06)
    # What is called a loss is best when it is least.
    least = LEARNING_RATES[int(LAST.mean(axis=1).argmin())]
    expect(region.locator("tr", has=page.locator("strong")).get_by_role("rowheader")).to_have_text([str(least)])

    columns = page.get_by_role("combobox", name="Columns")
    columns.fill("depth")
    page.get_by_role("option", name="model.depth").click()
    page.get_by_label("Cell").select_option("quartiles")
    page.get_by_role("button", name="Show").click()
    expect(region.get_by_role("columnheader")).to_have_text(["model.depth", "lr", "2 ↓", "4 ↓"])
    expect(region.locator("strong")).to_have_count(2)
    assert "across=config.model.depth" in page.url
    page.get_by_role("button", name="Copy LaTeX").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == page.locator("#written-latex").inner_text().strip()
    assert r"\begin{tabular}{lrr}" in copied
    with page.expect_download() as started:
        page.get_by_role("link", name="Download CSV").click()
    assert started.value.suggested_filename == "conclusions-results.csv"
    page.screenshot(path=shots / "results.png")
    page.go_back()
    expect(region.get_by_role("columnheader")).to_have_count(2)


def test_a_view_keeps_how_the_results_table_is_set(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=config.lr")
    page.locator("#export > summary").click()
    page.get_by_role("link", name="Results table").click()
    page.get_by_role("combobox", name="Columns").fill("config.model.depth")
    page.get_by_label("Cell").select_option("ci95")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**cell=ci95**")
    page.get_by_text("Save view").click()
    page.get_by_role("textbox", name="Name of the new view").fill("Table 1")
    page.screenshot(path=shots / "results-save-view.png")
    page.get_by_role("button", name="Save view", exact=True).click()
    page.wait_for_url("**/results?view=*")
    expect(page.locator("#views > summary")).to_have_text("Table 1")
    # Later, from the page of the project.
    page.goto(project)
    page.locator("#views > summary").click()
    page.get_by_role("link", name="Table 1").click()
    page.wait_for_url("**?view=*")
    page.locator("#export > summary").click()
    page.get_by_role("link", name="Results table").click()
    expect(page.get_by_label("Cell")).to_have_value("ci95")
    expect(page.get_by_role("combobox", name="Columns")).to_have_value("config.model.depth")
    expect(page.get_by_role("region", name="Results").get_by_role("columnheader")).to_have_text(
        ["model.depth", "lr", "2 ↓", "4 ↓"]
    )
    # Another setting stands above the view's, goes along to the project's page, and is saved from there.
    page.get_by_label("Cell").select_option("quartiles")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**cell=quartiles**")
    page.get_by_role("link", name="Back to the runs").click()
    page.wait_for_url("**results=**")
    page.locator("#views > summary").click()
    page.get_by_role("button", name="Save what is shown now").click()
    page.wait_for_url(re.compile(r"\?view=\w+$"))
    page.locator("#export > summary").click()
    page.get_by_role("link", name="Results table").click()
    expect(page.get_by_label("Cell")).to_have_value("quartiles")


def test_groups_are_compared_in_pairs_and_drawn_around_zero(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=config.lr")
    page.locator("#export > summary").click()
    page.get_by_role("link", name="Compare groups").click()
    expect(page.get_by_role("combobox", name="Pair runs by")).to_have_value("config.seed")
    expect(page.get_by_role("list", name="To bear in mind")).to_contain_text(f"lr: 0.003 (n = {len(SEEDS)})")
    page.get_by_label("Baseline").select_option(label="lr: 0.1")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**baseline=**")
    expect(page.locator("tr.baseline")).to_contain_text("lr: 0.1")
    plot = page.locator(".forest .js-plotly-plot")
    expect(plot).to_have_count(1)
    wait_until(page, "plot => plot.calcdata?.length === 2", arg=plot.element_handle())
    marks = plot.evaluate("plot => plot.calcdata.map(([point]) => [point.x, point.xh, point.xs])")
    for (middle, *ends), at in zip(marks, (0, 2), strict=True):
        known = stats.ttest_rel(LAST[at], LAST[1]).confidence_interval()
        assert middle == pytest.approx((LAST[at] - LAST[1]).mean())
        assert sorted(ends) == pytest.approx([known.low, known.high])
    low, high = plot.evaluate("plot => plot._fullLayout.xaxis.range")
    assert low < 0 < high
    expect(plot.locator(".zerolinelayer path.zl")).to_have_count(1)
    rows = page.get_by_role("region", name="Comparison").locator("tbody tr")
    expect(rows.nth(1).locator("td").nth(3)).to_have_text(f"{len(SEEDS)} pairs")
    expect(rows.nth(1).locator("td").nth(4)).to_have_text("0.00")
    difference = rows.nth(1).locator("td").nth(2)
    expect(difference).to_contain_text("−")
    copied = difference.evaluate(
        """cell => {
          let copied;
          addEventListener("copy", (event) => { copied = event.clipboardData.getData("text/plain"); }, { once: true });
          getSelection().selectAllChildren(cell);
          document.execCommand("copy");
          return copied;
        }"""
    )
    assert float(copied.split(" [")[0]) == pytest.approx((LAST[0] - LAST[1]).mean(), rel=0.1)
    shoot(page, shots, "compare")


def test_the_table_leads_to_the_page_of_a_group_which_stays_its_own(page: Page, project: str, shots: Path) -> None:
    page.goto(project)
    page.get_by_role("link", name="Group: lr=0.1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("lr=0.1")
    overview = page.get_by_role("region", name="lr=0.1")
    expect(overview.locator(".facts div", has_text="seed")).to_contain_text("0 ×1 1 ×1 2 ×1 3 ×1")
    chart = panel(page, METRIC)
    assert list(lines(chart)) == ["Job type: train"]
    np.testing.assert_allclose(lines(chart)["Job type: train"].y, losses(0.1).mean(axis=0), rtol=1e-5)
    page.screenshot(path=shots / "group.png")
    page.locator("#group-toggle").click()
    expect(page.locator("#runs tr.run")).to_have_count(len(SEEDS))
    assert page.url.endswith("/groups/lr=0.1?grouped=0")
    wait_until(page, "count => document.querySelector('.panel .plot')?.data?.length === count", arg=len(SEEDS))
    page.go_back()
    expect(page.locator("#runs tr.group")).to_have_count(1)


def test_a_group_of_a_name_that_browsers_rewrite_has_its_page(page: Page, project: str, live: LiveServer) -> None:
    name = "a/../b%2F\\?#//"
    call = f"log_run(Project.objects.get(name='conclusions'), 'odd', [{{'m': 1.0}}], group={name!r})"
    live.manage("shell", "-c", f"from tests.factories import log_run; from projects.models import Project; {call}")
    page.goto(f"{project}?f={quote('name:=:odd')}")
    page.get_by_role("link", name=f"Group: {name}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    drawn(panel(page, "m"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
