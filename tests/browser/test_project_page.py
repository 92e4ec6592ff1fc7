"""The project page in a real Chromium: what is clicked, what Plotly then draws, and whether its numbers are right."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.experiment import LEARNING_RATES, SEEDS, STEPS, loss, losses
from tests.browser.pictures import shoot
from tests.browser.plots import await_points, bands, drawn, ends, lines, panel
from tests.live import LiveServer, client_environment

pytestmark = [pytest.mark.browser, pytest.mark.on_both]

METRIC = "train/loss"
GROUPS = [f"Group: lr={lr}" for lr in LEARNING_RATES]  # what all lines share, their job type, is not said


@pytest.fixture(scope="module")
def project(experiment: Callable[[str], str]) -> str:
    """The page of a project into which the real client has logged the experiment."""
    return experiment("grid")


def row(page: Page, label: str) -> Locator:
    return page.locator("#runs tbody tr").filter(has_text=label)


def test_the_page_opens_grouped_and_draws_means_with_deviations(page: Page, project: str, shots: Path) -> None:
    page.goto(project)
    chart = panel(page, METRIC)
    drawn_lines = lines(chart)
    assert list(drawn_lines) == GROUPS
    for label, lr in zip(GROUPS, LEARNING_RATES, strict=True):
        np.testing.assert_array_equal(drawn_lines[label].x, np.arange(STEPS))
        np.testing.assert_allclose(drawn_lines[label].y, losses(lr).mean(axis=0), rtol=1e-12)
        band = bands(chart)[label]
        for step in (0, STEPS // 2, STEPS - 1):
            at = losses(lr)[:, step]
            expected = at.mean() - at.std(ddof=1), at.mean() + at.std(ddof=1)
            np.testing.assert_allclose(ends(band, step), expected, atol=1e-7)
    expect(chart.locator("header small")).to_have_text("mean ± std dev · 12 of 12 runs")
    page.screenshot(path=shots / "project-light.png")


def test_group_rows_show_count_and_mean_and_open_to_their_runs(page: Page, project: str) -> None:
    page.goto(f"{project}?group=config.lr")
    expect(page.locator("#runs thead th.name")).to_have_text("Name (3 groups · 12 runs)")
    expect(page.locator("#runs tbody tr .label")).to_have_text([f"lr: {lr}" for lr in LEARNING_RATES])
    last = losses(0.3)[:, -1]
    cell = row(page, "lr: 0.3").locator("td.number").first
    mean, deviation = (float(part) for part in cell.inner_text().split("±"))
    assert mean == pytest.approx(last.mean(), abs=0.0006)
    assert deviation == pytest.approx(last.std(ddof=1), abs=0.0006)
    expect(row(page, "lr: 0.3")).to_contain_text("4 runs")
    page.get_by_role("button", name="lr: 0.3", exact=True).click()
    expect(page.locator("#runs tbody tr.run .label")).to_have_text([f"lr=0.3 seed={seed}" for seed in SEEDS])


def test_the_group_button_toggles_table_and_charts(page: Page, project: str) -> None:
    page.goto(project)
    toggle = page.get_by_role("button", name=re.compile(r"^Group \d"))
    expect(toggle).to_have_attribute("aria-pressed", "true")
    toggle.click()
    expect(page.locator("#runs thead th.name")).to_have_text("Name (12 runs)")
    expect(panel(page, METRIC).locator("header small")).to_have_text("10 of 12 runs")
    alone = lines(panel(page, METRIC))
    assert len(alone) == 10
    np.testing.assert_array_equal(alone["lr=0.3 seed=3"].y, loss(0.3, 3))
    toggle.click()
    expect(page.locator("#runs thead th.name")).to_have_text("Name (3 groups · 12 runs)")
    expect(panel(page, METRIC).locator("header small")).to_have_text("mean ± std dev · 12 of 12 runs")
    assert list(lines(panel(page, METRIC))) == GROUPS


def test_any_config_column_can_be_chosen_to_group_by_and_cleared_again(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=")
    expect(page.locator("#runs thead th.name")).to_have_text("Name (12 runs)")
    page.locator("#group-by > summary").click()
    form = page.locator("form.group-form")
    form.get_by_role("searchbox").fill("depth")
    form.get_by_text("model.depth").click()
    form.get_by_role("searchbox").fill("lr")
    form.get_by_text("lr", exact=True).click()
    page.screenshot(path=shots / "group-by-light.png")
    form.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"group=config\.model\.depth&group=config\.lr$"))
    expect(page.locator("#runs tbody tr .label")).to_have_text(["model.depth: 2", "model.depth: 4"])
    chart = panel(page, METRIC)
    expect(chart.locator("header small")).to_have_text("mean ± std dev · 12 of 12 runs")
    nested = lines(chart)
    assert list(nested) == [f"model.depth: {depth} · lr: {lr}" for depth in (2, 4) for lr in LEARNING_RATES]
    odd = losses(0.1)[1::2]
    np.testing.assert_allclose(nested["model.depth: 2 · lr: 0.1"].y, odd.mean(axis=0), rtol=1e-12)

    page.get_by_role("link", name="Clear grouping").first.click()
    expect(page.locator("#runs thead th.name")).to_have_text("Name (12 runs)")
    expect(chart.locator("header small")).to_have_text("10 of 12 runs")
    assert {trace.role for trace in drawn(chart)} == {"line"}
    page.go_back()
    expect(page.locator("#runs tbody tr .label")).to_have_text(["model.depth: 2", "model.depth: 4"])
    page.reload()
    expect(page.locator("#runs tbody tr .label")).to_have_text(["model.depth: 2", "model.depth: 4"])


STATISTICS = {
    "Mean": lambda values: values.mean(axis=0),
    "Median": lambda values: np.median(values, axis=0),
    "Min": lambda values: values.min(axis=0),
    "Max": lambda values: values.max(axis=0),
}


def test_advanced_settings_change_line_and_shading_and_are_kept(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=config.lr")
    chart = panel(page, METRIC)
    lines(chart)
    chart.get_by_role("button", name="Edit panel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("tab")).to_have_text(["Data", "Display", "Legend", "Advanced"])
    dialog.get_by_role("tab", name="Advanced").click()
    preview = dialog.locator("section.panel")

    def choose(caption: str, choice: str) -> None:
        group = dialog.get_by_role("group", name=caption, exact=True)
        group.get_by_text(choice, exact=True).click()

    for choice, statistic in STATISTICS.items():
        choose("Line", choice)
        expect(preview.locator("header small")).to_contain_text(choice.lower())
        np.testing.assert_allclose(lines(preview)["lr: 0.1"].y, statistic(losses(0.1)), rtol=1e-12)

    values = losses(0.1)[:, 7]
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    expected = {
        "Min–max": (values.min(), values.max()),
        "Std dev": (mean - values.std(ddof=1), mean + values.std(ddof=1)),
        "Std err": (mean - error, mean + error),
    }
    for choice, band in expected.items():
        choose("Shading", choice)
        expect(preview.locator("header small")).to_contain_text(choice.lower())
        np.testing.assert_allclose(ends(bands(preview)["lr: 0.1"], 7), band, atol=1e-7)
    page.screenshot(path=shots / "chart-settings-light.png")
    choose("Shading", "None")
    expect(preview.locator("header small")).to_have_text("max · 12 of 12 runs")
    assert bands(preview) == {}

    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(chart.locator("header small")).to_have_text("max · 12 of 12 runs")
    page.reload()
    expect(chart.locator("header small")).to_have_text("max · 12 of 12 runs")
    np.testing.assert_allclose(lines(chart)["lr: 0.3"].y, losses(0.3).max(axis=0), rtol=1e-12)

    chart.get_by_role("button", name="Edit panel").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset to project default").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(chart.locator("header small")).to_have_text("mean ± std dev · 12 of 12 runs")


def test_hiding_a_group_takes_its_line_away_and_no_other(page: Page, project: str) -> None:
    page.goto(f"{project}?group=config.lr")
    chart = panel(page, METRIC)
    before = lines(chart)
    row(page, "lr: 0.1").locator("td.eye a").click()
    expect(chart.locator("header small")).to_have_text("mean ± std dev · 8 of 8 runs")
    after = lines(chart)
    assert list(after) == ["lr: 0.003", "lr: 0.3"]
    np.testing.assert_array_equal(after["lr: 0.3"].y, before["lr: 0.3"].y)


def test_new_points_appear_without_a_reload(page: Page, live: LiveServer, tmp_path: Path) -> None:
    code = """
