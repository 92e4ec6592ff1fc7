from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import ROOT, own_database


@pytest.mark.client
@pytest.mark.on_both
def test_a_database_of_the_first_migrations_is_brought_up_to_date_with_what_it_holds(tmp_path: Path) -> None:
    """All but histories: the layout of their blobs was settled later, before anything was released."""
    with own_database() as database:
        environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"} | database
        environment |= {
            "DATA_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "tracker.settings",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, str(Path(__file__).with_name("upgrade.py"))]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(answers, 200)
    said = {name: content for name, (_, content) in answers.items()}
    assert "seeds" in said["page"]
    assert all(text in said["run"] for text in ("the first run", "old"))
    assert "epoch one" in said["console"]
    (run,) = json.loads(said["runs"])["runs"]
    assert (run["group"], run["values"]) == ("seeds", {"config.lr": 0.25, "summary.acc": 0.75})
    (group,) = json.loads(said["series"])["groups"]
    assert (group["x"], group["line"], group["n"]) == ([0], [0.5], [1])
