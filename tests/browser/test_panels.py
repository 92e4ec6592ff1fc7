"""The panels in a real Chromium: menus, zoom, downloads, layout, saved views."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.experiment import LEARNING_RATES, STEPS, losses
from tests.browser.pictures import shoot
from tests.browser.plots import bands, drawn, ends, lines, panel, wait_until

pytestmark = pytest.mark.browser

METRIC = "train/loss"
LABELS = [f"lr: {lr}" for lr in LEARNING_RATES]


@pytest.fixture(scope="module")
def project(experiment: Callable[[str], str]) -> str:
    """The page of a project into which the real client has logged the experiment, grouped by learning rate."""
    return experiment("chrome")


@pytest.fixture
def chart(page: Page, project: str) -> Locator:
    """The panel of the metric, drawn, in the project's untouched default view."""
    view = f"{project}?group=config.lr"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.request.get(view).text())
    reset = page.request.post(f"{project}/panels", headers={"X-CSRFToken": token[1]}, data={"do": "reset"})
    assert reset.ok
    page.goto(view)
    found = panel(page, METRIC).first
    lines(found)
    return found


def menu(chart: Locator, item: str) -> None:
    chart.locator(".tools summary").click()
    chart.get_by_role("button", name=item, exact=True).click()


def axis(chart: Locator) -> list[float]:
    return chart.locator(".plot").evaluate("plot => plot._fullLayout.xaxis.range")


def edges(part: Locator) -> tuple[float, float]:
    """Where it begins and ends in the window, from above."""
    box = part.bounding_box()
    assert box is not None
    return box["y"], box["y"] + box["height"]


def drag(chart: Locator, start: float, end: float) -> None:
    """Zoom by dragging over a part of the plot, in x as a share of its width."""
    box = chart.locator(".nsewdrag").bounding_box()
    assert box is not None
    mouse, y = chart.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + box["width"] * start, y)
    mouse.down()
    mouse.move(box["x"] + box["width"] * end, y, steps=5)
    mouse.up()


