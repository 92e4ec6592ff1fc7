"""A real server on this process's database, and a Chromium that has been there before."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings

from tracker.health import answers

if TYPE_CHECKING:
    from playwright.sync_api import Page


@contextmanager
def server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`manage.py serve`: its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        if not answers(url, process, within=60):
            raise RuntimeError("the server does not answer")
        yield url, process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def browser(script: str) -> Iterator[Page]:
    """A page that runs `script` before any other. Its profile is on disk, as a person's: only there Chromium keeps what
    it has compiled of scripts, from the third visit on."""
    from playwright.sync_api import sync_playwright  # for developers only: not in every installation

    # Playwright keeps an event loop in this thread, and Django then refuses the database here.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    options: dict[str, Any] = {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox", "--disable-gpu"]}
    options["viewport"] = {"width": 1920, "height": 1080}  # which shows all of the charts
    with tempfile.TemporaryDirectory(prefix="cohort-bench-") as folder, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(folder, **options)
        page = context.new_page()
        page.add_init_script(script)
        yield page
        context.close()
