"""Choosing runs in a real Chromium: filter, search, sort and columns, judged by the rows and numbers that are left."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.experiment import LEARNING_RATES, SEEDS, losses
from tests.browser.pictures import shoot
from tests.browser.plots import lines, panel, wait_until

pytestmark = pytest.mark.browser

METRIC = "train/loss"


@pytest.fixture(scope="module")
def project(experiment: Callable[[str], str]) -> str:
    """The ungrouped page of a project with the experiment: three learning rates, four seeds, two depths."""
    return experiment("chosen") + "?group="


def rows(page: Page) -> Locator:
    return page.locator("#runs tbody tr.run .label")


def named(*pairs: tuple[float, int]) -> list[str]:
    return [f"lr={lr} seed={seed}" for lr, seed in pairs]


LATEST_FIRST = [(lr, seed) for lr in reversed(LEARNING_RATES) for seed in reversed(SEEDS)]


def opened(page: Page, name: str) -> Locator:
    """The popover of a button above the table."""
    page.locator(f"#{name} > summary").click()
    pop = page.locator(f"#{name} > .pop")
    expect(pop.locator("form")).to_be_visible()
    return pop


def options(place: Locator) -> Locator:
    return place.get_by_role("listbox").get_by_role("option")


def choose_column(condition: Locator, typed: str, label: str) -> None:
    condition.get_by_role("combobox", name="Column").fill(typed)
    options(condition).filter(has_text=re.compile(rf"^{re.escape(label)}(config|summary|run)$")).click()


def test_a_filter_is_built_by_choosing_column_operator_and_value(page: Page, project: str, shots: Path) -> None:
    page.goto(project)
    expect(rows(page)).to_have_count(12)
    pop = opened(page, "filter")
    condition = pop.get_by_role("group", name="Condition").first
    expect(condition.get_by_role("combobox", name="Column")).to_be_focused()
    choose_column(condition, "lr", "lr")
    operators = condition.get_by_role("combobox", name="Operator").locator("option:not([hidden])")
    expect(operators).to_have_text(["=", "≠", "<", "≤", ">", "≥", "in", "not in", "is set", "is not set"])
    condition.get_by_role("combobox", name="Operator").select_option("<")
    condition.locator(".value").click()
    expect(options(condition)).to_have_text([f"{lr}4 runs" for lr in LEARNING_RATES])
    page.screenshot(path=shots / "filter-values-light.png")
    options(condition).filter(has_text="0.34").click()
    pop.get_by_role("button", name="Apply").last.click()
    expect(rows(page)).to_have_text(named(*[pair for pair in LATEST_FIRST if pair[0] < 0.3]))
    expect(page).to_have_url(re.compile(r"\?f=config\.lr:%3C:0\.3&group=$"))
    expect(page.locator("#runs-filters")).to_contain_text("8 of 12 runs")
    expect(page.locator("#filter > summary")).to_have_text(re.compile(r"Filter\s*1"))
    expect(panel(page, METRIC).locator("header small")).to_have_text("8 of 8 runs")
    page.get_by_role("link", name="Remove filter lr < 0.3").click()
    expect(rows(page)).to_have_count(12)
    page.go_back()
    expect(rows(page)).to_have_count(8)
    page.reload()
    expect(rows(page)).to_have_count(8)


def test_groups_of_conditions_nest_and_charts_average_what_is_left(page: Page, project: str, shots: Path) -> None:
    page.goto(project.replace("group=", "group=config.lr"))
    pop = opened(page, "filter")
    pop.get_by_role("combobox", name="How the conditions are joined").select_option("any")
    choose_column(pop.get_by_role("group", name="Condition").first, "seed", "seed")
    pop.locator(".value").fill("0")
    pop.get_by_role("button", name="+ Group").click()
    inner = pop.locator("#branch-1")
    inner.get_by_role("combobox", name="How the conditions are joined").select_option("all")
    expect(inner.get_by_role("combobox", name="Column")).to_be_focused()
    choose_column(inner.locator(".condition").first, "seed", "seed")
    inner.locator(".value").fill("1")
    inner.get_by_role("button", name="+ Group").click()
    third = inner.locator("#branch-1\\.1")
    third.get_by_role("combobox", name="How the conditions are joined").select_option("none")
    choose_column(third.locator(".condition").first, "lr", "lr")
    third.get_by_role("combobox", name="Operator").select_option("in")
    third.locator(".value").first.fill("0.3")
    third.locator(".value").first.press("Tab")
    expect(third.locator(".value").nth(1)).to_be_focused()
    third.locator(".value").nth(1).fill("0.003")
    page.screenshot(path=shots / "filter-light.png")
    pop.get_by_role("button", name="Apply").last.click()
    expect(page).to_have_url(
        re.compile(
            r"\?f=any\(&f=config\.seed:%3D:0&f=all\(&f=config\.seed:%3D:1&f=none\(&f=config\.lr:in:0\.3:0\.003&f=\)&f=\)&f=\)"
        )
    )
    expect(page.locator("#runs-filters .chip .text")).to_have_text("seed = 0 or (seed = 1 and not (lr in 0.3, 0.003))")
    expect(page.locator("#runs thead th.name")).to_have_text("Name (3 groups · 4 runs)")
    expect(panel(page, METRIC).locator("header small")).to_have_text("mean ± std dev · 4 of 4 runs")
    drawn = lines(panel(page, METRIC))
    np.testing.assert_allclose(drawn["lr: 0.1"].y, losses(0.1)[:2].mean(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(drawn["lr: 0.3"].y, losses(0.3)[0])
    again = opened(page, "filter")
    expect(again.get_by_role("combobox", name="Column")).to_have_count(3)
    again.get_by_role("button", name="Remove this group of conditions").first.click()
    expect(again.get_by_role("combobox", name="Column")).to_have_count(1)
    again.get_by_role("button", name="Apply").last.click()
    expect(page.locator("#runs thead th.name")).to_have_text("Name (3 groups · 3 runs)")


def test_an_unfinished_condition_says_what_it_lacks_and_nothing_is_lost(page: Page, project: str) -> None:
    page.goto(project)
    pop = opened(page, "filter")
    choose_column(pop.locator(".condition").first, "lr", "lr")
    pop.get_by_role("combobox", name="Operator").select_option(">")
    pop.get_by_role("button", name="+ Condition").click()
    second = pop.locator(".condition").nth(1)
    second.get_by_role("combobox", name="Column").fill("nothing")
    pop.get_by_role("button", name="Apply").last.click()
    expect(pop.get_by_role("alert")).to_have_text(["type a value", "no run has a column “nothing”"])
    expect(pop.get_by_role("combobox", name="Column").nth(1)).to_have_value("nothing")
    pop.locator(".value").first.fill("high")
    second.get_by_role("button", name="Remove").click()
    expect(pop.locator(".condition")).to_have_count(1)
    pop.get_by_role("button", name="Apply").last.click()
    expect(pop.get_by_role("alert")).to_have_text(["lr is compared with numbers, “high” is none"])
    pop.locator(".value").first.fill("0.2")
    pop.locator(".value").first.press("Enter")
    expect(rows(page)).to_have_count(4)


def test_what_is_applied_while_a_condition_is_being_removed_is_what_is_left(page: Page, project: str) -> None:
    page.goto(f"{project}&f=config.lr:%3E:0.2&f=config.seed:=:3")
    expect(rows(page)).to_have_count(1)
    pop = opened(page, "filter")
    expect(pop.locator(".condition")).to_have_count(2)
    held: list[Route] = []
    page.route(re.compile("act=remove"), lambda route: held.append(route))
    pop.locator(".condition").nth(1).get_by_role("button", name="Remove").click()
    pop.get_by_role("button", name="Apply").last.click()
    wait_until(page, "() => true")
    assert len(held) == 1
    expect(rows(page)).to_have_count(1)
    held[0].continue_()
    expect(rows(page)).to_have_count(4)
    expect(page).to_have_url(re.compile(r"\?f=config\.lr:%3E:0\.2&group=$"))


def test_the_filter_is_used_by_keyboard_alone_and_gives_the_focus_back(page: Page, project: str) -> None:
    page.goto(project)
    expect(rows(page)).to_have_count(12)
    page.locator("#filter > summary").focus()
    page.keyboard.press("Enter")
    pop = page.locator("#filter > .pop")
    expect(pop.get_by_role("combobox", name="Column")).to_be_focused()
    page.keyboard.type("mdpth")  # letters of model.depth in their order
    expect(options(pop)).to_have_text(["model.depthconfig"])
    page.keyboard.press("Escape")
    expect(options(pop)).to_have_count(0)
    expect(pop).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(options(pop).first).to_be_visible()
    page.keyboard.type(" ")
    page.keyboard.press("Enter")
    expect(pop.get_by_role("combobox", name="Column")).to_have_value("config.model.depth")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(pop.locator(".value")).to_be_focused()
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_text(named(*[pair for pair in LATEST_FIRST if pair[1] % 2 == 0]))
    page.locator("#filter > summary").focus()
    page.keyboard.press("Enter")
    expect(pop.locator("form")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#filter > summary")).to_be_focused()


def test_runs_are_found_while_one_types(page: Page, project: str, shots: Path) -> None:
    page.goto(project)
    expect(rows(page)).to_have_count(12)
    search = page.get_by_role("searchbox", name="Search runs")
    search.press_sequentially("SEED=1 0.1", delay=40)
    expect(rows(page)).to_have_text(["lr=0.1 seed=1"])
    expect(search).to_be_focused()
    expect(search).to_have_value("SEED=1 0.1")
    expect(page.locator("#runs-filters")).to_contain_text("1 of 12 runs")
    page.screenshot(path=shots / "search-light.png")
    page.go_back()
    expect(rows(page)).to_have_count(12)
    expect(search).to_have_value("")
    search.fill("/lr=0.3 seed=[23]")
    page.wait_for_timeout(500)  # half a pattern is not asked for
    expect(rows(page)).to_have_count(12)
    search.press_sequentially("$/")
    expect(rows(page)).to_have_text(named((0.3, 3), (0.3, 2)))
    search.fill("/(/")
    expect(page.get_by_role("alert")).to_have_text("/(/ is no regular expression: missing ): (")
    expect(rows(page)).to_have_count(2)
    search.fill("")
    expect(rows(page)).to_have_count(12)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_runs_are_sorted_by_several_keys_that_can_be_turned_and_moved(page: Page, project: str, shots: Path) -> None:
    page.goto(project)
    pop = opened(page, "sort")
    pop.get_by_role("searchbox").fill("depth")
    pop.get_by_role("button", name="model.depth, descending").click()
    keys = pop.get_by_role("list", name="Sorted by, in order").get_by_role("listitem")
    expect(keys).to_have_count(1)
    expect(pop.get_by_role("searchbox")).to_be_focused()
    pop.get_by_role("searchbox").fill("lr")
    pop.get_by_role("searchbox").press("Enter")
    expect(page).to_have_url(re.compile(r"sort=-config\.model\.depth&sort=config\.lr"))
    by_depth = [(lr, seed) for odd in (0, 1) for lr in LEARNING_RATES for seed in reversed(SEEDS) if seed % 2 == odd]
    expect(rows(page)).to_have_text(named(*by_depth))
    expect(keys).to_have_count(2)
    page.screenshot(path=shots / "sort-light.png")
    pop.get_by_role("link", name="Move lr earlier").click()
    expect(keys.locator(".field-name")).to_have_text(["lr", "model.depth"])
    pop.get_by_role("link", name="lr, ascending").click()
    by_rate = [
        (lr, seed) for lr in reversed(LEARNING_RATES) for odd in (0, 1) for seed in reversed(SEEDS) if seed % 2 == odd
    ]
    expect(rows(page)).to_have_text(named(*by_rate))
    pop.get_by_role("link", name="Don’t sort by model.depth").click()
    expect(keys).to_have_count(1)
    pop.get_by_role("link", name="Default order").click()
    expect(rows(page)).to_have_text(named(*LATEST_FIRST))
    page.goto(project.replace("group=", "group=config.lr"))
    pop = opened(page, "sort")
    pop.get_by_role("button", name="train/loss, descending").click()
    expect(page.locator("#runs tbody tr.group .label")).to_have_text([f"lr: {lr}" for lr in reversed(LEARNING_RATES)])


def heads(page: Page) -> Locator:
    return page.locator("#runs thead th a:not(.head-menu)")


def test_columns_are_found_added_moved_pinned_and_taken_away(page: Page, project: str, shots: Path) -> None:
    page.goto(project)
    pop = opened(page, "columns")
    chosen = pop.get_by_role("list", name="Chosen, in order").get_by_role("listitem")
    expect(chosen).to_have_count(1)
    search = pop.get_by_role("searchbox")
    for name in ("depth", "created da", "sed"):
        search.fill(name)
        search.press("Enter")
    expect(chosen.locator(".field-name")).to_have_text(["train/loss", "model.depth", "Created day", "seed"])
    pop.get_by_role("button", name="Move earlier seed").click()
    pop.get_by_role("button", name="Remove Created day").click()
    pop.get_by_role("checkbox", name="Pin model.depth").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Alt+ArrowUp")
    expect(pop.get_by_role("checkbox", name="Pin model.depth")).to_be_focused()
    chosen.filter(has_text="seed").drag_to(chosen.first, target_position={"x": 60, "y": 2})
    page.screenshot(path=shots / "columns-light.png")
    expect(chosen.locator(".field-name")).to_have_text(["seed", "model.depth", "train/loss"])
    pop.get_by_role("button", name="Apply").click()
    expect(heads(page)).to_have_text(["model.depth", "seed", "train/loss"])
    expect(page).to_have_url(
        re.compile(
            r"columns=config\.seed&columns=config\.model\.depth&columns=summary\.train/loss&pin=config\.model\.depth$"
        )
    )
    row = page.locator("#runs tbody tr.run").filter(has_text="lr=0.3 seed=3").locator("td.number")
    expect(row).to_have_text(["2", "3", re.compile(r"0\.\d+")])


def test_pinned_columns_stay_in_sight_where_there_is_room(page: Page, project: str) -> None:
    others = "".join(f"&columns={name}" for name in ("group", "job_type", "user", "host", "created_at", "config.seed"))
    page.goto(f"{project}{others}&pin=config.model.depth")
    expect(heads(page)).to_have_text(["model.depth", "Group", "Job type", "User", "Host", "Created", "seed"])
    table = page.locator("#runs-scroll")
    pinned, other = (page.locator("#runs thead th", has_text=name) for name in ("model.depth", "Group"))
    wait_until(page, "document.adoptedStyleSheets.some((sheet) => sheet.cssRules.length === 2)")
    place = "cell => cell.getBoundingClientRect().x"
    before, moved = pinned.evaluate(place), other.evaluate(place)
    table.evaluate("box => box.scrollLeft = 60")
    assert pinned.evaluate(place) == pytest.approx(before, abs=0.1)
    assert other.evaluate(place) == pytest.approx(moved - 60, abs=0.1)
    page.set_viewport_size({"width": 300, "height": 800})
    wait_until(page, "document.adoptedStyleSheets.every((sheet) => sheet.cssRules.length === 0)")


def test_only_columns_that_differ_follow_the_filter(page: Page, project: str) -> None:
    page.goto(project)
    pop = opened(page, "columns")
    pop.get_by_role("link", name="Only columns that differ").click()
    expect(heads(page)).to_have_text(["lr", "model.depth", "seed", "train/loss"])
    expect(page).to_have_url(re.compile(r"columns=differ"))
    page.goto(f"{page.url}&f=config.lr:=:0.1&f=config.model.depth:=:4")
    expect(heads(page)).to_have_text(["seed", "train/loss"])
    opened(page, "columns").get_by_role("link", name="Default columns").click()
    expect(heads(page)).to_have_text(["train/loss"])


def test_everything_works_without_javascript(page: Page, project: str) -> None:
    signed_in = page.context.storage_state()
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(java_script_enabled=False, storage_state=signed_in) as context:
        plain = context.new_page()
        plain.goto(project)
        plain.locator("#filter > summary").click()
        plain.get_by_role("link", name="Edit the filter…").click()
        plain.get_by_role("combobox", name="Column").fill("config.lr")
        plain.get_by_role("combobox", name="Operator").select_option("<=")
        plain.get_by_role("textbox", name="Value").fill("0.1")
        plain.get_by_role("button", name="+ Condition").click()
        plain.get_by_role("combobox", name="Column").nth(1).fill("seed")
        plain.get_by_role("textbox", name="Value").nth(1).fill("2")
        plain.get_by_role("textbox", name="Value").nth(1).press("Enter")
        expect(rows(plain)).to_have_text(named((0.1, 2), (0.003, 2)))
        plain.locator("#sort > summary").click()
        plain.get_by_role("link", name="Choose an order…").click()
        plain.get_by_role("button", name="lr, ascending", exact=True).first.click()
        expect(rows(plain)).to_have_text(named((0.003, 2), (0.1, 2)))
        plain.locator("#columns > summary").click()
        plain.get_by_role("link", name="Choose the columns…").click()
        plain.get_by_role("checkbox", name="lr", exact=True).check()
        plain.get_by_role("button", name="Apply").click()
        expect(heads(plain)).to_have_text(["train/loss", "lr ↑"])
        plain.get_by_role("link", name="Clear all").click()
        expect(rows(plain)).to_have_count(12)


NAMELESS = """() => [...document.querySelectorAll("#runs :is(a, button, input:not([type=hidden]), select, summary)")]
  .filter((element) => element.offsetParent && !element.hidden)
  .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim() || element.labels?.length))
  .map((element) => element.outerHTML)"""
TWICE = """() => { const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at); }"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
@pytest.mark.parametrize("name", ["filter", "sort", "columns"])
def test_popovers_fit_their_window_and_everything_in_them_has_a_name(
    page: Page, project: str, shots: Path, name: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(
        f"{project}&q=lr&f=any(&f=config.lr:<:0.3&f=all(&f=state:in:finished:crashed&f=config.seed:=:1&f=)&f=)"
        "&f=created_at:within:7d&sort=-config.lr&sort=config.seed&columns=config.lr&columns=summary.train/loss&pin=config.lr"
    )
    pop = opened(page, name)
    page.wait_for_load_state("networkidle")
    shoot(page, shots, f"{name}-{width}")
    box = pop.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(TWICE) == []
