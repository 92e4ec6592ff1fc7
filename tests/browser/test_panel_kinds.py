"""Panels that people add beside those of single metrics, in a real Chromium: what they draw, and their settings."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.many import ARMS, filled
from tests.browser.pictures import shoot
from tests.browser.plots import drawn, lines, wait_until
from tests.live import LiveServer

pytestmark = pytest.mark.browser

RUNS, METRICS, STEPS = 30, 3, 20
ARM = f"arm: {ARMS - 1}"


def history(metric: int, run: int) -> np.ndarray:
    """(STEPS,) as tests.browser.many logs it."""
    return metric + run / (1 + np.arange(STEPS))


def of_arm(metric: int, arm: int) -> np.ndarray:
    """(runs, STEPS)."""
    return np.stack([history(metric, run) for run in range(arm, RUNS, ARMS)])


@pytest.fixture(scope="module")
def project(live: LiveServer) -> str:
    return filled(live, "kinds", runs=RUNS, metrics=METRICS, steps=STEPS)


@pytest.fixture
def adding(page: Page, project: str) -> Iterator[Locator]:
    """The dialog that adds panels, in the project's untouched default view grouped by arm."""
    page.goto(f"{project}?group=config.arm")
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Add panel").click()
    yield page.get_by_role("dialog", name="Add panels")
    page.keyboard.press("Escape")
    page.locator("#panel-settings > summary").click()
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name="Reset all panels").click()


def added(adding: Locator) -> Locator:
    """The panel that the dialog, filled in, adds to a section of its own."""
    adding.get_by_label("Section").fill("mine")
    adding.get_by_role("button", name="Add", exact=True).click()
    found = adding.page.locator("#panels .panel[data-key]")
    expect(found).to_have_count(1)
    found.scroll_into_view_if_needed()
    expect(found.locator("header small")).not_to_have_text("")
    return found


def edit(panel: Locator, tab: str) -> Locator:
    panel.get_by_role("button", name="Edit panel").click()
    dialog = panel.page.get_by_role("dialog")
    dialog.get_by_role("tab", name=tab).click()
    return dialog


def rows(panel: Locator) -> list[dict[str, str]]:
    """Of its file."""
    with panel.page.expect_download() as started:
        panel.locator(".tools summary").click()
        panel.get_by_role("button", name="Download CSV").click()
    return list(csv.DictReader(Path(started.value.path()).read_text().splitlines()))


def shoot_sizes(panel: Locator, shots: Path, name: str) -> None:
    """At a desk's and at a phone's size."""
    for width, height in ((1440, 900), (390, 844)):
        panel.page.set_viewport_size({"width": width, "height": height})
        panel.scroll_into_view_if_needed()
        wait_until(
            panel.page,
            "panel => Math.abs(panel.querySelector('.main-svg').clientWidth - panel.clientWidth) < 4",
            arg=panel.element_handle(),
        )
        assert panel.page.evaluate("document.documentElement.scrollWidth") <= width
        shoot(panel.page, shots, f"{name}-{width}")
    panel.page.set_viewport_size({"width": 1440, "height": 900})


def test_several_metrics_share_a_line_plot(page: Page, adding: Locator, shots: Path) -> None:
    for metric in ("part/m00", "part/m02"):
        adding.get_by_role("checkbox", name=metric).check()
    adding.get_by_role("checkbox", name="All on one panel").check()
    shoot(page, shots, "add-metrics")
    panel = added(adding)
    expect(panel.locator("header small")).to_have_text("mean ± std dev · 30 of 30 runs · 2 metrics")
    expect(panel.get_by_role("heading")).to_have_text("part/m00, part/m02")
    found = lines(panel)
    assert len(found) == 2 * ARMS
    for metric in (0, 2):
        line = found[f"{ARM} · part/m0{metric}"]
        np.testing.assert_allclose(line.y, of_arm(metric, ARMS - 1).mean(axis=0), rtol=1e-12)
    assert {row["metric"] for row in rows(panel)} == {"part/m00", "part/m02"}
    shoot_sizes(panel, shots, "metrics")

    dialog = edit(panel, "Data")
    dialog.get_by_label("Metric 1").fill("")
    dialog.get_by_label("Metric 2").fill("")
    regex = dialog.get_by_label("Y: metrics that match")
    regex.fill("m0[")
    expect(dialog.locator(".field-error")).to_contain_text("is no regular expression")
    regex.fill("m0[01]")
    preview = dialog.locator("section.panel")
    expect(preview.locator("header small")).to_have_text("mean ± std dev · 30 of 30 runs · 2 metrics")
    dialog.get_by_label("Metrics drawn at most").fill("1")
    expect(preview.locator("header small")).to_contain_text("1 of 2 metrics")
    shoot(page, shots, "metrics-settings")
    dialog.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("heading")).to_have_text("/m0[01]/")
    assert set(lines(panel)) == {f"arm: {arm} · part/m00" for arm in range(ARMS)}

    panel.locator(".tools summary").click()
    panel.get_by_role("button", name="Remove").click()
    expect(panel).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(panel.get_by_role("heading")).to_have_text("/m0[01]/")
    assert len(drawn(panel)) == 2 * ARMS


