"""A page of running runs, and one of very many: what is asked for, and what the reader has chosen, as it goes on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.many import filled, go_on
from tests.browser.plots import drawn, panel, wait_until
from tests.live import LiveServer

pytestmark = pytest.mark.browser

STEPS = 30
SHOWN_STEPS = "plot => Math.max(...plot._fullData.flatMap(trace => [...trace.x]))"
RANGE = "plot => plot._fullLayout.xaxis.range"


@pytest.fixture(scope="module")
def running(live: LiveServer) -> str:
    return filled(live, "watched", runs=12, metrics=9, steps=STEPS, running=True)


def asked(page: Page) -> list[str]:
    """Addresses that the page asks for from now on."""
    found: list[str] = []

    def note(request: Request) -> None:
        found.append(request.url)

    page.on("request", note)
    return found


def test_what_the_reader_chose_outlives_new_points(page: Page, live: LiveServer, running: str) -> None:
    page.goto(f"{running}?group=config.arm")
    chart = panel(page, "part/m00")
    drawn(chart)
    plot = chart.locator(".plot")
    plot.evaluate("plot => Plotly.relayout(plot, {'xaxis.range[0]': 5, 'xaxis.range[1]': 200})")
    expect(chart).not_to_have_class("panel loading")
    chart.locator(".tools summary").click()
    page.locator(".charts").evaluate("charts => charts.scrollTo(0, 40)")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#runs tbody .label'))")
    page.evaluate("window.sameDocument = true")
    selected = page.evaluate("String(getSelection())")
    go_on(live, "watched", runs=12, metrics=9, start=STEPS, steps=20)
    wait_until(page, f"plot => ({SHOWN_STEPS})(plot) === {STEPS + 19}", arg=plot.element_handle())
    assert plot.evaluate(RANGE) == [5, 200]
    assert page.locator(".charts").evaluate("charts => charts.scrollTop") == 40
    assert selected
    assert page.evaluate("String(getSelection())") == selected
    expect(chart.get_by_role("button", name="Download PNG")).to_be_visible()
    assert page.evaluate("window.sameDocument") is True


def test_a_page_that_nobody_looks_at_asks_for_nothing(page: Page, running: str) -> None:
    page.goto(running)
    drawn(panel(page, "part/m00"))
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true })")
    page.evaluate("window.away = true")
    page.wait_for_timeout(1500)
    requests = asked(page)
    page.wait_for_timeout(3000)
    assert requests == []
    page.evaluate("window.away = false")
    with page.expect_request(lambda request: request.url.endswith("/version")):
        pass


def test_while_nothing_changes_only_the_version_is_asked_for(page: Page, live: LiveServer) -> None:
    page.goto(filled(live, "still", runs=3, metrics=2, steps=5))
    drawn(panel(page, "part/m01"))
    page.wait_for_load_state("networkidle")
    requests = asked(page)
    page.wait_for_timeout(3500)
    assert requests
    assert all(address.endswith("/version") for address in requests)


def test_a_thousand_runs_in_twelve_charts_scroll_and_open_what_is_clicked(page: Page, live: LiveServer) -> None:
    address = filled(live, "crowd", runs=1000, metrics=12, steps=3)
    page.set_viewport_size({"width": 1440, "height": 500})
    page.goto(f"{address}?group=config.arm")
    first, last = panel(page, "part/m00"), panel(page, "part/m11")
    drawn(first)
    expect(first.locator("header small")).to_have_text("mean ± std dev · 1,000 of 1,000 runs")
    expect(last.locator(".js-plotly-plot")).to_have_count(0)
    last.scroll_into_view_if_needed()
    drawn(last)
    page.locator("#group-by > summary").click()
    expect(page.locator("form.group-form")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#clear-grouping").click()
    expect(page.locator("#runs thead th.name")).to_have_text("Name (1000 runs)")
    rows = page.locator("#runs tbody tr.run")
    before = rows.count()
    page.locator("#runs-scroll").evaluate("table => table.scrollTo(0, table.scrollHeight)")
    wait_until(page, f"() => document.querySelectorAll('#runs tbody tr.run').length > {before}")
