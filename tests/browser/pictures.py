"""What a page looks like, in light and dark, kept for people to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from tests.browser.plots import wait_until

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

# Charts are drawn anew for another scheme; panels out of sight when they come into view.
_DRAWN = """() => {
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--muted").trim();
  return [...document.querySelectorAll(":is(#panels, .forest) .js-plotly-plot")].every((plot) => {
    const { top, bottom, width } = plot.getBoundingClientRect();
    return !width || bottom <= 0 || top >= innerHeight || plot._fullLayout?.font.color === colour;
  });
}"""


def lit(page: Page, scheme: Scheme) -> None:
    """Has the page in this scheme, its charts too."""
    page.emulate_media(color_scheme=scheme)
    wait_until(page, _DRAWN)


def shoot(page: Page, shots: Path, name: str) -> None:
    """The window in dark and in light, in which the page is left."""
    for scheme in reversed(SCHEMES):
        lit(page, scheme)
        page.screenshot(path=shots / f"{name}-{scheme}.png")
