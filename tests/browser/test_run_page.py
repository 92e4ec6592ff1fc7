"""The page of a run, runs side by side, the search over everything and the inbox, by mouse and by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_access_for_all import findings
from tests.live import LiveServer

pytestmark = pytest.mark.browser

SEED = """
from datetime import timedelta
from projects.access import user_get_or_create
from runs import ingest
from runs.models import Level
from tests.factories import log_run, make_project
owner = make_project(user_get_or_create(name="ada"), "runpage")
for number in range(3):
    config = {"lr": 0.1 * (number + 1), "batch": 32, "model": {"optimizer": {"name": "adam"}}}
    config |= {f"layer{at}": {"width": at} for at in range(5000)} if number == 2 else {}
    run = log_run(owner, f"ocean-{number}", [{"loss": 1.0}], summary={"acc": 0.5 + number}, config=config, group="seas",
                  tags=["base"], notes="first", complete=False)
    lines = [f"2026-01-02T03:04:05.6 line {at} of {number}" for at in range(1200)]
    said = ingest.StreamRequest(console=ingest.Lines(offset=0, lines=lines))
    ingest.stream_accept(run_id=run.id, writer="", request=said)
    ingest.run_alert(run_id=run.id, level=Level.WARN, title=f"Alert {number}", text="look", wait=timedelta())
