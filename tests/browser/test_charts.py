"""What a chart can be told, in a real Chromium: x axes, marks, smoothing, scaling; logged by the real client."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.plots import Trace, drawn, lines, panel, wait_until
from tests.live import LiveServer, client_environment, run_script

pytestmark = pytest.mark.browser

METRIC = "val/loss"
RUNS, STEPS, PER_EPOCH = 3, 60, 4

# A run of each group meets a NaN, and one an outlier; losses are logged with the epoch, which counts every fourth step.
LOG = """
import math, sys, wandb
runs, steps, per_epoch = map(int, sys.argv[1:])
settings = wandb.Settings(silent=True, x_disable_stats=True, console="off")
for lr in (0.1, 0.3):
    for seed in range(runs):
        with wandb.init(project="told", name=f"{lr} {seed}", config={"lr": lr}, settings=settings) as run:
            run.define_metric("val/*", step_metric="epoch")
            for step in range(steps):
                value = lr + math.sin(step + seed) / 10
                if seed == 1 and step in (8, 9, 10, 11):
                    value = math.nan
                if seed == 2 and step == 50:
                    value = 1000.0
                run.log({"val/loss": value, "epoch": step // per_epoch})
"""


def losses(lr: float) -> np.ndarray:
    """(runs, STEPS) as logged."""
    values = lr + np.sin(np.arange(STEPS) + np.arange(RUNS)[:, None]) / 10
    values[1, 8:12] = np.nan
    values[2, 50] = 1000
    return values


@pytest.fixture(scope="module")
def project(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    environment = client_environment(live, tmp_path_factory.mktemp("client"))
    done = run_script(LOG, environment, str(RUNS), str(STEPS), str(PER_EPOCH))
    assert done.returncode == 0, done.stderr
    return f"{live.url}/ada/told?group=config.lr"


def edit(page: Page, tab: str) -> Locator:
    """The settings dialog of the panel, open at a tab."""
    panel(page, METRIC).get_by_role("button", name="Edit panel").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("tab", name=tab).click()
    return dialog


def note(panel: Locator) -> Locator:
    return panel.locator("header small")


def hover(panel: Locator, x: float) -> Locator:
    """The tooltip at x of a chart that has been drawn."""
    expect(panel).not_to_have_class(re.compile("loading"))
    tooltip = panel.locator(".hoverlayer .hovertext, .hoverlayer .legend").first
    for nudge in (0, 1, 0, 1, 0, 1):
        left, top = panel.locator(".plot").evaluate(
            """(plot, x) => {
              const box = plot.getBoundingClientRect(), { xaxis, yaxis } = plot._fullLayout;
              return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + 60];
            }""",
            x,
        )
        panel.page.mouse.move(left, top + nudge)
        panel.page.wait_for_timeout(300)
        if tooltip.is_visible():
            break
    return panel.locator(".hoverlayer")


def of(panel: Locator, role: str, name: str = "lr: 0.1") -> Trace:
    (found,) = [trace for trace in drawn(panel) if (trace.role, trace.name) == (role, name)]
    return found


def test_a_metric_is_drawn_over_the_step_metric_its_runs_defined(page: Page, project: str) -> None:
    page.goto(project)
    chart = panel(page, METRIC)
    expect(note(chart)).to_contain_text("mean ± std dev · 6 of 6 runs · over epoch")
    line = lines(chart)["lr: 0.3"]
    np.testing.assert_array_equal(line.x, np.arange(STEPS // PER_EPOCH))
    epochs = losses(0.3).reshape(RUNS, -1, PER_EPOCH)
    whole = [epoch for epoch in range(STEPS // PER_EPOCH) if epoch != 2]
    np.testing.assert_allclose(line.y[whole], epochs.mean(axis=2).mean(axis=0)[whole], rtol=1e-12)
    np.testing.assert_allclose(line.y[2], epochs[[0, 2], 2].mean(), rtol=1e-12)
    expect(chart.locator(".xtitle")).to_have_text("epoch")


def test_an_axis_has_the_room_it_takes_so_that_charts_are_drawn_once(page: Page, project: str) -> None:
    for query in ("x=_step", f"x={METRIC}"):
        page.goto(f"{project}?{query}")
        drawn(panel(page, METRIC).first)
        taken, given, label = (
            panel(page, METRIC)
            .first.locator(".plot")
            .evaluate(
                "({ _fullLayout: { _pushmargin, margin, xaxis } }) => "
                "[_pushmargin['x.automargin'].b.size, margin.b, xaxis.title.text ?? '']"
            )
        )
        assert taken <= given <= taken + 4, (query, label)


def test_another_x_axis_can_be_chosen(page: Page, project: str) -> None:
    page.goto(project)
    dialog = edit(page, "Data")
    preview = dialog.locator("section.panel")
    axis = dialog.get_by_label("X axis", exact=True)
    expect(axis.locator("option")).to_have_text(
        ["Default: epoch", "Step", "Relative time (wall)", "Relative time (process)", "Wall time", "epoch"]
    )
    axis.select_option("Step")
    expect(note(preview)).to_have_text(re.compile(r"6 of 6 runs · 8 values left out"))
    np.testing.assert_array_equal(lines(preview)["lr: 0.1"].x, np.arange(STEPS))
    for choice, title in {"(wall)": "Relative time, wall (s)", "(process)": "Relative time, process (s)"}.items():
        axis.select_option(f"Relative time {choice}")
        expect(preview.locator(".xtitle")).to_have_text(title)
        x = lines(preview)["lr: 0.1"].x
        assert 0 <= x.min() <= x.max() < 60


def test_what_is_not_finite_is_marked_and_the_tooltip_counts_the_runs(page: Page, project: str, shots: Path) -> None:
    page.goto(project)
    dialog = edit(page, "Data")
    dialog.get_by_label("X axis", exact=True).select_option("Step")
    preview = dialog.locator("section.panel")
    expect(note(preview)).to_have_text("mean ± std dev · 6 of 6 runs · 8 values left out (NaN or infinite)")
    marks = of(preview, "nonfinite")
    np.testing.assert_array_equal(marks.x, [8, 9, 10, 11])
    tooltip = hover(preview, 9)
    expect(tooltip).to_contain_text("1 of 3 runs NaN or infinite here")
    expect(tooltip).to_contain_text("2 of 3 runs")
    page.screenshot(path=shots / "chart-nonfinite-light.png")


def test_the_original_stands_beneath_the_smoothed_line_and_a_zoom_moves_neither(page: Page, project: str) -> None:
    page.goto(project)
    dialog = edit(page, "Data")
    dialog.get_by_label("X axis", exact=True).select_option("Step")
    dialog.get_by_label("Smoothing", exact=True).select_option("Running average")
    dialog.get_by_label("Smoothing weight").fill("3")
    dialog.get_by_label("Show original").check()
    preview = dialog.locator("section.panel")
    expect(note(preview)).to_contain_text("smoothed")
    expect(preview.locator(".plot")).to_have_js_property("data.length", 8)
    whole, original = of(preview, "line"), of(preview, "original")
    np.testing.assert_allclose(original.y, np.nanmean(losses(0.1), axis=0), rtol=1e-6)
    dialog.get_by_label("X range, from").fill("20")
    dialog.get_by_label("X range, to").fill("30")
    wait_until(
        page,
        "plot => plot.calcdata.at(-3)?.length === 11",
        arg=preview.locator(".plot").element_handle(),
    )
    part = of(preview, "line")
    np.testing.assert_array_equal(part.x, np.arange(20, 31))
    np.testing.assert_array_equal(part.y, whole.y[20:31])


def test_an_outlier_is_left_out_of_the_scale_and_a_double_click_shows_it(page: Page, project: str) -> None:
    page.goto(project)
    dialog = edit(page, "Data")
    dialog.get_by_label("X axis", exact=True).select_option("Step")
    dialog.get_by_label("Ignore outliers when scaling").check()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    chart = panel(page, METRIC)
    expect(note(chart)).not_to_contain_text("over epoch")
    top = "plot => plot._fullLayout.yaxis.range[1]"
    assert chart.locator(".plot").evaluate(top) < 2
    chart.locator(".plot .nsewdrag").first.dblclick()
    wait_until(
        page,
        "plot => plot._fullLayout.yaxis.range[1] > 300",
        arg=chart.locator(".plot").element_handle(),
    )
    edit(page, "Data").get_by_role("button", name="Reset to project default").click()
    expect(note(chart)).to_contain_text("over epoch")


def test_only_runs_of_chosen_states_are_counted(page: Page, project: str) -> None:
    page.goto(project)
    dialog = edit(page, "Advanced")
    preview = dialog.locator("section.panel")
    states = dialog.get_by_role("group", name="Include states")
    states.get_by_label("Finished").check()
    expect(note(preview)).to_contain_text("6 of 6 runs · only finished")
    states.get_by_label("Finished").uncheck()
    states.get_by_label("Running").check()
    expect(preview.locator(".message")).to_contain_text("No visible run has logged this metric.")
    states.get_by_label("Running").uncheck()
    expect(note(preview)).to_contain_text("6 of 6 runs · over epoch")


def test_a_panel_is_grouped_named_and_dashed_by_fields_of_its_own(page: Page, project: str, shots: Path) -> None:
    page.goto(project)
    dialog = edit(page, "Advanced")
    preview = dialog.locator("section.panel")
    field = dialog.get_by_label("Field 1 to group by")
    expect(field).to_be_hidden()
    dialog.get_by_role("group", name="Group this panel by").get_by_text("Chosen fields").click()
    expect(dialog.locator(".field-error")).to_have_text("Choose a field to group by.")
    field.fill("display_name")
    plot = preview.locator(".plot").element_handle()
    wait_until(
        page, "plot => (plot._fullData ?? []).filter(trace => trace.meta.role === 'line').length === 6", arg=plot
    )
    assert list(lines(preview)) == [f"Name: {lr} {seed}" for lr in (0.1, 0.3) for seed in range(RUNS)]
    dialog.get_by_role("tab", name="Legend").click()
    dialog.get_by_label("Names of lines").fill("${run:displayName} at ${config:lr}")
    dialog.get_by_label("Tooltip").fill("${mean} of ${count}")
    dialog.get_by_role("tab", name="Display").click()
    dialog.get_by_label("Dash by").fill("config.lr")
    wait_until(page, "plot => plot._fullData.some(trace => trace.line?.dash === 'dash')", arg=plot)
    assert list(lines(preview))[0] == "0.1 0 at 0.1"
    expect(hover(preview, 5)).to_contain_text("of 1")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    page.reload()
    assert list(lines(panel(page, METRIC)))[-1] == "0.3 2 at 0.3"
    dialog = edit(page, "Advanced")
    preview = dialog.locator("section.panel")
    expect(field).to_have_value("display_name")
    field.fill("config.lr")
    ways = dialog.get_by_label("How its numbers make groups: config.lr")
    ways.select_option(label="Log")
    dialog.get_by_label("How many bins: config.lr").fill("1")
    expect(dialog.locator(".field-error")).to_contain_text("2 to 100")
    ways.select_option(label="Edges")
    dialog.get_by_label("Edges of the bins: config.lr").fill("0.2, 0.25")
    plot = preview.locator(".plot").element_handle()
    wait_until(
        page, "plot => (plot._fullData ?? []).filter(trace => trace.meta.role === 'line').length === 2", arg=plot
    )
    dialog.get_by_role("tab", name="Legend").click()
    dialog.get_by_label("Names of lines").fill("")
    dialog.get_by_role("tab", name="Advanced").click()
    expect(dialog.locator(".field-error")).to_have_count(0)
    page.screenshot(path=shots / "panel-bins-light.png")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    page.reload()
    assert list(lines(panel(page, METRIC))) == ["lr: &lt; 0.2", "lr: &gt; 0.25"]
    edit(page, "Advanced")
    expect(field).to_have_value("config.lr")
    expect(ways).to_have_value("edges")
    expect(dialog.get_by_label("Edges of the bins: config.lr")).to_have_value("0.2, 0.25")
    page.get_by_role("button", name="Reset to project default").click()
    expect(note(panel(page, METRIC))).to_contain_text("mean ± std dev · 6 of 6 runs")


def test_a_wider_chart_is_asked_for_more_finely(page: Page, project: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "metric=val" in request.url else None)
    page.goto(project)
    lines(panel(page, METRIC))
    assert {re.search(r"cells=(\d+)", url)[1] for url in asked} == {"500"}
    with page.expect_response(re.compile("cells=1000")):
        panel(page, METRIC).evaluate("panel => { panel.style.width = '900px'; }")
