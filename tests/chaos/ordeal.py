"""Clients log, faults happen, what is stored is compared with what was logged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos.proxy import Proxy
from tests.chaos.site import Site, opened
from tests.live import ROOT

_OF_A_PROCESS = 16  # raw clients
_GRACE = 240.0  # seconds for what clients still have to say after the last fault


@dataclass(frozen=True, kw_only=True)
class Asked:
    database: str  # "sqlite" or "postgresql"
    seconds: float
    raw: int  # clients
    wandb: int
    seed: int = 1
    pause: float = 6.0  # seconds between faults, about
    one_in: int = 12  # requests suffers on its way
    servers: int = 0  # 0: as many as are usual on the database


@dataclass
class Found:
    asked: Asked
    seconds: float = 0
    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)  # by client
    checked: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        lost, doubled = self.checked.get("points lost", 0), self.checked.get("points doubled", 0)
        return not (lost or doubled or self.checked["wrong"]) and bool(self.checked.get("points"))


def undergo(asked: Asked, folder: Path, say: Callable[[str], None]) -> Found:
    """All of it, in an empty folder."""
    found = Found(asked)
    random = Random(f"{asked.seed}/faults")
    with opened(folder, asked.database, asked.servers) as site:
        key = site.start()
        ports = [server.port for server in site.servers]
        with Proxy(ports, seed=f"{asked.seed}/proxy", one_in=asked.one_in) as proxy:
            say(f"{len(ports)} servers on {asked.database}; the disk is {'its own' if site.disk.mounted else 'shared'}")
            begun = time.monotonic()
            until = begun + asked.seconds
            clients = _Clients(asked, folder, proxy, key, until)
            proxy.active = True
            try:
                for kind in _faults(site, random):
                    if time.monotonic() >= until:
                        break
                    found.faults[kind] += 1
                    say(f"{time.monotonic() - begun:5.0f} s  {kind}")
                    time.sleep(asked.pause * random.uniform(0.5, 1.5))
                site.restore()
                clients.wait(_GRACE)
            finally:
                clients.close()
            proxy.active = False
            found.seconds = time.monotonic() - begun
            time.sleep(5)  # what is carried out late
            site.restore()
            found.requests = proxy.requests
            found.answers = Counter({k: n for k, n in proxy.counts.items() if k.startswith("answers ")})
            found.faults += proxy.counts - found.answers
        said = [json.loads(line) for line in clients.out.read_text().splitlines()] if clients.out.exists() else []
        found.runs = Counter(one["client"] for one in said)
        found.checked = _checked(site, clients)
        found.checked["wrong"] += clients.failed
        if found.answers["answers 500"]:
            found.checked["wrong"].append("a server failed where it had to ask for patience (500, not 503)")
    return found


def _faults(site: Site, random: Random) -> Iterator[str]:
    """Each kind once, in some order, then again: injects one and says which."""
    kinds: dict[str, Callable[[], None]] = {
        "server killed, with its workers": lambda: _killed(site, random, 1),
        "all servers killed": lambda: _killed(site, random, len(site.servers)),
        "disk full": lambda: _disk_full(site, random),
    }
    if site.postgres is not None:
        kinds["PostgreSQL stopped at once"] = lambda: _postgres_stopped(site, random)
    while True:
        for kind in random.sample(list(kinds), len(kinds)):
            kinds[kind]()
            yield kind


def _killed(site: Site, random: Random, count: int) -> None:
    for server in random.sample(site.servers, count):
        server.kill()
    time.sleep(random.uniform(0, 1.5))
    site.restore()


def _disk_full(site: Site, random: Random) -> None:
    processes = site.processes()
    site.disk.fill(processes)
    time.sleep(random.uniform(1, 4))
    site.disk.free(processes)
    site.restore()


def _postgres_stopped(site: Site, random: Random) -> None:
    site.postgres_stop()
    time.sleep(random.uniform(0, 2))
    site.restore()


class _Clients:
    def __init__(self, asked: Asked, folder: Path, proxy: Proxy, key: str, until: float) -> None:
        self.out, self.failed = folder / "said.jsonl", []
        self._asked, self._folder, self._until = asked, folder, until
        clean = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
        url = f"http://127.0.0.1:{proxy.port}"
        self._environment = clean | {
            "PYTHONPATH": str(ROOT), "WANDB_BASE_URL": url, "WANDB_API_KEY": key, "WANDB_ERROR_REPORTING": "false",
            "WANDB_SILENT": "true",
        }  # fmt: skip
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads = [threading.Thread(target=self._runs, args=[number]) for number in range(asked.wandb)]
        for thread in self._threads:
            thread.start()
        self._raw = []
        for first in range(0, asked.raw, _OF_A_PROCESS):
            said = {
                "url": url, "key": key, "first": first, "clients": min(_OF_A_PROCESS, asked.raw - first),
                "seconds": until - time.monotonic(), "seed": asked.seed, "out": str(self.out),
            }  # fmt: skip
            self._raw.append(self._started("raw_client", said, f"raw-{first}"))

    def wait(self, within: float) -> None:
        """Until all have said their last, or been silenced."""
        until = time.monotonic() + within
        for process, name in self._raw:
            self._ended(process, name, until)
        for thread in self._threads:
            thread.join(max(0.0, until + 10 - time.monotonic()))

    def close(self) -> None:
        """Nothing goes on, whatever went wrong."""
        self._until = 0.0
        for process in self._processes:
            if process.poll() is None:
                process.kill()

    def _runs(self, number: int) -> None:
        """Run after run of the unmodified client, each in a process of its own."""
        random = Random(f"{self._asked.seed}/wandb/{number}")
        for count in range(1_000_000):
            left = self._until - time.monotonic()
            if left < 3:
                return
            name = f"wandb-{number}-{count}"
            said = {"run": name, "seconds": min(left, random.uniform(6, 25)), "seed": self._asked.seed}
            process, _ = self._started("wandb_client", said | {"out": str(self.out)}, name)
            self._ended(process, name, self._until + _GRACE)

    def _started(self, module: str, said: dict[str, Any], name: str) -> tuple[subprocess.Popen[bytes], str]:
        folder = self._folder / name
        folder.mkdir()
        environment = self._environment | {"WANDB_DIR": str(folder), "HOME": str(folder)}
        with (folder / "output.log").open("wb") as output:
            command = [sys.executable, "-m", f"tests.chaos.{module}", json.dumps(said)]
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        self._processes.append(process)
        return process, name

    def _ended(self, process: subprocess.Popen[bytes], name: str, until: float) -> None:
        try:
            code = process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            self.failed.append(f"{name}: did not come to an end")
            return
        if code:
            tail = (self._folder / name / "output.log").read_text(errors="replace")[-2500:]
            self.failed.append(f"{name}: exit code {code}: {tail}")


def _checked(site: Site, clients: _Clients) -> dict[str, Any]:
    environment = site.environment | {"DJANGO_SETTINGS_MODULE": "tracker.settings", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.chaos.check", str(clients.out)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    checked: dict[str, Any] = json.loads(done.stdout)
    return checked
