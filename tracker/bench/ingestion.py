"""What a client sends, through the real endpoint, against json.loads of the same bytes."""

from __future__ import annotations

import base64
import itertools
import json
import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from django.test import Client
from django.urls import reverse

from projects.access import api_key_create
from projects.models import Project
from tracker.bench import data
from tracker.bench.measure import Measure, medians, seconds

METRICS = (1, 4, 100)  # a line
_LINES = 1000  # of a request
_VALUES = 20_000  # of a request, about: long lines come in shorter requests, as the client has it


def measure(lines: int, *, repeat: int) -> list[Measure]:
    """A run of `lines` lines (a tenth of that with 100 metrics), sealing and the end of the run included.

    A point is one value of one metric; step and clocks, which every line has too, are not counted.
    """
    owner = data.project("ingestion")
    key = base64.b64encode(f"api:{api_key_create(user=data.user())}".encode()).decode()
    client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Basic {key}"})
    names = (f"run-{i}" for i in itertools.count())
    found = []
    for metrics in METRICS:
        sent = lines if metrics < 100 else math.ceil(lines / 10)
        bodies = _bodies(sent, metrics)
        runs = [next(names) for _ in range(repeat + 1)]
        for run in runs:
            data.run_make(owner, run)
        taken = seconds(
            {
                "sent": partial(_send, client, owner, iter(runs), bodies),
                "parsed": partial(_parse, bodies),
            },
            repeat=repeat,
        )
        median = medians(taken)
        points = sent * metrics
        case = f"{sent:,} lines, {metrics} metric{'s' if metrics > 1 else ''} a line"
        rates = points / median["sent"], points / median["parsed"]
        found.append(Measure("ingestion", case, "file_stream", *rates, "points/s", "json.loads of the same bytes"))
    return found


def _bodies(lines: int, metrics: int) -> list[bytes]:
    values = np.random.default_rng(metrics).standard_normal((lines, metrics))
    texts = []
    for step, row in enumerate(values.tolist()):
        logged = {f"metric-{i}": value for i, value in enumerate(row)}
        clocks = {"_step": step, "_runtime": step * 0.25, "_timestamp": 1.7e9 + step * 0.25}
        texts.append(json.dumps(logged | clocks))
    size = min(_LINES, max(1, _VALUES // metrics))
    bodies = []
    for offset in range(0, lines, size):
        part = {"offset": offset, "content": texts[offset : offset + size]}
        body = {"files": {"wandb-history.jsonl": part}, "complete": offset + size >= lines, "exitcode": 0}
        bodies.append(json.dumps(body).encode())
    return bodies


def _send(client: Client, owner: Project, runs: Iterator[str], bodies: list[bytes]) -> None:
    """The history of the next of `runs`."""
    url = reverse("run-file", args=[data.USER, owner.name, next(runs), "file_stream"])
    for body in bodies:
        response = client.post(url, body, content_type="application/json")
        if response.status_code != 200:
            raise RuntimeError(f"lines were answered with {response.status_code}: {response.content[:200]!r}")


def _parse(bodies: list[bytes]) -> None:
    """A body is JSON, and so is each of the lines in it."""
    for body in bodies:
        for line in json.loads(body)["files"]["wandb-history.jsonl"]["content"]:
            json.loads(line)
