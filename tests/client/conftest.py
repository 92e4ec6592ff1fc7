from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.live import LiveServer

Stored = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def stored(live: LiveServer) -> Stored:
    """project -> what the server's database holds of ada's runs there, oldest first."""

    def ask(project: str) -> list[dict[str, Any]]:
        code = f"from tests.client import stored; stored.say('ada', {project!r})"
        runs: list[dict[str, Any]] = json.loads(live.manage("shell", "--no-imports", "-c", code))
        return runs

    return ask