"""
PRINT = """
from runs import ingest
from runs.models import Run
run = Run.objects.get(project__name="runpage", name="ocean-0")
said = ingest.StreamRequest(console=ingest.Lines(offset=1200, lines=["2026-01-02T03:04:05.6 the newest line"]))
ingest.stream_accept(run_id=run.id, writer="", request=said)
"""


@pytest.fixture(scope="module")
def project(live: LiveServer) -> str:
    live.manage("shell", "-v0", "-c", SEED)
    return f"{live.url}/ada/runpage"


def legible(page: Page, shots: Path, name: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width, height in ((1440, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=shots / f"{name}-{scheme}-{width}.png")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert findings(page) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_name_notes_and_tags_are_edited_where_they_stand_and_undone(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}/runs/ocean-0")
    heading = page.get_by_role("heading", level=1)
    page.locator("#edit-display_name > summary").press("Enter")
    name = page.get_by_role("textbox", name="Name")
    expect(name).to_be_focused()
    name.fill("given up")
    name.press("Escape")
    expect(heading).to_have_text("ocean-0")
    expect(page.locator("#edit-display_name > summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(name).to_have_value("ocean-0")
    name.fill("calm lake")
    name.press("Enter")
    expect(heading).to_have_text("calm lake")
    expect(page).to_have_title("calm lake · Overview · runpage · Cohort")
    expect(page.locator("#edit-display_name > summary")).to_be_focused()
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(heading).to_have_text("ocean-0")

    page.get_by_label("Edit notes").click()
    notes = page.get_by_role("textbox", name="Notes")
    notes.fill("two\n<b>lines")
    legible(page, shots, "run-notes")
    notes.press("Control+Enter")
    expect(page.locator(".notes")).to_have_text("two<b>lines")

    page.locator("#edit-tag_add > summary").click()
    page.get_by_role("combobox", name="Add a tag").fill("new one")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#run-head .chip")).to_have_text(["base", "new one"])
    page.get_by_role("button", name="Remove the tag base").click()
    expect(page.locator("#run-head .chip")).to_have_text(["new one"])


def test_a_change_of_somebody_else_is_not_written_over(page: Page, project: str) -> None:
    page.goto(f"{project}/runs/ocean-1")
    page.get_by_label("Edit notes").click()
    other = page.context.new_page()
    other.goto(f"{project}/runs/ocean-1")
    other.get_by_label("Edit notes").click()
    other.get_by_role("textbox", name="Notes").fill("theirs")
    other.get_by_role("button", name="Save").click()
    expect(other.locator(".notes")).to_have_text("theirs")
    page.get_by_role("textbox", name="Notes").fill("mine")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").filter(has_text="theirs")).to_be_visible()
    expect(page.get_by_role("textbox", name="Notes")).to_have_value("mine")


def test_keys_are_searched_while_one_types_and_the_address_keeps_it(page: Page, project: str) -> None:
    page.goto(f"{project}/runs/ocean-2")
    page.get_by_label("Search the config").fill("layer4321")
    values = page.locator("#run-config .value")
    expect(values).to_have_text(["4321"])
    page.get_by_label("Search the summary").fill("nothing such")
    expect(page.locator("#run-summary")).to_have_text("0 of 1 keys No key holds “nothing such”.")
    page.reload()
    expect(values).to_have_text(["4321"])
    page.get_by_label("Search the config").fill("")
    expect(page.locator("#run-config")).to_contain_text("more keys")


def test_the_log_is_followed_searched_and_downloaded(page: Page, live: LiveServer, project: str, shots: Path) -> None:
    page.goto(f"{project}/runs/ocean-0?tab=console")
    follow, box = page.get_by_label("Follow"), page.locator("#console")
    expect(follow).to_be_checked()
    box.evaluate("box => box.scrollTo(0, 100)")
    expect(follow).not_to_be_checked()
    live.manage("shell", "-v0", "-c", PRINT)
    expect(box.locator("li").last).to_contain_text("the newest line")
    assert box.evaluate("box => box.scrollTop") == 100
    follow.check()
    expect(box.locator("li").last).to_be_in_viewport()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_text().count("\n") == 1201

    page.get_by_label("Search the log").fill("line 7 of")
    page.keyboard.press("Enter")
    expect(box.locator("li")).to_have_text(["803:04:05line 7 of 0"])
    legible(page, shots, "run-console")
    page.get_by_role("link", name="Line 8 in the log").click()
    expect(page.locator("#line-7")).to_be_in_viewport()
    expect(page.locator("#line-100")).to_have_count(1)


def test_ticked_runs_are_compared_side_by_side(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=&q=ocean")
    page.get_by_label("Tick ocean-0").check()
    page.get_by_label("Tick ocean-1").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare runs")
    table = page.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_count(3)
    expect(table.get_by_role("rowheader", name="lr")).to_be_visible()
    expect(table.get_by_role("rowheader", name="batch")).to_have_count(0)
    expect(table).to_contain_text("1.5 +1")
    legible(page, shots, "runs-compared")
    page.get_by_role("button", name="Differences only").press(" ")
    expect(table.get_by_role("rowheader", name="batch")).to_be_visible()
    page.get_by_label("Add a run, by its name or id").fill("ocean-2")
    page.get_by_role("option", name="ocean-2").click()
    expect(table.get_by_role("columnheader")).to_have_count(4)
    expect(page.get_by_role("button", name="Differences only")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("link", name="Leave out ocean-0").click()
    expect(table.get_by_role("columnheader")).to_have_count(3)


def test_everything_is_found_from_any_page_by_keyboard(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}/sweeps")
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Search")
    field = dialog.get_by_role("combobox")
    expect(field).to_be_focused()
    expect(dialog.get_by_role("option", name="Workspace")).to_be_visible()
    field.fill("ocean-1")
    found = dialog.get_by_role("group", name="Runs").get_by_role("option")
    expect(found.first).to_contain_text("ocean-1")
    legible(page, shots, "find-anything")
    field.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("Meta+k")
    field.fill("ocean-1")
    expect(found).to_have_count(1)
    expect(dialog.get_by_role("option", selected=True)).to_have_count(1)
    field.press("ArrowDown")
    field.press("ArrowUp")
    expect(found).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    page.wait_for_url(f"{project}/runs/ocean-1")
    expect(page.get_by_role("heading", level=1)).to_have_text("ocean-1")


def test_the_search_is_a_page_without_scripts(page: Page, live: LiveServer, project: str, shots: Path) -> None:
    cookies = page.context.cookies()
    plain = page.context.browser.new_context(java_script_enabled=False)
    plain.add_cookies(cookies)
    bare = plain.new_page()
    bare.goto(f"{project}/alerts")
    bare.get_by_role("link", name="Search").click()
    bare.get_by_role("searchbox").fill("seas")
    bare.get_by_role("button", name="Search").click()
    bare.get_by_role("main").get_by_role("link", name="seas").first.click()
    expect(bare).to_have_url(f"{project}/groups/seas")
    plain.close()
    page.goto(f"{live.url}/search?q=ocean")
    legible(page, shots, "search")


def test_alerts_are_read_in_the_inbox(page: Page, live: LiveServer, project: str, shots: Path) -> None:
    page.goto(f"{project}/artifacts")
    bell = page.get_by_role("link", name="Inbox")
    before = int(bell.inner_text())
    assert before >= 3
    bell.click()
    legible(page, shots, "inbox")
    page.get_by_role("button", name="Mark “Alert 1” of").click()
    expect(bell).to_have_text(str(before - 1))
    expect(page.get_by_role("listitem").filter(has_text="Alert 1")).to_have_count(0)
    page.get_by_role("button", name="Mark all read").click()
    expect(page.get_by_role("main")).to_contain_text("Nothing unread.")
    expect(bell).to_have_attribute("aria-label", "Inbox")
    page.get_by_role("link", name="All", exact=True).click()
    page.get_by_role("listitem").filter(has_text="Alert 2").get_by_role("link", name="ocean-2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ocean-2")
