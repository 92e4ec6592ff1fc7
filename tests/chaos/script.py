"""What the runs of `make chaos` log: each value follows from the run's name and its place, so that what is stored can
be checked line by line. Pure; the clients and the check read it."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from typing import Any

PROJECT = "chaos"
ENTITY = "ada"
EVERY = 10  # steps from one value of the sparse metric to the next
MARK = "chaos line"


@dataclass
class Said:
    """What a client was told is stored of one run, after its last request."""

    run: str
    client: str  # "raw" or "wandb"
    lines: int = 0
    events: int = 0
    console: int = 0
    config: int = 0  # version of the configuration
    summary: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # name → MD5 in hexadecimal
    state: str = "running"
    exit_code: int | None = None
    refused: str = ""  # the answer that ended it too early


def logged(run: str, step: int) -> dict[str, float]:
    mixed = zlib.crc32(run.encode()) + step * 2_654_435_761
    values: dict[str, float] = {f"noise/{k}": (mixed * (k + 1) % 2**32) / 2**20 for k in range(3)}
    values["count"] = step
    if step % EVERY == 0:
        values["val/loss"] = 1 / (step + 1)
    return values


def points(lines: int) -> int:
    """How many numbers so many lines hold, steps and clocks aside."""
    return lines * 4 + -(-lines // EVERY)


def config(run: str, version: int) -> dict[str, Any]:
    seed = zlib.crc32(run.encode())
    return {"seed": seed, "version": version, "net": {"width": seed % 512, "sizes": [1, 2, version]}, "name": "ä\n☃"}


def summary(run: str, lines: int) -> dict[str, Any]:
    return {"lines": lines, "best": {"value": lines / 3}, "of": run}


def console(number: int, *, final: bool = True) -> str:
    """A line, and as a progress bar has it before it is final."""
    return f"{MARK} {number}" if final else f"{MARK} {number} …"


def content(run: str, version: int) -> bytes:
    seed = f"{run}/{version}".encode()
    return hashlib.shake_256(seed).digest(1000 + zlib.crc32(seed) % 200_000)
