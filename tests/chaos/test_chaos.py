"""`make chaos` in short: real and cheap clients while servers are killed, requests are cut and the disk fills."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.ordeal import Asked, undergo

pytestmark = [pytest.mark.client, pytest.mark.on_both]


def test_all_that_was_logged_is_there_once_and_in_order(tmp_path: Path) -> None:
    database = "postgresql" if os.environ.get("DATABASE_URL") else "sqlite"
    seconds = 10 if database == "postgresql" else 18
    asked = Asked(database=database, seconds=seconds, raw=4, wandb=1, pause=2, one_in=8, servers=2)
    found = undergo(asked, tmp_path, print)
    assert found.checked["wrong"] == []
    assert (found.checked.get("points lost", 0), found.checked.get("points doubled", 0)) == (0, 0)
    assert found.checked["points"] > 0
    assert found.runs.keys() == {"raw", "wandb"}
    assert sum(found.faults.values()) > 3
