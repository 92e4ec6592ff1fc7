"""What a page looks like, kept for people to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def shoot(page: Page, shots: Path, name: str) -> None:
    """The window in dark and in light, in which the page is left."""
    for scheme in reversed(SCHEMES):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=shots / f"{name}-{scheme}.png")
