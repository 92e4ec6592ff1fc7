from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live import ROOT, LiveServer

Stored = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def stored(live: LiveServer) -> Stored:
    """project -> what the server's database holds of ada's runs there, oldest first."""

    def ask(project: str) -> list[dict[str, Any]]:
        command = [sys.executable, str(Path(__file__).with_name("stored.py")), "ada", project]
        environment = live.environment | {"DJANGO_SETTINGS_MODULE": "tracker.settings", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        runs: list[dict[str, Any]] = json.loads(done.stdout)
        return runs

    return ask
