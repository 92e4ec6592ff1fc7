"""Makes things for tests through the same functions the doors call."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from projects import access
from projects.models import Project, User
from runs import artifacts, ingest, sweeps
from runs.models import Artifact, Run, Sweep, Trial, run_id

_numbers = itertools.count(1)


def make_user(name: str | None = None, password: str | None = None) -> User:
    return access.user_create(name=name or f"user-{next(_numbers)}", password=password)


def make_project(user: User | None = None, name: str = "digits") -> Project:
    return access.project_get_or_create(user or make_user(), entity=None, name=name)


def make_run(project: Project, name: str | None = None, **fields: Any) -> Run:
    """A bare run row; config and summary columns come with runs.ingest."""
    name = name or f"run-{next(_numbers)}"
    fields.setdefault("display_name", name)
    fields.setdefault("created_at", timezone.now())
    return Run.objects.create(id=run_id(project.id, name), project=project, name=name, **fields)


def set_values(run: Run, **change: Any) -> Run:
    """Config, summary, tags … of a run, with their typed columns (fields of runs.ingest.RunChange)."""
    return ingest.run_change(run_id=run.id, change=ingest.RunChange(**change))


def log_run(
    project: Project,
    name: str,
    history: Sequence[dict[str, Any]],
    *,
    summary: dict[str, Any] | None = None,
    complete: bool = True,
    **change: Any,
) -> Run:
    """A run logged as the client does, a row of history a step; `change`: fields of runs.ingest.RunChange."""
    said = ingest.RunChange(display_name=name, **change)
    ingest.run_upsert(project_id=project.id, name=name, user_name="ada", starts=True, change=said)
    lines = [json.dumps({"_step": step, **row}) for step, row in enumerate(history)]
    request = ingest.StreamRequest(history=ingest.Lines(offset=0, lines=lines), summary=summary, complete=complete)
    return ingest.stream_accept(run_id=run_id(project.id, name), writer="", request=request)


def log_artifact(
    run: Run,
    files: Mapping[str, bytes],
    name: str = "data",
    type: str = "dataset",
    *,
    references: Mapping[str, str] | None = None,
    **said: Any,
) -> Artifact:
    """A committed version that the run produced; `said`: fields of runs.artifacts.NewArtifact."""
    digests = {path: base64.b64encode(hashlib.md5(data).digest()).decode() for path, data in files.items()}
    digest = hashlib.md5(json.dumps([digests, dict(references or {})]).encode()).hexdigest()
    new = artifacts.NewArtifact(name=name, type=type, digest=digest, **said)
    begun = artifacts.artifact_create(project_id=run.project_id, run_id=run.id, new=new)
    if begun.version is not None:
        return begun
    for path, data in files.items():
        key = run.project_id.hex
        stored = default_storage.save(f"artifacts/{key[:2]}/{key}/{uuid.uuid4().hex}", ContentFile(data))
        artifacts.content_stored(project_id=run.project_id, md5=digests[path], size=len(data), stored_as=stored)
    held = [artifacts.NewFile(name=path, digest=md5) for path, md5 in digests.items()]
    held += [
        artifacts.NewFile(name=path, digest="", reference=place, size=7) for path, place in (references or {}).items()
    ]
    return artifacts.artifact_commit(artifact_id=begun.id, files=held, manifest_stored_as="")


def make_sweep(project: Project, **config: Any) -> Sweep:
    """A grid over `lr` that minimizes `loss`; `config` says what differs."""
    parameters = {"lr": {"values": [0.1, 0.01]}}
    plain = {"method": "grid", "metric": {"name": "loss", "goal": "minimize"}, "parameters": parameters}
    return sweeps.sweep_create(project_id=project.id, user_name="ada", config=plain | config)


def make_trials(project: Project, names: Sequence[str], sweep: Sweep | None = None) -> Sweep:
    """A sweep that gave its points to runs of these names."""
    sweep = sweep or make_sweep(project)
    agent = sweeps.agent_create(sweep_id=sweep.id, host="node1", user_name="ada")
    for number, name in enumerate(names):
        Trial.objects.create(
            run_id=run_id(project.id, name), sweep=sweep, agent=agent, run_name=name, number=number, parameters={}
        )
    return sweep
