"""Panels put in order within their section, in a real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.plots import lines, panel
from tests.live import LiveServer, client_environment, run_script

pytestmark = pytest.mark.browser

FOUR = """
import wandb
with wandb.init(project="order", settings=wandb.Settings(silent=True)) as run:
    for step in range(3):
        run.log({f"{name}": step for name in ("a", "b", "c", "d")} | {"other/x": step})
"""


@pytest.fixture(scope="module")
def project(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    done = run_script(FOUR, client_environment(live, tmp_path_factory.mktemp("order")))
    assert done.returncode == 0, done.stderr
    return f"{live.url}/ada/order"


def ordered(page: Page, names: str) -> None:
    expect(page.locator(".section").first.locator("h3")).to_have_text(list(names))


def test_panels_are_dragged_by_their_heads_and_by_keyboard_and_stay(page: Page, project: str, shots: Path) -> None:
    page.goto(project)
    for name in "abcd":
        lines(panel(page, name))
    ordered(page, "abcd")

    def place(source: str, target: str, x: float) -> None:
        """Over the left or right part of another panel's plot."""
        box = panel(page, target).bounding_box()
        assert box is not None
        panel(page, source).locator("h3").hover()
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] / 2, steps=4)
        page.mouse.move(box["x"] + box["width"] * x + 1, box["y"] + box["height"] / 2)
        page.screenshot(path=shots / "panel-dragged-light.png")

    with page.expect_response(lambda answer: answer.url.split("?")[0].endswith("/panels")) as answer:
        place("a", "b", 0.9)
        page.mouse.up()
    assert answer.value.ok
    ordered(page, "bacd")
    place("d", "b", 0.1)
    ordered(page, "dbac")
    page.keyboard.press("Escape")
    page.mouse.up()
    ordered(page, "bacd")
    # Sections keep their panels.
    place("a", "other/x", 0.1)
    page.mouse.up()
    ordered(page, "bacd")
    page.reload()
    ordered(page, "bacd")

    lines(panel(page, "c"))
    panel(page, "c").locator(".tools summary").focus()
    with page.expect_response(lambda answer: answer.url.split("?")[0].endswith("/panels")):
        page.keyboard.press("Alt+ArrowLeft")
    ordered(page, "bcad")
    expect(panel(page, "c").locator(".tools summary")).to_be_focused()
    expect(page.locator("#panels-said")).to_have_text("c, 2 of 4")
    panel(page, "c").locator(".tools summary").click()
    with page.expect_response(lambda answer: answer.url.split("?")[0].endswith("/panels")):
        panel(page, "c").get_by_role("button", name="Move earlier").click()
    page.reload()
    ordered(page, "cbad")


def test_who_may_not_arrange_the_panels_can_not_drag_them(page: Page, project: str, live: LiveServer) -> None:
    live.manage(
        "shell",
        "-c",
        "from projects.models import Project; Project.objects.filter(name='order').update(visibility='public')",
    )
    page.context.clear_cookies()
    page.goto(project)
    lines(panel(page, "other/x"))
    expect(panel(page, "other/x").locator("header")).to_have_attribute("draggable", "false")