import sys, wandb
with wandb.init(project="growing", settings=wandb.Settings(silent=True, x_file_stream_transmit_interval=0.5)) as run:
    for step, word in enumerate(sys.stdin):
        run.log({"train/loss": float(word)})
        run.log({"other": 1})
"""
    environment = client_environment(live, tmp_path)
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, env=environment, text=True) as script:
        assert script.stdin is not None

        def log(value: float) -> None:
            script.stdin.write(f"{value}\n")
            script.stdin.flush()

        log(1.5)
        for _ in range(300):
            if page.goto(f"{live.url}/ada/growing").ok:
                break
            page.wait_for_timeout(100)
        chart = panel(page, METRIC)
        expect(chart).to_be_visible(timeout=30_000)
        page.evaluate("window.sameDocument = true")
        log(2.5)
        await_points(chart, 2)
        (line,) = lines(chart).values()
        np.testing.assert_array_equal(line.y, [1.5, 2.5])
        expect(page.locator("#runs tbody tr.run .state.running")).to_have_count(1)
        script.stdin.close()
        assert script.wait(timeout=60) == 0
    expect(page.locator("#runs tbody tr.run .state.finished")).to_have_count(1, timeout=15_000)
    assert page.evaluate("window.sameDocument") is True


def test_the_run_page_follows_its_run(page: Page, live: LiveServer, tmp_path: Path) -> None:
    code = """
