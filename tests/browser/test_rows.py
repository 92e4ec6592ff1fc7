"""The runs table in the hand, in a real Chromium: statistics of columns, ticks and what is done with them, undo."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.experiment import LEARNING_RATES, SEEDS, losses
from tests.browser.pictures import shoot
from tests.browser.plots import lines, panel, wait_until

pytestmark = pytest.mark.browser

METRIC = "train/loss"


@pytest.fixture(scope="module")
def project(experiment: Callable[[str], str]) -> str:
    """Three groups of four runs. Every test takes back what it changes, which is a test of undo."""
    return experiment("hand")


def labels(page: Page, kind: str) -> Locator:
    return page.locator(f"#runs tbody tr.{kind} .label")


def row(page: Page, label: str) -> Locator:
    return page.locator("#runs tbody tr").filter(has=page.locator(f".label[title='{label}']"))


def tick(page: Page, label: str) -> Locator:
    return row(page, label).locator(".tick")


def counts(page: Page, expected: dict[str, int]) -> None:
    expect(labels(page, "group")).to_have_text([f"Group: {name}" for name in expected])
    expect(page.locator("#runs tbody tr.group .count")).to_have_text(
        [f"{runs} run{'' if runs == 1 else 's'}" for runs in expected.values()]
    )


def bulk(page: Page, name: str) -> Locator:
    return page.locator("#bulk").get_by_text(name, exact=True).first


def undo(page: Page) -> None:
    latest = page.locator("#undo").get_attribute("data-undo")
    page.locator("#undo").click()
    expect(page.locator(f"#undo[data-undo='{latest}']")).to_have_count(0)


ALL = {f"lr={lr}": 4 for lr in LEARNING_RATES}


def test_a_column_shows_and_sorts_by_the_statistic_chosen_in_its_head(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=config.lr")
    head = page.get_by_role("button", name="Menu of column train/loss")
    head.focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("dialog", name="Menu of column train/loss")
    expect(menu.get_by_role("link", name="Latest")).to_be_focused()
    page.screenshot(path=shots / "column-menu-light.png")
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link", name="Median")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"stat=median:summary\.train/loss"))
    expect(menu).to_be_hidden()
    expect(head).to_be_focused()
    expect(page.locator("#runs thead th .statistic")).to_have_text("median")
    for lr in LEARNING_RATES:
        shown = float(row(page, f"lr: {lr}").locator("td.number").inner_text())
        assert shown == pytest.approx(np.median(losses(lr)[:, -1]), rel=1e-3)

    head.click()
    menu.get_by_role("link", name="Std dev").click()
    expect(page.locator("#runs thead th .statistic")).to_have_text("std dev")
    page.get_by_role("link", name="train/loss", exact=True).click()
    by_deviation = sorted(LEARNING_RATES, key=lambda lr: -losses(lr)[:, -1].std(ddof=1))
    expect(labels(page, "group")).to_have_text([f"lr: {lr}" for lr in by_deviation])
    page.reload()
    expect(labels(page, "group")).to_have_text([f"lr: {lr}" for lr in by_deviation])
    head.click()
    menu.get_by_role("list", name="Runs show").get_by_role("link", name="First").click()
    expect(page.locator("#runs thead th .statistic")).to_have_text("std dev of first")
    for lr in LEARNING_RATES:
        shown = float(row(page, f"lr: {lr}").locator("td.number").inner_text())
        assert shown == pytest.approx(losses(lr)[:, 0].std(ddof=1), rel=1e-3)
    head.click()
    expect(menu.get_by_role("link", name="First")).to_have_attribute("aria-current", "true")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(head).to_be_focused()


def test_columns_are_as_wide_as_they_were_made(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=&columns=config.lr&columns=config.seed&columns=summary.train/loss")

    def width(name: str) -> float:
        return page.locator("#runs thead th", has_text=name).bounding_box()["width"]

    def edge(name: str) -> Locator:
        return page.get_by_role("slider", name=f"Width of column {name}")

    def drag(name: str, by: float) -> None:
        box = edge(name).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + by / 2, y)
        page.mouse.move(x + by, y)
        page.mouse.up()

    names = ("Name", "lr", "seed", "train/loss")
    before = {name: width(name) for name in names}
    drag("Name", -50)
    drag("lr", 60)
    wanted = before | {"Name": before["Name"] - 50, "lr": before["lr"] + 60}
    assert {name: width(name) for name in names} == pytest.approx(wanted, abs=1)
    edge("seed").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wanted["seed"] = width("seed")
    assert before["seed"] + 8 <= wanted["seed"] <= before["seed"] + 24
    expect(edge("seed")).to_have_value(re.compile(r"\d+"))
    page.screenshot(path=shots / "widths-light.png")

    page.reload()
    expect(row(page, "lr=0.1 seed=2")).to_be_visible()
    assert {name: width(name) for name in names} == pytest.approx(wanted, abs=1)
    page.get_by_role("link", name="seed", exact=True).click()
    expect(page.locator("#runs thead th[aria-sort]")).to_have_text(re.compile("seed"))
    assert {name: width(name) for name in names} == pytest.approx(wanted, abs=1)
    # A change of a run changes rows of the table in place.
    page.locator("#runs table").evaluate("table => { table.dataset.mine = 'yes'; }")
    tick(page, "lr=0.1 seed=2").check()
    bulk(page, "Tag").click()
    page.locator("#bulk-value-tag_add").fill("wide")
    page.locator("#bulk-tag_add form").get_by_role("button", name="Tag").click()
    expect(page.locator("#undo")).to_be_visible()
    undo(page)
    expect(page.locator("#runs table[data-mine]")).to_have_count(1)
    assert {name: width(name) for name in names} == pytest.approx(wanted, abs=1)

    edge("lr").dblclick()
    wait_until(page, f"document.querySelectorAll('#runs th')[2].offsetWidth < {wanted['lr'] - 50}")
    edge("Name").focus()
    page.keyboard.press("Delete")
    drag("train/loss", 900)
    box = page.locator("#runs-scroll")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth + 500")
    for name in ("lr", "seed", "train/loss", "Name"):
        edge(name).dblclick()
    wait_until(page, "!document.querySelector('.workspace').classList.contains('resized')")
    page.go_back()
    expect(page.locator("#runs thead th[aria-sort]")).to_have_count(0)
    assert {name: width(name) for name in names} == pytest.approx(before, abs=1)


@pytest.mark.parametrize("when", ["while the menu is open", "while the choice is on its way"])
def test_a_menus_choice_leaves_the_focus_at_its_button_whenever_the_table_is_drawn_anew(
    page: Page, project: str, when: str
) -> None:
    """As live.js may draw it at any moment."""
    anew = "() => { const head = document.querySelector('#runs thead'); head.replaceWith(head.cloneNode(true)); }"
    page.goto(f"{project}?group=config.lr")
    head = page.get_by_role("button", name="Menu of column train/loss")
    head.focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("dialog", name="Menu of column train/loss")
    expect(menu.get_by_role("link", name="Latest")).to_be_focused()
    menu.get_by_role("link", name="Mean ± std").focus()
    if when == "while the menu is open":
        page.evaluate(anew)
    else:
        page.evaluate(f"document.addEventListener('htmx:beforeSend', {anew}, {{ once: true }})")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#runs thead th .statistic")).to_have_text("mean")
    expect(head).to_be_focused()
    page.locator("#runs-foot span").first.click()
    page.locator("#group-toggle").evaluate("link => link.click()")
    expect(page.locator("#runs tbody tr.run").first).to_be_visible()
    assert page.evaluate("document.activeElement === document.body"), "who has gone elsewhere is left there"


def test_a_groups_tick_is_of_all_its_runs_and_they_move_and_come_back(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=group")
    counts(page, ALL)
    tick(page, "Group: lr=0.1").check()
    expect(page.locator("#bulk .count")).to_have_text("4 runs ticked")
    page.get_by_role("button", name="Group: lr=0.1", exact=True).click()
    expect(tick(page, "lr=0.1 seed=2")).to_be_checked()
    tick(page, "lr=0.1 seed=2").uncheck()
    expect(page.locator("#bulk .count")).to_have_text("3 runs ticked")
    assert tick(page, "Group: lr=0.1").evaluate("box => box.indeterminate")
    bulk(page, "Move").click()
    field = page.locator("#bulk-value-group")
    field.fill("pile")
    page.screenshot(path=shots / "bulk-light.png")
    page.locator("#bulk-group form").get_by_role("button", name="Move").click()
    counts(page, {"lr=0.003": 4, "lr=0.1": 1, "lr=0.3": 4, "pile": 3})
    expect(page.locator("#bulk")).to_be_hidden()
    expect(page.locator(".toast")).to_contain_text("Moved 3 runs to “pile”.")
    expect(panel(page, METRIC).locator("header small")).to_have_text("mean ± std dev · 12 of 12 runs")
    kept = [losses(0.1)[2]]
    np.testing.assert_allclose(lines(panel(page, METRIC))["Group: lr=0.1"].y, np.mean(kept, axis=0), rtol=1e-12)

    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("Undone for 3 runs.")
    counts(page, ALL)


def test_ticked_runs_are_deleted_and_undone_after_a_reload(page: Page, project: str) -> None:
    page.goto(f"{project}?group=")
    expect(labels(page, "run")).to_have_count(12)
    tick(page, "lr=0.3 seed=3").click()
    tick(page, "lr=0.3 seed=0").click(modifiers=["Shift"])
    expect(page.locator("#bulk .count")).to_have_text("4 runs ticked")
    bulk(page, "Delete").click()
    expect(labels(page, "run")).to_have_count(8)
    expect(panel(page, METRIC).locator("header small")).to_have_text("8 of 8 runs")
    page.reload()
    expect(labels(page, "run")).to_have_count(8)
    page.locator("#undo").click()
    expect(labels(page, "run")).to_have_count(12)
    expect(page.locator("#undo")).to_have_count(0)


def test_tags_and_job_types_are_set_on_all_runs_at_once(page: Page, project: str) -> None:
    page.goto(f"{project}?group=group&columns=tags&columns=job_type")
    page.locator("#tick-all").check()
    expect(page.locator("#bulk .count")).to_have_text("12 runs ticked")
    tick(page, "Group: lr=0.3").uncheck()
    bulk(page, "Tag").click()
    page.locator("#bulk-value-tag_add").fill("good")
    page.keyboard.press("Enter")
    cells = page.locator("#runs tbody tr.group td:nth-child(3)")
    expect(cells).to_have_text(["good", "good", ""])
    tick(page, "Group: lr=0.1").check()
    bulk(page, "Untag").click()
    page.locator("#bulk-value-tag_remove").click()
    offered = page.locator("#bulk").get_by_role("option")
    expect(offered).to_have_text("good8 runs")
    offered.click()
    page.locator("#bulk-tag_remove form").get_by_role("button", name="Untag").click()
    expect(cells).to_have_text(["good", "", ""])
    tick(page, "Group: lr=0.003").check()
    bulk(page, "Job type").click()
    page.locator("#bulk-value-job_type").fill("eval")
    page.keyboard.press("Enter")
    expect(page.locator("#runs tbody tr.group td:nth-child(4)")).to_have_text(["eval", "train", "train"])
    for left in (["good", "", ""], ["good", "good", ""], ["", "", ""]):
        undo(page)
        expect(cells).to_have_text(left)
    expect(page.locator("#runs tbody tr.group td:nth-child(4)")).to_have_text(["train"] * 3)


def test_ticked_rows_are_hidden_from_the_charts(page: Page, project: str) -> None:
    page.goto(f"{project}?group=group")
    tick(page, "Group: lr=0.3").check()
    bulk(page, "Hide").click()
    expect(page).to_have_url(re.compile("hide="))
    expect(row(page, "Group: lr=0.3")).to_have_class(re.compile("hidden-row"))
    expect(panel(page, METRIC).locator("header small")).to_have_text("mean ± std dev · 8 of 8 runs")
    expect(page.locator("#bulk")).to_be_hidden()


def test_a_group_is_renamed_and_merged_from_its_row(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=group")
    menu = page.get_by_role("dialog", name="Menu of Group")
    row(page, "Group: lr=0.1").hover()
    page.get_by_role("button", name="Menu of Group: lr=0.1").click()
    page.screenshot(path=shots / "group-menu-light.png")
    menu.locator("#menu-rename").fill("one tenth")
    menu.get_by_role("button", name="Rename").click()
    counts(page, {"lr=0.003": 4, "lr=0.3": 4, "one tenth": 4})
    expect(menu).to_be_hidden()
    row(page, "Group: lr=0.3").hover()
    page.get_by_role("button", name="Menu of Group: lr=0.3").click()
    menu.locator("#menu-rename").fill("one tenth")
    menu.get_by_role("button", name="Rename").click()
    counts(page, {"lr=0.003": 4, "one tenth": 8})
    both = np.concatenate([losses(0.1), losses(0.3)])
    expect(panel(page, METRIC).locator("header small")).to_have_text("mean ± std dev · 12 of 12 runs")
    np.testing.assert_allclose(lines(panel(page, METRIC))["Group: one tenth"].y, both.mean(axis=0), rtol=1e-12)
    row(page, "Group: lr=0.003").hover()
    page.get_by_role("button", name="Menu of Group: lr=0.003").click()
    menu.locator("#menu-move").fill("one tenth")
    menu.get_by_role("button", name="Move").click()
    counts(page, {"one tenth": 12})
    for left in ({"lr=0.003": 4, "one tenth": 8}, {"lr=0.003": 4, "lr=0.3": 4, "one tenth": 4}, ALL):
        undo(page)
        counts(page, left)
    assert len(SEEDS) == 4


def test_what_is_shown_is_downloaded(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=config.lr&stat=max:summary.train/loss&sort=-summary.train/loss")
    page.locator("#export > summary").click()
    menu = page.locator("#export > .pop")
    expect(menu).to_contain_text("rows=groups&as=csv")
    page.screenshot(path=shots / "export-light.png")
    with page.expect_download() as download:
        menu.get_by_role("link", name="CSV").first.click()
    with Path(download.value.path()).open() as file:
        found = list(csv.DictReader(file))
    largest = {lr: losses(lr)[:, -1].max() for lr in LEARNING_RATES}
    expected = sorted(LEARNING_RATES, key=lambda lr: -largest[lr])
    assert [float(line["config.lr"]) for line in found] == expected
    assert [float(line["summary.train/loss max"]) for line in found] == [largest[lr] for lr in expected]
    assert {line["summary.train/loss n"] for line in found} == {"4"}


def test_the_table_in_the_hand_on_a_narrow_screen(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=group")
    tick(page, "Group: lr=0.1").check()
    shoot(page, shots, "ticked")
    page.set_viewport_size({"width": 390, "height": 844})
    bulk(page, "Job type").click()
    expect(page.locator("#bulk-value-job_type")).to_be_in_viewport()
    shoot(page, shots, "ticked-narrow")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Menu of column train/loss").click()
    expect(page.get_by_role("dialog")).to_be_in_viewport(ratio=1)
    shoot(page, shots, "column-menu-narrow")
