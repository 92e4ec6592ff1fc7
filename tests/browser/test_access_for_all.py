"""Every page and whatever opens on one, in light and dark: what axe-core finds wrong with names, roles and contrast."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.many import filled
from tests.browser.pictures import SCHEMES, lit
from tests.browser.plots import drawn, panel
from tests.live import LiveServer

pytestmark = pytest.mark.browser

METRIC = "part/m00"


@pytest.fixture(scope="module")
def project(live: LiveServer) -> str:
    filled(live, "empty", runs=0, metrics=0, steps=0)
    return filled(live, "seen", runs=12, metrics=3, steps=20)


def findings(page: Page, shot: str = "") -> list[str]:
    """What is serious or critical, in the scheme that the page was loaded in, then in the other: so it is left.

    `shot`: where the page is kept as a picture in both, but for the end of the name.
    """
    found = []
    loaded_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    for scheme in reversed(SCHEMES) if loaded_dark else SCHEMES:
        lit(page, scheme)
        if shot:
            page.screenshot(path=f"{shot}-{scheme}.png", caret="initial")
        for one in Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]:
            if one["impact"] in ("serious", "critical"):
                found += [f"{scheme}: {one['id']}: {node['target']} {node['failureSummary']}" for node in one["nodes"]]
    return found


def popover(selector: str) -> Callable[[Page], None]:
    def open_it(page: Page) -> None:
        page.locator(f"{selector} > summary").first.click()
        expect(page.locator(f"{selector} > .pop").first).to_be_visible()
        page.wait_for_load_state("networkidle")

    return open_it


def settings(page: Page, tab: str = "Advanced") -> None:
    panel(page, METRIC).get_by_role("button", name="Edit panel").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("tab", name=tab).click()
    drawn(dialog.locator("section.panel"))


def adding(page: Page, kind: str = "line") -> None:
    page.get_by_role("button", name="Add panel", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Kind").select_option(kind)


STATES: dict[str, Callable[[Page], None]] = {
    "grouped": lambda page: None,
    "a group open": lambda page: page.locator("#runs .chevron").first.click(),
    "filter": popover("#filter"),
    "group by": popover("#group-by"),
    "sort": popover("#sort"),
    "columns": popover("#columns"),
    "panel menu": popover(".panel .tools .popover"),
    "data settings": lambda page: settings(page, "Data"),
    "display settings": lambda page: settings(page, "Display"),
    "legend settings": lambda page: settings(page, "Legend"),
    "advanced settings": settings,
    "add panels": adding,
    "add a scatter plot": lambda page: adding(page, "scatter"),
    "add parallel coordinates": lambda page: adding(page, "parallel"),
    "no match": lambda page: page.get_by_role("searchbox", name="Search runs").fill("nothing is called so"),
}


ADDRESSES = (
    "/",
    "/ada",
    "/account",
    "/authorize",
    "/teams/new",
    "/ada/seen/settings",
    "/nobody/nothing",
    "/ada/empty",
    "/ada/seen?group=",
    "/ada/seen?sort=nonsense:",
    "/ada/seen/group-by",
    "/ada/seen/filter",
    "/ada/seen?choose=sort",
    "/ada/seen?choose=columns",
    "/ada/seen/alerts",
    "/ada/seen/results?rows=config.arm&metric=summary.part/m00",
    "/ada/seen/compare?group=config.arm&metric=summary.part/m00",
    "/ada/seen/groups/",
    "/ada/seen/runs/run-1",
    "/ada/seen/runs/run-1?tab=charts",
    "/ada/seen/runs/run-1?tab=console",
    "/ada/seen/runs/run-1?tab=files",
    "/ada/seen/runs/run-1?tab=artifacts",
    "/ada/seen/runs/run-1?tab=system",
    "/ada/seen/runs/compare?runs=run-1,run-2",
    "/search?q=run",
    "/inbox",
    "/ada/seen/artifacts",
)


def test_the_project_page_and_all_that_opens_on_it_is_named_and_legible(page: Page, project: str, shots: Path) -> None:
    found = {}
    for name, open_it in STATES.items():
        page.goto(f"{project}?group=config.arm")
        drawn(panel(page, METRIC))
        open_it(page)
        page.wait_for_load_state("networkidle")
        found[name] = findings(page, f"{shots}/seen-{name.replace(' ', '-')}")
    assert found == dict.fromkeys(STATES, [])


def test_every_other_page_is_named_and_legible(page: Page, live: LiveServer, project: str) -> None:
    found = {}
    for address in ADDRESSES:
        page.goto(f"{live.url}{address}")
        page.wait_for_load_state("networkidle")
        found[address] = findings(page)
    page.goto(f"{live.url}/teams/new")
    page.get_by_label("Name").fill("seen")
    page.get_by_role("button", name="Make the team").click()
    expect(page.get_by_role("heading", name="Members of")).to_be_visible()
    found["a team"] = findings(page)
    page.context.clear_cookies()
    for address in ("/sign-in", "/sign-in/used"):
        page.goto(f"{live.url}{address}")
        found[address] = findings(page)
    assert found == dict.fromkeys(found, [])
