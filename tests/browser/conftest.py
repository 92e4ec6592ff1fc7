from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, StorageState, expect, sync_playwright

from tests.live import ROOT, LiveServer, chromium_path, client_environment

SHOTS = ROOT / "artifacts" / "screenshots"
_PATIENCE = 60_000  # milliseconds: a machine that does much else is slow, not wrong
expect.set_options(timeout=20_000)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--process-per-site",
]  # fmt: skip


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    # Playwright keeps an event loop in this thread, and Django then refuses the database here. Browser tests use only
    # the live server, but the session's database set-up may come after.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def ground(browser: Browser, live: LiveServer) -> Page:
    """A page that stays open, signed in as `ada`: while it does, its process keeps the scripts that it has compiled."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    page.goto(live.sign_in_link())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{live.url}/")
    page.goto(f"{live.url}/healthz")
    return page


@pytest.fixture(scope="session")
def signed_in(ground: Page) -> StorageState:
    """What a browser keeps of having signed in as `ada`."""
    return ground.context.storage_state()


@pytest.fixture
def page(ground: Page, signed_in: StorageState) -> Iterator[Page]:
    """A page signed in as `ada`; an error in its scripts, or against the content security policy, fails the test."""
    context = ground.context
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if _wrong(said) else None)
    yield page
    for opened in context.pages:
        if opened != ground:
            opened.close()
    context.clear_permissions()
    context.clear_cookies()
    context.add_cookies(signed_in["cookies"])
    ground.evaluate("localStorage.clear()")
    assert errors == []


def _wrong(said: ConsoleMessage) -> bool:
    """Answers other than 200 are said here too, by Chromium and by htmx, and tests ask for some."""
    refused = ("Failed to load resource", "Response Status Error Code")
    return said.type == "error" and not said.text.startswith(refused)


@pytest.fixture(scope="module")
def experiment(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Lets the real client log the experiment (experiment.py) into a project; the page of the project."""

    def logged(project: str) -> str:
        environment = client_environment(live, tmp_path_factory.mktemp("client"))
        script = Path(__file__).with_name("experiment.py")
        subprocess.run([sys.executable, str(script), project], env=environment, cwd=ROOT, check=True)
        return f"{live.url}/ada/{project}"

    return logged


@pytest.fixture(scope="session")
def shots() -> Path:
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS
