"""The blocks of docs/tutorial.md, by their titles; run for the test, and for the pictures."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.live import ROOT, LiveServer, client_environment

PAGE = ROOT / "docs" / "tutorial.md"
SERVED_AT = "http://127.0.0.1:8000"


def blocks() -> dict[str, str]:
    return dict(re.findall(r'^```\w+ title="(.+?)"\n(.*?)^```$', PAGE.read_text(), re.MULTILINE | re.DOTALL))


def follow(live: LiveServer, folder: Path) -> str:
    """Types in what the page says, but for the server, which runs; what the last command printed."""
    said = blocks()
    (folder / "train.py").write_text(said["train.py"])
    environment = client_environment(live, folder) | live.environment | {"HOME": str(folder)}
    environment = {
        name: value for name, value in environment.items() if name not in {"WANDB_BASE_URL", "WANDB_API_KEY"}
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    typed = [f"cd {ROOT}", said["key"].replace(SERVED_AT, live.url), f"cd {folder}", said["train"], said["ask"]]
    done = subprocess.run(
        ["sh", "-ec", "\n".join(typed)], env=environment, capture_output=True, text=True, timeout=300, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
