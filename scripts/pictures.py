"""Makes the pictures of docs/ anew, from the tutorial's runs: a server, the real client, a real Chromium."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.docs import tutorial  # noqa: E402
from tests.live import chromium_path, serve  # noqa: E402

PICTURES = ROOT / "docs" / "img"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CHOICES = [
    ("Advanced", "groupAgg", "line"),
    ("Advanced", "groupArea", "shading"),
    ("Data", "smoothingType", "smoothing"),
]


def settled(page: Page) -> None:
    expect(page.locator(".panel .js-plotly-plot .trace").first).to_be_visible(timeout=60_000)
    page.wait_for_load_state("networkidle")


def picture(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png")


def previews(page: Page) -> None:
    """The dialog, and each choice of a statistic as its preview draws it."""
    page.locator('.panel[data-metric="val/distance"] [data-do="edit"]').click()
    dialog = page.get_by_role("dialog")
    preview = dialog.get_by_label("Preview")
    drawn = preview.locator(".trace").first
    expect(drawn).to_be_visible()
    for tab, key, prefix in CHOICES:
        dialog.get_by_role("tab", name=tab).click()
        field = dialog.locator(f'[name="{key}"]')
        select = field.first.evaluate("field => field.tagName == 'SELECT'")
        values = field.locator("option") if select else field
        for value in values.evaluate_all("all => all.map(each => each.value)"):
            if select:
                field.select_option(value)
            else:
                dialog.locator(f'[name="{key}"][value="{value}"]').check()
            page.wait_for_timeout(2000)  # asked for, answered, drawn
            preview.screenshot(path=PICTURES / f"{prefix}-{value}.png")
        if key == "groupAgg":
            field.first.check()
    dialog.screenshot(path=PICTURES / "dialog.png")


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="cohort-pictures-") as folder,
        serve(Path(folder)) as live,
        sync_playwright() as playwright,
    ):
        print(tutorial.follow(live, Path(folder)), end="")
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
        page.goto(live.sign_in_link())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{live.url}/")
        project = f"{live.url}/ada/five-minutes"
        page.goto(project)
        settled(page)
        picture(page, "tutorial")
        page.goto(f"{project}/compare?metric=summary.val/distance")
        page.wait_for_load_state("networkidle")
        picture(page, "compare")
        page.goto(project)
        settled(page)
        previews(page)
        page.goto(f"{project}?group=config.lr")
        settled(page)
        page.locator("#group-by > summary").click()
        expect(page.locator("#group-by form.group-form.enhanced")).to_be_visible()
        picture(page, "group-by")
        browser.close()


if __name__ == "__main__":
    main()
