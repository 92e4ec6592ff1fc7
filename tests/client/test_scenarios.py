"""Whole client scripts that check themselves, with the installed client: those that no other test of this folder takes
the place of. `make test-clients` runs all of them, on both databases, and some with older clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live import run_script

pytestmark = pytest.mark.client

SCENARIOS = ("a_basic", *(pytest.param(name, marks=pytest.mark.on_both) for name in ("g_media", "j_readback")))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_finds_what_it_expects(name: str, wandb_env: dict[str, str]) -> None:
    code = (Path(__file__).parent / "scenarios" / f"{name}.py").read_text()
    done = run_script(code, wandb_env, timeout=300)
    assert done.returncode == 0, done.stderr
