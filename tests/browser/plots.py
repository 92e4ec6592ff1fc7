"""What Plotly has really drawn on a page."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect

_TRACES = """plot => plot._fullData.map((trace, place) => ({
  name: trace.name, role: trace.meta.role, fill: trace.fill,
  x: plot.calcdata[place].map(point => point.x ?? null),
  y: plot.calcdata[place].map(point => point.y ?? null),
}))"""


@dataclass(frozen=True)
class Trace:
    name: str
    role: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def panel(page: Page, metric: str) -> Locator:
    return page.locator("#panels section.panel").filter(has=page.get_by_role("heading", name=metric, exact=True))


def drawn(panel: Locator) -> list[Trace]:
    """The traces of a panel's chart once it has been drawn."""
    plot = panel.locator(".js-plotly-plot")
    expect(plot).to_have_count(1)
    expect(panel.locator("header small")).not_to_have_text("")
    found = plot.evaluate(_TRACES)
    return [Trace(t["name"], t["role"], np.array(t["x"], float), np.array(t["y"], float)) for t in found]


def wait_until(page: Page, expression: str, *, arg: object = None) -> None:
    """Until it holds, within 30 seconds. Playwright's own way of waiting needs eval, which pages do not allow."""
    deadline = time.monotonic() + 30
    while not page.evaluate(expression, arg):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def await_points(panel: Locator, count: int) -> None:
    """Until the first line of a live chart has as many points."""
    plot = panel.locator(".plot")
    expect(plot).to_be_visible(timeout=30_000)
    wait_until(panel.page, "([plot, count]) => plot.calcdata?.[0]?.length >= count", arg=[plot.element_handle(), count])


def lines(panel: Locator) -> dict[str, Trace]:
    return {trace.name: trace for trace in drawn(panel) if trace.role == "line"}


def bands(panel: Locator) -> dict[str, Trace]:
    return {trace.name: trace for trace in drawn(panel) if trace.role == "band"}


def ends(band: Trace, at: float) -> tuple[float, float]:
    """Lower and upper end of a band at x."""
    values = band.y[band.x == at]
    return float(values.min()), float(values.max())
