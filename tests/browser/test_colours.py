"""Colours picked from the swatches of the table, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from projects.query.palette import PALETTE
from tests.browser.experiment import LEARNING_RATES
from tests.browser.pictures import shoot
from tests.browser.plots import lines, panel, wait_until

pytestmark = pytest.mark.browser

METRIC = "train/loss"
LINES = """([plot, colour]) => plot._fullData.filter(
  ({ meta, line }) => meta.role === "line" && line.color === colour).length === 1"""
RED = "#c00010"
GREEN, PINK = PALETTE[6], PALETTE[10]


@pytest.fixture(scope="module")
def project(experiment: Callable[[str], str]) -> str:
    return experiment("paints")


def dots(page: Page) -> Locator:
    return page.locator("#runs tbody svg.dot circle")


def painted(page: Page, at: int, colour: str) -> None:
    """Until the row's swatch, and one line of the chart, have the colour."""
    expect(dots(page).nth(at)).to_have_attribute("fill", colour)
    plot = panel(page, METRIC).locator(".plot").element_handle()
    wait_until(page, LINES, arg=[plot, colour])


def test_a_groups_colour_is_picked_by_keyboard_kept_and_taken_back(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=config.lr")
    lines(panel(page, METRIC))
    painted(page, 1, PALETTE[1])
    swatch = page.get_by_role("button", name="Colour of lr: 0.1")
    swatch.focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("dialog", name="Colour of lr: 0.1")
    expect(menu.get_by_role("button", name="Turquoise")).to_be_focused()
    expect(menu.get_by_role("button", name="Default")).to_be_disabled()
    shoot(page, shots, "colour-menu")
    page.keyboard.press("ArrowRight")
    expect(menu.get_by_role("button", name="Orange")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("button", name="Brown")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(menu.get_by_role("button", name="Green")).to_be_focused()
    page.keyboard.press("Space")
    expect(menu).to_be_hidden()
    painted(page, 1, GREEN)
    expect(swatch).to_be_focused()
    page.reload()
    painted(page, 1, GREEN)
    for at, colour in ((0, PALETTE[0]), (2, PALETTE[2])):
        painted(page, at, colour)

    swatch.click()
    menu.get_by_label("Another colour").fill(RED)
    painted(page, 1, RED)
    swatch.click()
    menu.get_by_role("button", name="Default").click()
    painted(page, 1, PALETTE[1])


def test_an_ungrouped_run_has_a_swatch_of_its_own(page: Page, project: str) -> None:
    page.goto(f"{project}?group=&q=seed%3D3")
    expect(dots(page)).to_have_count(len(LEARNING_RATES))
    name = f"lr={LEARNING_RATES[0]} seed=3"
    page.get_by_role("button", name=f"Colour of {name}").click()
    page.get_by_role("dialog", name=f"Colour of {name}").get_by_role("button", name="Pink").click()
    painted(page, len(LEARNING_RATES) - 1, PINK)
    page.get_by_role("button", name=f"Colour of {name}").click()
    page.get_by_role("button", name="Default").click()
    expect(dots(page).last).not_to_have_attribute("fill", PINK)
