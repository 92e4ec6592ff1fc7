"""Names that try to be markup, scripts, paths or other than they look: each page shows them as the text they are."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.plots import drawn
from tests.live import LiveServer, client_environment, run_script

pytestmark = pytest.mark.browser

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"
QUOTES = "'\"`;--{{7*7}}${alert(3)}</title></textarea>"
PATH = "../../etc/passwd%2e%2e%2f"
BIDI = "\u202egnp.txt\u2066\u200f"
LONG = "wide " * 2_000
NAMES = (MARKUP, QUOTES, PATH, BIDI, LONG)

LOG = """
import json, pathlib, sys, wandb
names = json.loads(sys.argv[1])
for seed in range(2):
    with wandb.init(
        project="hostile", name=names[0], group=names[1], job_type=names[0], notes="\\n".join(names),
        tags=[name[:60] for name in names], config={name: name for name in names} | {"seed": seed},
        settings=wandb.Settings(silent=True),
    ) as run:
        for step in range(5):
            run.log({name[:2000]: step + seed for name in names})
        run.summary.update({name + "!": name for name in names})
        print(names[0])
        for name in (names[0].replace("/", "_"), names[1].replace("/", "_"), names[3]):
            pathlib.Path(name).write_text(names[0])
            run.save(name)
"""


def test_each_page_shows_hostile_names_as_text(page: Page, live: LiveServer, tmp_path: Path) -> None:
    done = run_script(LOG, client_environment(live, tmp_path), json.dumps(NAMES))
    assert done.returncode == 0, done.stderr
    told: list[str] = []
    page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
    failed: list[str] = []
    page.on("response", lambda said: failed.append(said.url) if said.status >= 500 else None)

    project = f"{live.url}/ada/hostile"
    page.goto(project)
    expect(page.locator("#runs")).to_contain_text(QUOTES)
    for chart in page.locator("#panels section.panel").all()[:3]:
        chart.scroll_into_view_if_needed()
        drawn(chart)
    for selector in ("#filter", "#group-by", "#sort", "#columns"):
        page.locator(f"{selector} > summary").first.click()
        expect(page.locator(f"{selector} > .pop").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        page.keyboard.press("Escape")
    panel = page.locator("#panels section.panel").first
    panel.get_by_role("button", name="Edit panel").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.goto(f"{project}?group={quote(f'config.{MARKUP}')}&group=tags&sort={quote(f'summary.{QUOTES}!')}")
    expect(page.get_by_role("main")).to_be_visible()
    page.goto(f"{project}?group=&search={quote(MARKUP)}")
    page.locator("tr.run a.label").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(MARKUP)
    run = page.url.partition("?")[0]
    for tab in page.locator("nav a[href*='tab=']").evaluate_all("links => links.map(link => link.href)"):
        page.goto(tab)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
    page.goto(f"{run}?tab=files")
    expect(page.get_by_role("main")).to_contain_text(MARKUP.replace("/", "_"))
    page.goto(f"{live.url}/ada")
    page.goto(f"{live.url}/")
    for asked in NAMES[:4]:  # where names stand in addresses
        for address in (
            f"/{asked}",
            f"/ada/{quote(asked)}",
            f"/ada/hostile/runs/{quote(asked)}",
            f"/?q={quote(asked)}",
        ):
            page.goto(live.url + address.replace("\u202e", "%E2%80%AE"))
    assert page.evaluate("document.querySelectorAll('img[src=x], main script').length") == 0
    assert (told, failed) == ([], [])
