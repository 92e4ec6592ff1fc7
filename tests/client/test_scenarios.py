"""Whole client scripts that check themselves, with the installed client: those that no other test of this folder takes
the place of. `make test-clients` runs all of them, on both databases, and some with older clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live import run_script

pytestmark = pytest.mark.client

SCENARIOS = [Path(__file__).parent / "scenarios" / f"{name}.py" for name in ("a_basic", "g_media", "j_readback")]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_finds_what_it_expects(path: Path, wandb_env: dict[str, str]) -> None:
    done = run_script(path.read_text(), wandb_env, timeout=300)
    assert done.returncode == 0, done.stderr