import sys, wandb
settings = wandb.Settings(silent=True, console="wrap", x_file_stream_transmit_interval=0.5)
with wandb.init(project="followed", id="one", settings=settings) as run:
    for word in sys.stdin:
        print("said", word.strip(), flush=True)
        run.log({"val/acc": float(word)})
        run.log({"other": 1})
"""
    environment = client_environment(live, tmp_path)
    address = f"{live.url}/ada/followed/runs/one"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, text=True
    ) as script:
        assert script.stdin is not None
        script.stdin.write("0.25\n")
        script.stdin.flush()
        for _ in range(300):
            if page.goto(f"{address}?tab=console").ok:
                break
            page.wait_for_timeout(100)
        log = page.locator("#console")
        expect(log).to_contain_text("said 0.25", timeout=30_000)
        page.evaluate("window.sameDocument = true")
        script.stdin.write("0.5\n")
        script.stdin.flush()
        expect(log).to_contain_text("said 0.5", timeout=30_000)
        assert page.evaluate("window.sameDocument") is True
        page.goto(f"{address}?tab=charts")
        chart = panel(page, "val/acc")
        await_points(chart, 2)
        (line,) = lines(chart).values()
        np.testing.assert_array_equal(line.y, [0.25, 0.5])
        page.evaluate("window.sameDocument = true")
        script.stdin.close()
        assert script.wait(timeout=60) == 0
    expect(page.locator(".state.finished").first).to_be_visible(timeout=30_000)
    assert page.evaluate("window.sameDocument") is True


def test_table_and_toggles_work_without_javascript(page: Page, project: str) -> None:
    signed_in = page.context.storage_state()
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(java_script_enabled=False, storage_state=signed_in) as context:
        plain = context.new_page()
        plain.goto(project)
        heading = plain.locator("#runs thead th.name")
        expect(heading).to_have_text("Name (3 groups · 12 runs)")
        plain.locator("#group-toggle").click()
        expect(heading).to_have_text("Name (12 runs)")
        plain.locator("#group-toggle").click()
        expect(heading).to_have_text("Name (3 groups · 12 runs)")
        plain.locator("#group-by > summary").click()
        plain.get_by_role("link", name="Choose the fields…").click()
        plain.get_by_role("checkbox", name=re.compile(r"^model\.depth")).check()
        plain.get_by_role("button", name="Apply").click()
        expect(plain.locator("#runs-chips")).to_contain_text("model.depth")
        plain.get_by_role("link", name="Clear grouping").first.click()
        expect(heading).to_have_text("Name (12 runs)")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_no_page_is_wider_than_its_window(
    page: Page, live: LiveServer, project: str, shots: Path, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(project)
    lines(panel(page, METRIC))
    run = page.locator("#runs tbody tr.run a.label")
    addresses = {"project": project, "projects": f"{live.url}/", "account": f"{live.url}/account"}
    page.goto(f"{project}?group=")
    addresses["run"] = str(run.first.evaluate("link => link.href"))
    for name, address in addresses.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        shoot(page, shots, f"{name}-{width}")