def test_one_panel_is_a_grid_of_small_charts(page: Page, adding: Locator, shots: Path) -> None:
    adding.get_by_role("checkbox", name="part/m00").check()
    panel = added(adding)
    dialog = edit(panel, "Display")
    dialog.get_by_label("One chart per value of").fill("config.arm")
    names = dialog.locator("section.panel .annotation-text")
    expect(names).to_have_text([f"arm: {arm}" for arm in range(ARMS)])
    shoot(page, shots, "multiples-settings")
    dialog.get_by_role("button", name="Save").click()
    expect(panel.locator(".annotation-text")).to_have_count(ARMS)
    plot = panel.locator(".plot").element_handle()
    # As wide as the page now, it is drawn anew in four columns.
    wait_until(page, "plot => plot._fullLayout.xaxis4.domain[1] > .99", arg=plot)
    axes = plot.evaluate("plot => plot._fullData?.filter(one => one.meta.role === 'line').map(one => one.xaxis)")
    assert axes == ["x", *(f"x{number}" for number in range(2, ARMS + 1))]
    for arm, line in enumerate(trace for trace in drawn(panel) if trace.role == "line"):
        np.testing.assert_allclose(line.y, of_arm(0, arm).mean(axis=0), rtol=1e-12)
    assert [row["chart"] for row in rows(panel)] == [f"arm: {arm}" for arm in range(ARMS) for _ in range(STEPS)]
    shoot_sizes(panel, shots, "multiples")

    wait_until(page, "plot => plot._fullLayout.xaxis4.domain[1] > .99", arg=plot)
    expect(panel).not_to_have_class(re.compile("loading"))
    third = panel.locator(".subplot.x3y3 .draglayer, .draglayer .x3y3 .nsewdrag").first
    third.hover()  # which waits until it moves no more
    box = third.bounding_box()
    assert box is not None
    with page.expect_request(lambda request: "lo=" in request.url):
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
    ranges = "plot => [1, 2, 3, 10].map(at => plot._fullLayout['xaxis' + (at > 1 ? at : '')].range)"
    expect(panel).not_to_have_class(re.compile("loading"))
    found = plot.evaluate(ranges)
    assert 0 < found[0][0] < found[0][1] < STEPS - 1
    assert found == [found[0]] * 4