def test_a_panel_has_its_tools_and_a_menu_for_the_keyboard(page: Page, chart: Locator) -> None:
    opener = chart.locator(".tools summary")
    expect(chart.get_by_role("button", name=f"Edit panel {METRIC}")).to_be_visible()
    opener.focus()
    page.keyboard.press("Enter")
    expect(chart.get_by_role("button", name="Download PNG")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(chart.get_by_role("button", name="Download PNG")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(chart.get_by_role("button", name="Remove")).to_be_focused()
    page.keyboard.press("Escape")
    expect(chart.get_by_role("button", name="Download PNG")).to_be_hidden()
    expect(opener).to_be_focused()


def test_full_screen_draws_the_panel_over_the_whole_window(page: Page, chart: Locator) -> None:
    chart.get_by_role("button", name=f"Full screen {METRIC}").click()
    wait_until(page, "document.fullscreenElement?.matches('.panel')")
    wide = page.evaluate("innerWidth")
    svg_width = "document.querySelector('.panel .main-svg').clientWidth"
    wait_until(page, f"wide => {svg_width} > wide - 40", arg=wide)
    assert list(lines(chart)) == LABELS
    legend = chart.locator(".infolayer .legend .legendtext")
    expect(legend).to_have_text(LABELS)
    page.evaluate("document.exitFullscreen()")
    wait_until(page, f"wide => {svg_width} < wide / 2", arg=wide)
    expect(legend).to_have_count(0)


def test_downloads_hold_what_is_drawn(page: Page, chart: Locator, tmp_path: Path) -> None:
    files = {}
    for item, suffix in (("Download PNG", "png"), ("Download SVG", "svg"), ("Download CSV", "csv")):
        with page.expect_download() as started:
            menu(chart, item)
        assert started.value.suggested_filename.endswith(f"loss.{suffix}")
        files[suffix] = tmp_path / suffix
        started.value.save_as(files[suffix])
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    svg = files["svg"].read_text()
    assert svg.startswith("<svg")
    assert all(label in svg for label in (*LABELS, "mean ± std dev", METRIC))

    rows = list(csv.DictReader(files["csv"].read_text().splitlines()))
    assert [row["group"] for row in rows] == [label for label in LABELS for _ in range(STEPS)]
    for label, lr in zip(LABELS, LEARNING_RATES, strict=True):
        of_group = [row for row in rows if row["group"] == label]
        line, band = lines(chart)[label], bands(chart)[label]
        assert {row["n"] for row in of_group} == {"4"}
        np.testing.assert_array_equal([float(row["x"]) for row in of_group], line.x)
        np.testing.assert_allclose([float(row["value"]) for row in of_group], losses(lr).mean(axis=0), rtol=1e-12)
        for row in of_group[::9]:
            expected = ends(band, float(row["x"]))
            np.testing.assert_allclose((float(row["low"]), float(row["high"])), expected, rtol=1e-5)


def test_a_zoom_asks_for_that_range_and_a_double_click_takes_it_back(page: Page, chart: Locator) -> None:
    with page.expect_request(lambda request: "lo=" in request.url) as asked:
        drag(chart, 0.25, 0.5)
    low, high = axis(chart)
    assert 0 < low < high < STEPS * 0.6
    assert f"lo={low}&hi={high}" in asked.value.url
    wait_until(page, "plot => plot.calcdata.at(-1).length < 25", arg=chart.locator(".plot").element_handle())
    shown = lines(chart)[LABELS[0]]
    assert shown.x.min() >= np.floor(low) - 1
    np.testing.assert_allclose(shown.y, losses(LEARNING_RATES[0]).mean(axis=0)[shown.x.astype(int)], rtol=1e-12)
    with page.expect_download() as started:
        menu(chart, "Download CSV")
    rows = list(csv.DictReader(Path(started.value.path()).read_text().splitlines()))
    assert [float(row["x"]) for row in rows[: shown.x.size]] == shown.x.tolist()
    chart.locator(".nsewdrag").dblclick()
    wait_until(page, "plot => plot.calcdata.at(-1).length === 40", arg=chart.locator(".plot").element_handle())
    assert axis(chart)[0] <= 0 < STEPS - 1 <= axis(chart)[1]


def test_panels_zoom_together_when_asked_to(page: Page, project: str, chart: Locator) -> None:
    menu(chart, "Duplicate")
    copy = panel(page, METRIC).nth(1)
    lines(copy)
    drag(chart, 0.25, 0.5)
    page.wait_for_timeout(300)
    assert axis(copy)[1] > STEPS - 2
    chart.locator(".nsewdrag").dblclick()

    page.locator("#panel-settings summary").click()
    page.get_by_label("Zoom panels of one x axis together").check()
    expect(page).to_have_url(re.compile(r"sync=zoom"))
    page.keyboard.press("Escape")
    drag(chart, 0.25, 0.5)
    wanted = axis(chart)
    wait_until(
        page,
        "([plot, high]) => Math.abs(plot._fullLayout.xaxis.range[1] - high) < 1e-9",
        arg=[copy.locator(".plot").element_handle(), wanted[1]],
    )
    copy.locator(".nsewdrag").dblclick()
    wait_until(page, "plot => plot._fullLayout.xaxis.range[1] > 38", arg=chart.locator(".plot").element_handle())


def test_panels_hover_together_when_asked_to(page: Page, project: str, chart: Locator) -> None:
    menu(chart, "Duplicate")
    copy = panel(page, METRIC).nth(1)
    lines(copy)
    page.goto(f"{project}?group=config.lr&sync=hover")
    lines(copy)
    box = chart.locator(".nsewdrag").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + 22)
    expect(copy.locator(".hoverlayer .legend")).to_be_visible()
    texts = [part.locator(".hoverlayer .legendtitletext").text_content() for part in (chart, copy)]
    assert texts[0] == texts[1] != ""
    top, bottom = edges(chart)
    below, beside = (edges(part.locator(".hoverlayer .legend .bg")) for part in (chart, copy))
    assert below[0] > bottom
    assert top < beside[0] < bottom
    page.mouse.move(5, 5)
    expect(copy.locator(".hoverlayer .legend")).to_have_count(0)


def test_a_tap_has_its_tooltip_beside_the_chart(page: Page, project: str, chart: Locator) -> None:
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(
        storage_state=page.context.storage_state(), viewport={"width": 390, "height": 844}, has_touch=True
    ) as phone:
        touched = panel(opened := phone.new_page(), METRIC)
        opened.goto(f"{project}?group=config.lr")
        touched.scroll_into_view_if_needed()
        lines(touched)
        touched.locator(".nsewdrag").tap()
        expect(touched.locator(".hoverlayer .legend")).to_be_visible()
        top, bottom = edges(touched)
        upper, lower = edges(touched.locator(".hoverlayer .legend .bg"))
        assert upper > bottom or lower < top


def test_a_row_and_its_line_light_each_other_up(page: Page, chart: Locator) -> None:
    row = page.locator("#runs tbody tr.group").nth(1)
    row.hover()
    lit = chart.locator("g.trace.lit")
    group = str(row.get_attribute("data-key")).removeprefix("group-")
    expect(lit).to_have_count(2)
    for trace in lit.all():
        expect(trace).to_have_class(re.compile(rf"trace{group}-(line|band)"))
    opacity = "trace => getComputedStyle(trace).opacity"
    assert float(chart.locator("g.trace:not(.lit)").first.evaluate(opacity)) < 0.5
    page.locator(".runs-foot").hover()
    expect(lit).to_have_count(0)

    line = lines(chart)[LABELS[2]]
    place = chart.locator(".plot").evaluate(
        "(plot, [x, y]) => { const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();"
        "return [box.left + xaxis._offset + xaxis.d2p(x), box.top + yaxis._offset + yaxis.d2p(y)] }",
        [float(line.x[20]), float(line.y[20])],
    )
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    expect(page.locator("#runs tbody tr.group").nth(2)).to_have_class(re.compile(r"\blit\b"))


def test_a_group_of_groups_lights_all_its_lines_up(page: Page, project: str) -> None:
    page.goto(f"{project}?group=config.model.depth&group=config.lr")
    chart = panel(page, METRIC)
    assert len(lines(chart)) == 6
    page.locator("#runs tbody tr.group").nth(1).hover()
    expect(chart.locator("g.trace.lit")).to_have_count(6)
    lit = "plot => plot._fullData.filter(one => plot.querySelector(`.lit.trace${one.uid}`)).map(one => one.name)"
    assert set(chart.locator(".plot").evaluate(lit)) == {f"model.depth: 4 · {label}" for label in LABELS}


def test_the_legend_hides_a_line_here_only(page: Page, chart: Locator) -> None:
    menu(chart, "Duplicate")
    copy = panel(page, METRIC).nth(1)
    copy.get_by_role("button", name="Edit panel").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("tab", name="Legend").click()
    dialog.get_by_label("Show a legend").check()
    dialog.get_by_role("button", name="Save").click()
    copy.locator(".legendtoggle").nth(1).click()
    wait_until(
        page,
        "plot => plot._fullData.filter(trace => trace.visible === 'legendonly').length === 2",
        arg=copy.locator(".plot").element_handle(),
    )
    hidden = "plot => plot._fullData.filter(trace => trace.visible === 'legendonly').map(trace => trace.name)"
    assert copy.locator(".plot").evaluate(hidden) == [LABELS[1]] * 2
    assert chart.locator(".plot").evaluate(hidden) == []
    expect(page.locator("#runs-foot")).to_contain_text("3 of 3 groups visible")


def test_panels_are_duplicated_moved_removed_and_added(page: Page, project: str, chart: Locator, shots: Path) -> None:
    sections = page.locator(".section:not([hidden]) > summary")
    menu(chart, "Duplicate")
    expect(sections).to_have_text(["train2"])
    copy = panel(page, METRIC).nth(1)
    lines(copy)
    chart.locator(".tools summary").click()
    page.screenshot(path=shots / "panel-menu-light.png")
    page.keyboard.press("Escape")

    menu(copy, "Move to section…")
    dialog = page.get_by_role("dialog", name="Move to section")
    dialog.get_by_label("Section").fill("best of")
    dialog.get_by_role("button", name="Move").click()
    expect(sections).to_have_text(["train1", "best of1"])

    menu(chart, "Remove")
    expect(sections).to_have_text(["best of1"])
    page.get_by_role("button", name="Undo").click()
    expect(sections).to_have_text(["train1", "best of1"])
    lines(chart)

    page.get_by_role("button", name="Add panel").click()
    dialog = page.get_by_role("dialog", name="Add panels")
    dialog.get_by_role("searchbox").fill("tnls")
    expect(dialog.get_by_role("listitem").locator("visible=true")).to_have_text([METRIC])
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("1 chosen")
    page.screenshot(path=shots / "add-panel-light.png")
    dialog.get_by_label("Section").fill("best of")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(sections).to_have_text(["train1", "best of2"])
    page.reload()
    expect(sections).to_have_text(["train1", "best of2"])
    np.testing.assert_array_equal(lines(panel(page, METRIC).nth(2))[LABELS[0]].y, lines(chart)[LABELS[0]].y)

    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#panel-settings summary").click()
    page.get_by_role("button", name="Reset all panels").click()
    expect(sections).to_have_text(["train1"])


def test_bars_and_boxes_of_a_summary_stand_beside_the_lines(page: Page, chart: Locator, shots: Path) -> None:
    finals = np.stack([losses(lr)[:, -1] for lr in LEARNING_RATES])  # learning rates, seeds
    for kind in ("bar", "box"):
        page.get_by_role("button", name="Add panel").click()
        dialog = page.get_by_role("dialog", name="Add panels")
        dialog.get_by_label("Kind").select_option(kind)
        dialog.get_by_role("checkbox", name=METRIC).check()
        dialog.get_by_label("Section").fill("results")
        dialog.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(f"#panels .panel[data-kind={kind}]")).to_have_count(1)
    bars, boxes = (page.locator(f"#panels .panel[data-kind={kind}]") for kind in ("bar", "box"))
    expect(bars.locator("header small")).to_have_text("mean ± std dev · 12 of 12 runs")
    heights = {trace.name: trace.y for trace in drawn(bars) if trace.role == "bar"}
    assert list(heights) == LABELS
    np.testing.assert_allclose([heights[label][0] for label in LABELS], finals.mean(axis=1), rtol=1e-12)
    error = "plot => plot._fullData.filter(one => one.meta.role === 'band').map(one => one.error_y.array[0])"
    deviations = bars.locator(".plot").evaluate(error)
    np.testing.assert_allclose(deviations, finals.std(axis=1, ddof=1), rtol=1e-9)
    expect(boxes.locator("header small")).to_have_text("12 of 12 runs")
    medians = boxes.locator(".plot").evaluate("plot => plot.calcdata.map(points => points[0].med)")
    np.testing.assert_allclose(medians, np.median(finals, axis=1), rtol=1e-12)
    page.screenshot(path=shots / "bars-light.png")

    bars.get_by_role("button", name="Edit panel").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("group", name="Line", exact=True).get_by_text("Max", exact=True).click()
    expect(dialog.locator("section.panel header small")).to_contain_text("max")
    dialog.get_by_role("button", name="Save").click()
    expect(bars.locator("header small")).to_contain_text("max")
    with page.expect_download() as started:
        menu(bars, "Download CSV")
    rows = list(csv.DictReader(Path(started.value.path()).read_text().splitlines()))
    np.testing.assert_allclose([float(row["value"]) for row in rows], finals.max(axis=1), rtol=1e-12)
    expect(chart.locator("header small")).to_have_text("mean ± std dev · 12 of 12 runs")


