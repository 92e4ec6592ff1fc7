"""The REST API as people meet it: the Export menu's three lines, the manual's examples, the page that describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.experiment import LEARNING_RATES, losses
from tests.live import ROOT, LiveServer, client_environment, run_script

pytestmark = pytest.mark.browser

DOCS = (ROOT / "docs" / "api.md").read_text()
EXAMPLES = [
    re.sub("^    ", "", block, flags=re.MULTILINE)
    for block in re.findall(r"(?:^    .+\n)+", DOCS, re.MULTILINE)
    if block.startswith("    import")
]
SAY = """
import json
if "frame" in globals():
    print(json.dumps(frame.astype(str).to_dict("records")))
elif "runs" in globals():
    print(json.dumps(runs))
"""


@pytest.fixture(scope="module")
def project(experiment: Callable[[str], str]) -> str:
    return experiment("rest")


@pytest.fixture
def ran(live: LiveServer, tmp_path: Path) -> Callable[[str], str]:
    """Runs Python as somebody does who has put their key where it says so; what it prints."""

    def run(code: str) -> str:
        environment = client_environment(live, tmp_path)
        done = run_script(code.replace("YOUR_API_KEY", live.api_key) + SAY, environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_three_lines_of_the_export_menu_run(
    page: Page, project: str, ran: Callable[[str], str], shots: Path
) -> None:
    page.goto(f"{project}?group=config.lr&sort=config.lr")
    page.locator("#export > summary").click()
    snippet = page.locator("#export-snippet")
    expect(snippet).to_contain_text("pd.read_csv")
    rows = json.loads(ran(snippet.inner_text()))
    assert [float(row["config.lr"]) for row in rows] == list(LEARNING_RATES)
    means = [float(row["summary.train/loss mean"]) for row in rows]
    assert means == pytest.approx([losses(lr)[:, -1].mean() for lr in LEARNING_RATES], rel=1e-12)
    assert page.locator("#export-page").inner_text() == page.url
    assert page.locator("#export-api").inner_text() == page.url.replace("/ada/", "/api/ada/")
    page.get_by_role("button", name="Copy the three lines").click()
    expect(page.locator("#export .said").last).to_have_text("Copied")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=shots / f"export-menu-{theme}.png")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=shots / "export-menu-narrow.png")


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_manual_run(
    live: LiveServer, project: str, ran: Callable[[str], str], example: str
) -> None:
    said = ran(example.replace("http://127.0.0.1:8000", live.url).replace("digits-kfold", "rest"))
    if "latex" in example:
        assert r"\toprule" in said
    else:
        expected = 3 * 40 if "series" in example else 3 if "groups" in example else 12
        assert len(json.loads(said)) == expected


def test_the_page_that_describes_the_api(page: Page, live: LiveServer, shots: Path) -> None:
    page.goto(f"{live.url}/api/")
    page.get_by_role("link", name="/api/{entity}/{project}/series").click()
    expect(page.locator("#series")).to_be_in_viewport()
    for width, height, theme in ((1440, 900, "light"), (1440, 900, "dark"), (390, 844, "light"), (390, 844, "dark")):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=shots / f"api-{width}-{theme}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.goto(f"{live.url}/api/")
    page.screenshot(path=shots / "api-top.png", full_page=True)
