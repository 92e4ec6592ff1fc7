"""`make demo`: serve, have real training runs logged into the server, print a sign-in link, keep serving."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from projects import access
from projects.models import Project
from runs.models import Run, State
from tracker.demo import digits_kfold
from tracker.health import answers

USER = "ada"
SHARDS = 2
RUNS = 2 * digits_kfold.FOLDS * len(digits_kfold.BATCH_SIZES) * len(digits_kfold.LEARNING_RATES)


class Command(BaseCommand):
    help = "Serves a demo project, logged by real training runs through the wandb client."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        address = f"http://{options['host']}:{options['port']}"
        self._require_free(options["host"], options["port"])
        user = access.user_get_or_create(name=USER)
        serve = [sys.executable, "manage.py", "serve", "--host", options["host"], "--port", str(options["port"])]
        # The terminal is for the demo's progress and its link: no line for each request.
        server = subprocess.Popen(serve, cwd=settings.BASE_DIR, env={"LOG_LEVEL": "WARNING"} | os.environ)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            self._await(address, server)
            self._log_runs(address, access.api_key_create(user=user, name="demo"))
            link = reverse("sign-in-link", args=[access.sign_in_link_create(user=user)])
            page = reverse("project", args=[USER, digits_kfold.PROJECT])
            self.stdout.write(
                f"\ndemo: ready. Open this link to sign in (it works once):\n\n    {address}{link}?next={page}\n\n"
                f"demo: the project is {address}{page}. Ctrl-C stops the server; the data stays in {settings.DATA_DIR}."
            )
            self.stdout.flush()
            server.wait()
        except KeyboardInterrupt:
            self.stdout.write("\ndemo: stopped")
        finally:
            server.terminate()
            server.wait()

    def _require_free(self, host: str, port: int) -> None:
        """Another server there would answer in the place of ours, and take the demo's runs."""
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CommandError(f"port {port} is taken; choose another: PORT={port + 1} make demo") from error

    def _await(self, address: str, server: "subprocess.Popen[bytes]") -> None:
        if answers(address, server, within=120):  # a busy machine takes one minute to start
            return
        if server.poll() is not None:
            raise CommandError("the server did not start; its message is above")
        raise CommandError(f"no answer at {address}/healthz")

    def _log_runs(self, address: str, key: str) -> None:
        """Every fit that is not there yet; a demo broken off half-way is logged anew."""
        project = Project.objects.filter(entity__name=USER, name=digits_kfold.PROJECT).first()
        if project and project.runs.filter(state=State.FINISHED, deleted_at=None).count() >= RUNS:
            self.stdout.write(f"demo: {RUNS} runs are there from the last time")
            return
        if project:
            Run.objects.filter(project=project).delete()
        self.stdout.write(f"demo: training {RUNS // 2} small networks, logging {RUNS} runs through the wandb client")
        with tempfile.TemporaryDirectory(prefix="cohort-demo-") as folder:
            environment = os.environ | {
                "WANDB_BASE_URL": address,
                "WANDB_API_KEY": key,
                "WANDB_DIR": folder,
                "WANDB_ERROR_REPORTING": "false",
                # Each process has a core of its own; the libraries' threads would only fight over it.
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            }
            done = 0
            lock = threading.Lock()

            def watch(process: "subprocess.Popen[str]") -> None:
                nonlocal done
                for _ in process.stdout or ():
                    with lock:
                        done += 2
                        self.stdout.write(f"\rdemo: {done} of {RUNS} runs", ending="")
                        self.stdout.flush()

            script = str(Path(digits_kfold.__file__))
            shards = [
                subprocess.Popen(
                    [sys.executable, script, "--shard", f"{i}/{SHARDS}"],
                    env=environment,
                    cwd=folder,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for i in range(SHARDS)
            ]
            try:
                watchers = [threading.Thread(target=watch, args=[shard]) for shard in shards]
                for watcher in watchers:
                    watcher.start()
                for watcher in watchers:
                    watcher.join()
                if any(shard.wait() for shard in shards):
                    raise CommandError("a training process failed; its message is above")
            finally:
                for shard in shards:
                    shard.terminate()
            self.stdout.write("")