def test_runs_are_points_of_a_scatter_plot(page: Page, adding: Locator, shots: Path) -> None:
    adding.get_by_label("Kind").select_option("scatter")
    adding.get_by_label("X axis").fill("config.seed")
    adding.get_by_label("Y axis").fill("summary.part/m01")
    shoot(page, shots, "add-scatter")
    panel = added(adding)
    expect(panel.get_by_role("heading")).to_have_text("part/m01 by seed")
    expect(panel.locator("header small")).to_have_text("30 of 30 runs")
    found = {trace.name: trace for trace in drawn(panel)}
    for arm in range(ARMS):
        np.testing.assert_array_equal(found[f"arm: {arm}"].x, range(arm, RUNS, ARMS))
        np.testing.assert_allclose(found[f"arm: {arm}"].y, of_arm(1, arm)[:, -1], rtol=1e-12)
    assert len(rows(panel)) == RUNS

    dialog = edit(panel, "Advanced")
    dialog.get_by_label("Group means").check()
    preview = dialog.locator("section.panel")
    expect(preview.locator("header small")).to_have_text("mean ± std dev · 30 of 30 runs")
    dialog.get_by_role("tab", name="Data").click()
    dialog.get_by_label("Logarithmic y axis").check()
    wait_until(page, "plot => plot._fullLayout.yaxis.type === 'log'", arg=preview.locator(".plot").element_handle())
    shoot(page, shots, "scatter-settings")
    dialog.get_by_role("button", name="Save").click()
    expect(panel.locator("header small")).to_have_text("mean ± std dev · 30 of 30 runs")
    means = {trace.name: trace for trace in drawn(panel) if trace.role == "mean"}
    np.testing.assert_allclose(means[ARM].y, of_arm(1, ARMS - 1)[:, -1].mean(), rtol=1e-12)
    place = panel.locator(".plot").evaluate(
        "plot => { const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect(),"
        "point = plot.calcdata[0][0];"
        "return [box.left + xaxis._offset + xaxis.c2p(point.x), box.top + yaxis._offset + yaxis.c2p(point.y)] }"
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    expect(panel.locator(".hoverlayer")).to_contain_text("run-0")
    expect(page.locator("#runs tbody tr.group").first).to_have_class(re.compile(r"\blit\b"))
    shoot_sizes(panel, shots, "scatter")


def test_runs_are_lines_across_parallel_axes(page: Page, adding: Locator, shots: Path) -> None:
    adding.get_by_label("Kind").select_option("parallel")
    for column in ("config.arm", "config.seed", "summary.part/m01"):
        adding.get_by_role("checkbox", name=column).check()
    shoot(page, shots, "add-parallel")
    panel = added(adding)
    expect(panel.get_by_role("heading")).to_have_text("arm, seed, part/m01")
    expect(panel.locator("header small")).to_have_text("30 of 30 runs")
    found = {trace.name: trace for trace in drawn(panel)}
    seeds = np.arange(ARMS - 1, RUNS, ARMS)
    heights = np.stack([np.ones(3), seeds / (RUNS - 1), seeds / (RUNS - 1)], axis=1)
    np.testing.assert_allclose(found[ARM].y.reshape(3, 4)[:, :3], heights, atol=1e-12)
    assert {row["arm"] for row in rows(panel)} == set(map(str, range(ARMS)))
    dialog = edit(panel, "Data")
    dialog.get_by_label("Colour by").fill("summary.part/m01")
    preview = dialog.locator("section.panel")
    expect(preview.locator("header small")).to_have_text("30 of 30 runs · coloured by part/m01")
    shoot(page, shots, "parallel-settings")
    dialog.get_by_role("button", name="Save").click()
    expect(panel.locator("header small")).to_contain_text("coloured by part/m01")
    shoot_sizes(panel, shots, "parallel")


def test_boxes_become_violins(page: Page, adding: Locator, shots: Path) -> None:
    adding.get_by_label("Kind").select_option("box")
    adding.get_by_role("checkbox", name="part/m01").check()
    panel = added(adding)
    assert [trace.role for trace in drawn(panel)] == ["box"] * ARMS
    dialog = edit(panel, "Display")
    dialog.get_by_role("group", name="Shape").get_by_text("Violin").click()
    preview = dialog.locator("section.panel")
    wait_until(
        page,
        "plot => plot._fullData?.filter(one => one.type === 'violin').length === 10",
        arg=preview.locator(".plot").element_handle(),
    )
    dialog.get_by_role("button", name="Save").click()
    plot = panel.locator(".plot").element_handle()
    wait_until(page, "plot => plot._fullData?.filter(one => one.type === 'violin').length === 10", arg=plot)
    expect(panel.locator("path.violin")).to_have_count(ARMS)
    medians = plot.evaluate("plot => plot.calcdata.filter(one => one[0].trace.type === 'box').map(one => one[0].med)")
    np.testing.assert_allclose(medians, [np.median(of_arm(1, arm)[:, -1]) for arm in range(ARMS)], rtol=1e-12)
    shoot_sizes(panel, shots, "violins")
