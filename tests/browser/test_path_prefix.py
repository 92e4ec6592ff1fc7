"""The whole site below a path of its host, as a reverse proxy would have it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.plots import lines, panel
from tests.live import client_environment, run_script, serve

pytestmark = pytest.mark.browser

LOG = """
import pathlib, wandb
for seed in range(2):
    with wandb.init(project="digits", group="g", config={"seed": seed}, settings=wandb.Settings(silent=True)) as run:
        for step in range(20):
            run.log({"train/loss": step + seed})
        pathlib.Path("notes.txt").write_text("below")
        run.save("notes.txt")
"""


def test_everything_is_below_the_prefix(browser: Browser, tmp_path: Path) -> None:
    with serve(tmp_path, PATH_PREFIX="/lab/cohort") as server:
        below = replace(server, url=f"{server.url}/lab/cohort")
        client = tmp_path / "client"
        client.mkdir()
        done = run_script(LOG, client_environment(below, client))
        assert done.returncode == 0, done.stderr

        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        strayed: list[str] = []
        page.on("request", lambda asked: strayed.append(asked.url) if not asked.url.startswith(below.url) else None)
        missed: list[str] = []
        page.on("response", lambda said: missed.append(said.url) if said.status >= 400 else None)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.sign_in_link())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{below.url}/")
        page.get_by_role("link", name="digits").first.click()
        page.wait_for_url(f"{below.url}/ada/digits**")
        (line,) = lines(panel(page, "train/loss")).values()
        assert list(line.y) == [step + 0.5 for step in range(20)]
        page.goto(f"{below.url}/ada/digits?group=")
        page.locator("tr.run a.label").first.click()
        page.get_by_role("link", name="Files").click()
        expect(page.get_by_role("link", name="notes.txt", exact=True)).to_be_visible()
        address = page.get_by_role("link", name="Download notes.txt").get_attribute("href")
        assert context.request.get(f"{server.url}{address}").text() == "below"
        page.goto(f"{below.url}/account")
        expect(page.get_by_role("main")).to_contain_text(f"to {below.url}, by default")
        cookies = {cookie["name"]: cookie["path"] for cookie in context.cookies(below.url)}
        assert cookies["sessionid"] == "/lab/cohort"
        context.close()
        assert (strayed, missed, errors) == ([], [], [])
