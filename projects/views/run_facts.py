"""What is known about where a run ran, as label and text. The client's own entry is as hostile as any other input."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from runs.models import Run, Sweep, run_id, sweep_id

MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    text: str
    link: str = ""
    code: bool = False


def facts(run: Run) -> list[Fact]:
    """Those that are known."""
    client = _mapping(run.client_info)
    machine = _machine(client)
    found = (
        Fact("User", run.user_name),
        Fact("Host", run.host),
        Fact("Program", run.program, code=True),
        Fact("Command", _command(machine), code=True),
        Fact("Git repository", run.git_remote, link=run.git_remote if run.git_remote.startswith("https://") else ""),
        Fact("Git commit", run.git_commit, code=True),
        Fact("Sweep", run.sweep, link=_sweep_link(run), code=True),
        *_forked_from(run, client),
        Fact("Run id", run.name, code=True),
        Fact("Python", _text(client.get("python_version"))),
        Fact("wandb client", _text(client.get("cli_version"))),
        Fact("System", _text(machine.get("os"))),
        Fact("CPUs", _text(machine.get("cpu_count"))),
        Fact("GPU", _text(machine.get("gpu"))),
        Fact("Last step", str(run.last_step) if run.last_step >= 0 else ""),
    )
    return [fact for fact in found if fact.text]


def _sweep_link(run: Run) -> str:
    if not run.sweep or not Sweep.objects.filter(pk=sweep_id(run.project_id, run.sweep)).exists():
        return ""
    return reverse("sweep", args=[run.project.entity.name, run.project.name, run.sweep])


def _forked_from(run: Run, client: Mapping[str, Any]) -> Iterator[Fact]:
    """A rewound run says of itself where it goes on from: that is no parent."""
    point = _mapping(client.get("branch_point"))
    name, step = _text(point.get("run_id")), _text(point.get("step"))
    if not name or name == run.name:
        return
    parent = Run.objects.filter(pk=run_id(run.project_id, name), deleted_at=None).only("name", "display_name").first()
    text = f"{parent.display_name if parent else name}{f', step {step}' if step else ''}"
    link = reverse("run", args=[run.project.entity.name, run.project.name, parent.name]) if parent else ""
    yield Fact("Forked from", text, link=link)


def _machine(client: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the first writer said of its machine; there is one entry per writer."""
    entries = _mapping(client.get("e"))
    return _mapping(entries[min(entries)]) if entries else {}


def _command(machine: Mapping[str, Any]) -> str:
    program, args = _text(machine.get("program")), machine.get("args")
    if not program:
        return ""
    return _text(shlex.join(["python", program, *map(str, args if isinstance(args, list) else ())]))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """Logged JSON may hold halves of surrogate pairs, which no page can carry."""
    shown = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return shown[:MAX_TEXT].encode("utf-8", "replace").decode()
