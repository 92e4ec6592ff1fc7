"""What a client sends, through the real endpoint, against parsing the same bytes."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import orjson
from django.test import Client
from django.urls import reverse

from projects.access import api_key_create
from projects.models import Project
from tracker.bench import data, fresh, server
from tracker.bench.measure import Measure, medians, seconds

METRICS = (1, 4, 100)  # a line
LARGE, SMALL = 1000, 20  # lines of a request
_ROUNDS = 5  # at most: each writes as much as the first
_PARSERS: dict[str, Callable[[bytes | str], Any]] = {"json.loads": json.loads, "orjson.loads": orjson.loads}
_names = (f"run-{i}" for i in itertools.count())


def measure(lines: int, *, repeat: int) -> list[Measure]:
    """A run of `lines` lines, sealing and the end of the run included; of a tenth of that with 100 metrics, and of
    another tenth in small requests.

    A point is one value of one metric; step and clocks, which every line has too, are not counted.
    """
    owner, client, repeat = data.project("ingestion"), _client(), min(repeat, _ROUNDS)
    found = []
    for size, metrics in itertools.product((LARGE, SMALL), METRICS):
        sent = lines // (1 if metrics < 100 else 10) // (1 if size == LARGE else 10) or 1
        bodies = list(_bodies(sent, metrics, size))
        runs = [_run(owner) for _ in range(repeat + 1)]
        functions = {name: partial(_parse, bodies, loads) for name, loads in _PARSERS.items()}
        taken = seconds({"sent": partial(_send, client, owner, iter(runs), bodies), **functions}, repeat=repeat)
        median, points = medians(taken), sent * metrics
        case = f"{metrics} metric{'s' if metrics > 1 else ''} a line, {size:,} lines a request"
        for name in _PARSERS:
            rates = points / median["sent"], points / median[name]
            found.append(Measure("ingestion", case, "file_stream", *rates, "points/s", f"{name} of the same bytes"))
    said = fresh.process({"ingestion": lines})
    limit = "the same process before"
    found.append(Measure("memory", "ingestion", "4 metrics a line", said["alone"], said["idle"], "bytes", limit))
    return found


def memory_visit(lines: int) -> fresh.Said:
    """In a new process: one run, whose bodies are made one by one."""
    owner, client = data.project("ingestion"), _client()
    run = f"memory-{lines}"
    data.run_make(owner, run)
    server.get(server.signed_in(), "/healthz")
    idle = fresh.peak_memory()
    _send(client, owner, iter([run]), _bodies(lines, 4, LARGE))
    return {"idle": idle, "alone": fresh.peak_memory()}


def _client() -> Client:
    key = base64.b64encode(f"api:{api_key_create(user=data.user())}".encode()).decode()
    return Client(SERVER_NAME="localhost", headers={"Authorization": f"Basic {key}"})


def _run(owner: Project) -> str:
    name = next(_names)
    data.run_make(owner, name)
    return name


def _bodies(lines: int, metrics: int, size: int) -> Iterator[bytes]:
    random = np.random.default_rng(metrics)
    for offset in range(0, lines, size):
        texts = []
        for step, row in enumerate(random.standard_normal((min(size, lines - offset), metrics)).tolist(), offset):
            logged = {f"metric-{i}": value for i, value in enumerate(row)}
            clocks = {"_step": step, "_runtime": data.runtime(step), "_timestamp": 1.7e9 + data.runtime(step)}
            texts.append(json.dumps(logged | clocks))
        part = {"offset": offset, "content": texts}
        body = {"files": {"wandb-history.jsonl": part}, "complete": offset + size >= lines, "exitcode": 0}
        yield json.dumps(body).encode()


def _send(client: Client, owner: Project, runs: Iterator[str], bodies: Iterator[bytes] | list[bytes]) -> None:
    """The history of the next of `runs`."""
    address = reverse("run-file", args=[data.USER, owner.name, next(runs), "file_stream"])
    for body in bodies:
        server.post(client, address, body)


def _parse(bodies: list[bytes], loads: Callable[[bytes | str], Any]) -> None:
    """A body is JSON, and so is each of the lines in it."""
    for body in bodies:
        for line in loads(body)["files"]["wandb-history.jsonl"]["content"]:
            loads(line)
