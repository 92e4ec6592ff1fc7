"""Choosing what to group by in a real Chromium, and what table and charts then show."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.experiment import LEARNING_RATES, losses
from tests.browser.plots import Trace, lines, panel, wait_until
from tests.live import LiveServer, client_environment, run_script

pytestmark = pytest.mark.browser

METRIC = "train/loss"
SIX = [f"lr: {lr} · model.depth: {depth}" for lr in LEARNING_RATES for depth in (2, 4)]


@pytest.fixture(scope="module")
def project(experiment: Callable[[str], str]) -> str:
    return experiment("groups")


def opened(page: Page) -> Locator:
    page.locator("#group-by > summary").click()
    expect(page.locator("#group-by form.group-form.enhanced")).to_be_visible()
    return page.locator("#group-by > .pop")


def chosen(page: Page) -> Locator:
    return page.locator("#group-by .chosen .row")


def choose(pop: Locator, *names: str) -> None:
    for name in names:
        pop.get_by_role("searchbox").fill(name)
        pop.get_by_role("searchbox").press("Enter")


def labels(page: Page) -> Locator:
    return page.locator("#runs tbody tr.group .label")


def lines_of(page: Page, metric: str, *names: str) -> dict[str, Trace]:
    """The lines of a panel, once they are these."""
    chart = panel(page, metric)
    plot = chart.locator(".js-plotly-plot")
    expect(plot).to_have_count(1)
    wait_until(
        page,
        "([plot, names]) => names.join() === "
        "(plot._fullData ?? []).filter(it => it.meta.role === 'line').map(it => it.name).join()",
        arg=[plot.element_handle(), list(names)],
    )
    return lines(chart)


def apply(pop: Locator) -> None:
    pop.get_by_role("button", name="Apply").click()


def test_fields_are_ordered_by_keyboard_and_by_dragging_and_taken_away(page: Page, project: str) -> None:
    page.goto(f"{project}?group=")
    pop = opened(page)
    choose(pop, "lr", "seed", "mdldepth")
    names = chosen(page).locator(".field-name")
    expect(names).to_have_text(["lr", "seed", "model.depth"])
    chosen(page).filter(has_text="model.depth").get_by_role("button", name="Move earlier model.depth").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(names).to_have_text(["lr", "model.depth", "seed"])
    expect(pop.locator(".said")).to_have_text("model.depth, 2 of 3")
    chosen(page).nth(2).drag_to(chosen(page).nth(0), target_position={"x": 30, "y": 2})
    expect(names).to_have_text(["seed", "lr", "model.depth"])
    expect(pop.locator(".said")).to_have_text("seed, 1 of 3")
    pop.get_by_role("button", name="Remove seed").click()
    apply(pop)
    expect(page).to_have_url(re.compile(r"\?group=config\.lr&group=config\.model\.depth$"))
    expect(labels(page)).to_have_text([f"lr: {lr}" for lr in LEARNING_RATES])
    lines_of(page, METRIC, *SIX)


def test_replicates_group_by_all_that_varies_but_the_seed(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=")
    pop = opened(page)
    replicates = pop.locator("form.replicates")
    expect(replicates.locator(".picked")).to_have_text("by lr, model.depth")
    expect(replicates.locator("summary")).to_have_text("all but seed")
    expect(replicates.locator(".sizes")).to_have_text("6 groups of 2 runs")
    replicates.get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"\?group=config\.lr&group=config\.model\.depth$"))
    expect(page.locator("#runs thead th.name")).to_have_text("Name (6 groups · 12 runs)")
    drawn = lines_of(page, METRIC, *SIX)
    np.testing.assert_allclose(drawn["lr: 0.1 · model.depth: 2"].y, losses(0.1)[1::2].mean(axis=0), rtol=1e-12)

    pop = opened(page)
    replicates = pop.locator("form.replicates")
    replicates.locator("summary").click()
    page.screenshot(path=shots / "replicates-light.png")
    replicates.get_by_label("model.depth").check()
    expect(replicates.locator(".picked")).to_have_text("by lr")
    expect(replicates.locator(".sizes")).to_have_text("3 groups of 4 runs")
    replicates.get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"\?group=config\.lr$"))
    drawn = lines_of(page, METRIC, *(f"lr: {lr}" for lr in LEARNING_RATES))
    np.testing.assert_allclose(drawn["lr: 0.3"].y, losses(0.3).mean(axis=0), rtol=1e-12)


def test_a_numeric_field_is_grouped_by_bins(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=config.lr")
    pop = opened(page)
    ways = pop.get_by_label("How its numbers make groups: lr")
    ways.select_option(label="Log")
    pop.get_by_label("How many bins: lr").fill("2")
    page.screenshot(path=shots / "bins-light.png")
    apply(pop)
    expect(page).to_have_url(re.compile(r"\?group=config\.lr:log:2$"))
    bins = ["lr: [0.003, 0.03)", "lr: [0.03, 0.3]"]
    expect(labels(page)).to_have_text(bins)
    expect(page.locator("#runs-chips .chip")).to_contain_text("2 log bins")
    drawn = lines_of(page, METRIC, *bins)
    both = np.concatenate([losses(0.1), losses(0.3)])
    np.testing.assert_allclose(drawn[bins[1]].y, both.mean(axis=0), rtol=1e-12)

    page.reload()
    pop = opened(page)
    expect(pop.get_by_label("How many bins: lr")).to_have_value("2")
    pop.get_by_label("How its numbers make groups: lr").select_option(label="Edges")
    apply(pop)
    expect(page).to_have_url(re.compile(r"log:2$"))  # Not before there is an edge.
    pop.get_by_label("Edges of the bins: lr").fill("0.2")
    apply(pop)
    expect(page).to_have_url(re.compile(r"\?group=config\.lr:edges:0\.2$"))
    expect(labels(page)).to_have_text(["lr: < 0.2", "lr: ≥ 0.2"])
    drawn = lines_of(page, METRIC, "lr: &lt; 0.2", "lr: ≥ 0.2")
    np.testing.assert_allclose(drawn["lr: ≥ 0.2"].y, losses(0.3).mean(axis=0), rtol=1e-12)


LISTS = """
import wandb
for layers, value in (([8, 16], 1), ([8], 2), ([16, 16], 4)):
    quiet = wandb.Settings(silent=True, console="off")
    with wandb.init(project="lists", config={"layers": layers}, settings=quiet) as run:
        run.log({"acc": value})
        run.log({"acc": value})
