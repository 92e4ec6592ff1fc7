"""The server: migrations, static files, then gunicorn with several workers."""

import getpass
import os
import signal
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections
from django.urls import reverse
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from projects import access
from projects.models import User
from projects.names import BadName
from tracker import metrics
from tracker.static import collect_if_stale


class Server(BaseApplication):
    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for key, value in self._settings.items():
            self.cfg.set(key, value)

    def load(self) -> Any:
        from tracker.wsgi import application

        return application


class Log(Logger):
    """The server's own words go where all others go, for what they may hold of an address is taken out there."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def row_choose(server: Arbiter, worker: Worker) -> None:
    """Before a worker is forked: a row of the metrics that no living one has. Beyond these, workers share one."""
    taken = {other.row for other in server.WORKERS.values()}
    worker.row = next((row for row in range(1, metrics.WORKERS) if row not in taken), 0)


def row_take(server: Arbiter, worker: Worker) -> None:
    metrics.row_take(worker.row)


def former_stop(server: Arbiter) -> None:
    """Once the sockets taken over answer here (after SIGUSR2): the process they are from ends as after SIGTERM."""
    if server.master_pid:
        os.kill(server.master_pid, signal.SIGTERM)


class Command(BaseCommand):
    help = "Migrates the database and serves the site with several workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=max(2, min(4, os.cpu_count() or 2)))
        parser.add_argument("--threads", type=int, default=8, help="per worker")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        call_command("migrate", interactive=False, verbosity=0)
        collect_if_stale()
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._greet(address)
        # Workers are forked: a connection opened here must not be shared by two of them.
        connections.close_all()
        Server(
            bind=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            workers=options["workers"],
            worker_class="gthread",
            threads=options["threads"],
            preload_app=True,
            keepalive=75,
            limit_request_line=8190,  # a page's address carries the whole view
            timeout=120,
            graceful_timeout=30,
            loglevel="warning",
            logger_class=Log,
            when_ready=former_stop,
            pre_fork=row_choose,
            post_fork=row_take,
            proc_name="cohort",
            control_socket_disable=True,
        ).run()

    def _greet(self, address: str) -> None:
        self.stdout.write(f"Cohort serves at {address}")
        if not User.objects.exists():
            try:
                user = access.user_create(name=getpass.getuser(), staff=True)
            except (BadName, OSError):
                user = access.user_create(name="owner", staff=True)
            link = reverse("sign-in-link", args=[access.sign_in_link_create(user=user)])
            self.stdout.write(f"First start: sign in as {user.username}, once, with {address}{link}")
        self.stdout.flush()
