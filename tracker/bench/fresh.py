"""New processes, one for each thing asked of them: what the first answer takes, and how much memory all of them."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from tracker.bench import server
from tracker.bench.measure import Measure

THREADS = 8  # of a server process, unless told otherwise
_IDLE = "the same process before"

Said = dict[str, float]


@dataclass(frozen=True, slots=True)
class Visited:
    first: float  # seconds
    later: float  # seconds
    said: Mapping[str, float]

    def memory(self, case: str) -> list[Measure]:
        alone, together = self.said["alone"], self.said["together"]
        return [
            Measure("memory", case, "one request at a time", alone, self.said["idle"], "bytes", _IDLE),
            Measure("memory", case, f"{THREADS} requests at once", together, self.said["idle"], "bytes", _IDLE),
        ]


def pages(address: str, *, repeat: int, times: int) -> Visited:
    """Ask for a page first and `repeat` times more, in each of `times` new processes."""
    found = [process({"page": address, "repeat": repeat}) for _ in range(times)]
    first, later = (statistics.median(said[key] for said in found) for key in ("first", "later"))
    return Visited(first, later, max(found, key=lambda said: said["together"]))


def process(task: Mapping[str, object]) -> Said:
    """What a new process on this one's database says of a task (tracker.bench.child.task)."""
    with tempfile.TemporaryDirectory(prefix="cohort-bench-") as folder:
        out = Path(folder) / "said.json"
        command = [sys.executable, "manage.py", "bench", "--task", json.dumps(task), "--out", str(out)]
        subprocess.run(command, cwd=settings.BASE_DIR, check=True)
        said: Said = json.loads(out.read_text())
        return said


def page_visit(address: str, repeat: int) -> Said:
    """In the new process: the code is loaded and somebody signed in, but the page and its connection are new."""
    client = server.signed_in()
    server.get(client, "/healthz")
    idle = peak_memory()
    first, *later = [_seconds(lambda: server.get(client, address)) for _ in range(1 + repeat)]
    alone = peak_memory()
    clients = [server.signed_in() for _ in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(server.answer, clients * 2, [address] * len(clients) * 2))
    return {
        "first": first,
        "later": statistics.median(later),
        "idle": idle,
        "alone": alone,
        "together": peak_memory(),
    }


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def peak_memory() -> int:
    """Bytes: the most that this process has held at one time."""
    # Where Linux tells: the other figure is inherited from the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
