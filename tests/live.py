"""Starts real things for tests: the server as its users start it, client scripts, a Chromium."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from tracker.health import answers

ROOT = Path(__file__).resolve().parent.parent


class Hand:
    """Runs manage.py commands on what an environment names, all in one process (hand.py), begun with the first."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def manage(self, *arguments: str, within: float = 180) -> str:
        """What the command prints; `within`: seconds."""
        self._process = process = self._process or subprocess.Popen(
            [sys.executable, "-m", "tests.hand"],
            cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(arguments) + "\n")
        process.stdin.flush()
        assert select.select([process.stdout], [], [], within)[0], f"no answer within {within} s: {arguments}"
        code, out, error = json.loads(process.stdout.readline())
        assert code == 0, error
        return str(out).strip()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


@dataclass(frozen=True)
class LiveServer:
    url: str
    api_key: str
    environment: dict[str, str] = field(repr=False)
    log: Path
    pid: int
    hand: Hand = field(repr=False)

    def manage(self, *arguments: str, within: float = 180) -> str:
        """What a manage.py command prints, run on the server's own database; `within`: seconds."""
        return self.hand.manage(*arguments, within=within)

    def sign_in_link(self, user: str = "ada") -> str:
        return self.manage("sign_in_link", user, "--base-url", self.url)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def own_database() -> Iterator[dict[str, str]]:
    """The variables that point a server at an empty database."""
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        yield {}
        return
    name = f"live_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield {"DATABASE_URL": _with_database(url, name)}
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _with_database(url: str, name: str) -> str:
    base, _, options = url.partition("?")
    return base.rsplit("/", 1)[0] + "/" + name + (f"?{options}" if options else "")


@contextmanager
def serve(folder: Path, *, database: dict[str, str] | None = None, **settings: str) -> Iterator[LiveServer]:
    """`manage.py serve` on a free port, on the given database or one of its own; `settings`: more of its variables."""
    with nullcontext(database) if database is not None else own_database() as database:
        environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE"}}
        environment |= database | settings | {"DATA_DIR": str(folder)}
        port = free_port()
        log = folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(port)],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
            )
        hand = Hand(environment)
        try:
            url = f"http://127.0.0.1:{port}"
            assert answers(url, process, within=180), f"no answer from the server:\n{log.read_text()}"
            yield LiveServer(url, hand.manage("create_api_key", "ada"), environment, log, process.pid, hand)
        finally:
            hand.stop()
            process.terminate()
            process.wait(timeout=60)


def client_environment(live: LiveServer, folder: Path) -> dict[str, str]:
    """The environment in which a client process logs to the live server as the user `ada`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    return clean | {
        "WANDB_BASE_URL": live.url,
        "WANDB_API_KEY": live.api_key,
        "WANDB_DIR": str(folder),
        "WANDB_ERROR_REPORTING": "false",
        "HOME": str(folder),
    }


def run_script(
    code: str, environment: dict[str, str], *arguments: str, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """A client script in a process of its own; its output is the client's whole word to its user."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=environment["WANDB_DIR"],
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def chromium_path() -> str | None:
    """A system Chromium; None means Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)