"""


def test_a_list_explodes_into_its_items(page: Page, live: LiveServer, tmp_path: Path) -> None:
    run_script(LISTS, client_environment(live, tmp_path))
    page.goto(f"{live.url}/ada/lists?group=config.layers")
    expect(labels(page)).to_have_text(["layers: [8, 16]", "layers: [8]", "layers: [16, 16]"])
    pop = opened(page)
    pop.locator(".explode").click()
    apply(pop)
    expect(page).to_have_url(re.compile(r"\?group=config\.layers:explode$"))
    expect(labels(page)).to_have_text(["layers: 8", "layers: 16"])
    expect(page.locator("#runs thead th.name")).to_have_text("Name (2 groups · 3 runs)")
    drawn = lines_of(page, "acc", "layers: 8", "layers: 16")
    assert {name: trace.y.tolist() for name, trace in drawn.items()} == {
        "layers: 8": [1.5, 1.5],
        "layers: 16": [2.5, 2.5],
    }


def test_a_grouping_is_kept_under_a_name_and_one_click_away(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=")
    pop = opened(page)
    choose(pop, "lr")
    pop.get_by_label("How its numbers make groups: lr").select_option(label="Quantile")
    choose(pop, "model.depth")
    pop.get_by_text("Save this grouping…").click()
    pop.locator(".save-preset").get_by_label("Name of the grouping").fill("Figure 2")
    pop.get_by_role("button", name="Save", exact=True).click()
    expect(pop.get_by_role("status").filter(has_text="Saved")).to_have_text("Saved “Figure 2”.")
    expect(chosen(page).locator(".field-name")).to_have_text(["lr", "model.depth"])
    link = pop.get_by_role("link", name="Figure 2")
    expect(link).to_have_text("Figure 2 lr (4 quantile bins), model.depth")
    page.screenshot(path=shots / "presets-light.png")

    pop.get_by_text("Save this grouping…").click()
    pop.locator(".save-preset").get_by_label("Name of the grouping").fill("Figure 2")
    pop.get_by_role("button", name="Save", exact=True).click()
    expect(pop.get_by_role("alert")).to_contain_text("already")

    pop.get_by_role("link", name="Figure 2").click()
    expect(page).to_have_url(re.compile(r"\?group=config\.lr:quantile:4&group=config\.model\.depth$"))
    expect(labels(page)).to_have_text(["lr: [0.003, 0.1)", "lr: [0.1, 0.3]"])
    pop = opened(page)
    expect(pop.get_by_role("link", name="Figure 2")).to_have_attribute("aria-current", "true")
    pop.get_by_label("Rename or delete Figure 2").click()
    pop.locator(".presets").get_by_label("Name of the grouping").fill("Figure 3")
    pop.get_by_role("button", name="Rename").click()
    expect(pop.locator(".presets a")).to_contain_text(["Figure 3"])
    page.once("dialog", lambda dialog: dialog.accept())
    pop.get_by_label("Rename or delete Figure 3").click()
    pop.get_by_role("button", name="Delete").click()
    expect(pop.locator(".presets")).to_have_count(0)
    expect(chosen(page).locator(".field-name")).to_have_text(["lr", "model.depth"])


def test_the_popover_fits_any_window_in_both_themes(page: Page, project: str, shots: Path) -> None:
    page.goto(f"{project}?group=config.lr:edges:0.01:0.2&group=config.model.depth:equal:2&group=config.seed")
    for size in ((1440, 900), (390, 844)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.reload()
            pop = opened(page)
            box = pop.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size[0]
            assert pop.evaluate("pop => pop.scrollWidth <= pop.clientWidth")
            expect(pop.get_by_role("button", name="Apply")).to_be_in_viewport()
            page.screenshot(path=shots / f"group-by-{size[0]}-{scheme}.png")