def test_x_axis_and_smoothing_of_all_panels_live_in_the_address(page: Page, project: str, chart: Locator) -> None:
    raw = lines(chart)[LABELS[0]].y
    page.get_by_label("x axis of all panels").select_option("_runtime")
    expect(page).to_have_url(re.compile(r"x=_runtime"))
    wait_until(
        page, "plot => plot.layout.xaxis.title?.text?.includes('time')", arg=chart.locator(".plot").element_handle()
    )
    page.get_by_label("x axis of all panels").select_option("")
    page.locator("#smoothing summary").click()
    page.get_by_label("Type", exact=True).select_option("gaussian")
    page.get_by_label("Weight", exact=True).fill("3")
    expect(page).to_have_url(re.compile(r"smoothing=gaussian:3"))
    expect(chart.locator("header small")).to_contain_text("smoothed")
    page.keyboard.press("Escape")
    smooth = lines(chart)[LABELS[0]].y
    assert np.abs(np.diff(smooth)).max() < np.abs(np.diff(raw)).max() / 2
    page.reload()
    np.testing.assert_array_equal(lines(chart)[LABELS[0]].y, smooth)
    expect(page.locator("#smoothing .now")).to_have_text("3")
    # What is chosen while an earlier choice is still on its way is lost by neither.
    page.evaluate(
        "for (const x of ['_timestamp', '_runtime']) { const axes = document.getElementById('x-axis'); axes.value = x;"
        "axes.dispatchEvent(new Event('change')) } document.querySelector('#panel-settings [value=hover]').click()"
    )
    expect(page).to_have_url(re.compile(r"x=_runtime&smoothing=gaussian:3&sync=hover"))
    page.goto(f"{project}?group=config.lr&smoothing=gaussian:3")
    # The table's links keep it; Back takes it back.
    page.locator("#clear-grouping").click()
    expect(page).to_have_url(re.compile(r"group=&smoothing=gaussian:3"))
    page.go_back()
    page.goto(f"{project}?group=config.lr")
    np.testing.assert_array_equal(lines(chart)[LABELS[0]].y, raw)


def test_a_view_is_saved_opened_changed_and_deleted(page: Page, project: str, chart: Locator, shots: Path) -> None:
    page.goto(f"{project}?group=config.seed&x=_runtime")
    lines(chart)
    views = page.locator("#views")
    views.locator("summary").click()
    views.get_by_label("Name of the new view").fill("By seed")
    page.screenshot(path=shots / "save-view-light.png")
    views.get_by_role("button", name="Save view").click()
    expect(page).to_have_url(re.compile(r"view=[0-9a-f]{32}$"))
    saved = page.url
    expect(views.locator("summary")).to_have_text("By seed")
    expect(page.locator("#runs tbody tr .label")).to_have_text([f"seed: {seed}" for seed in range(4)])
    expect(page.get_by_label("x axis of all panels")).to_have_value("_runtime")

    menu(chart, "Duplicate")
    expect(page.locator(".section > summary")).to_have_text(["train2"])
    page.locator("#clear-grouping").click()
    expect(page.locator("#runs thead th.name")).to_have_text("Name (12 runs)")
    views.locator("summary").click()
    views.get_by_role("button", name="Save what is shown now").click()
    expect(page).to_have_url(saved)
    expect(page.locator("#runs thead th.name")).to_have_text("Name (12 runs)")
    expect(page.locator(".section > summary")).to_have_text(["train2"])

    views.locator("summary").click()
    views.get_by_label("Name of the view", exact=True).fill("Renamed")
    views.get_by_role("button", name="Rename").click()
    expect(views.locator("summary")).to_have_text("Renamed")

    page.goto(project)
    expect(page.locator(".section > summary")).to_have_text(["train1"])
    views.locator("summary").click()
    views.get_by_label("Name of the new view").fill("Renamed")
    views.get_by_role("button", name="Save view").click()
    expect(views.get_by_role("alert")).to_contain_text("already")
    views.get_by_role("link", name="Renamed").click()
    expect(page).to_have_url(saved)
    page.once("dialog", lambda dialog: dialog.accept())
    views.locator("summary").click()
    views.get_by_role("button", name="Delete the view").click()
    expect(page).to_have_url(project)
    assert page.goto(saved).status == 404


def test_an_answer_that_fails_says_so_and_can_be_asked_again(page: Page, project: str) -> None:
    page.route("**/line-plot?**", lambda route: route.fulfill(status=500, body="no"))
    page.goto(f"{project}?group=config.lr")
    chart = panel(page, METRIC)
    expect(chart.get_by_role("alert")).to_contain_text("The server answered 500.")
    page.unroute_all()
    chart.get_by_role("button", name="Retry").click()
    assert list(lines(chart)) == LABELS


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_menus_and_popovers_stay_inside_the_window(
    page: Page, project: str, shots: Path, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{project}?group=config.lr")
    chart = panel(page, METRIC)
    chart.scroll_into_view_if_needed()
    lines(chart)
    for name in ("#smoothing", "#panel-settings", "#views", f"#{chart.get_attribute('id')} .popover"):
        page.locator(f"{name} > summary").click()
        box = page.locator(f"{name} > .pop").bounding_box()
        assert box is not None
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= width, name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.wait_for_load_state("networkidle")
        shoot(page, shots, f"panels-{re.sub('[^a-z]', '', name)[:14]}-{width}")
        page.keyboard.press("Escape")
    assert drawn(chart)
