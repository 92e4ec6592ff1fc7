"""All that the server's database holds of a project's runs; see conftest.py."""

import json
from typing import Any

from django.utils import timezone

from runs import states
from runs.history import store
from runs.models import Run, StreamName


def stored(entity: str, project: str) -> list[dict[str, Any]]:
    return [
        {
            "name": run.name,
            "display_name": run.display_name,
            "group": run.group,
            "job_type": run.job_type,
            "sweep": run.sweep,
            "tags": run.tags,
            "notes": run.notes,
            "state": states.state_of(run, timezone.now()),
            "exit_code": run.exit_code,
            "config": run.config,
            "client_info": run.client_info,
            "summary": run.summary,
            "git_remote": run.git_remote,
            "git_commit": run.git_commit,
            "history_lines": run.history_lines,
            "last_step": run.last_step,
            "history": list(store.rows(run_id=run.id, stream=StreamName.HISTORY)),
            "events": list(store.rows(run_id=run.id, stream=StreamName.EVENTS)),
            "console": list(run.console_lines.order_by("writer", "number").values_list("text", flat=True)),
            "files": {file.name: file.size for file in run.files.all()},
        }
        for run in Run.objects.filter(project__entity__name=entity, project__name=project).order_by("created_at")
    ]


def say(entity: str, project: str) -> None:
    print(json.dumps(stored(entity, project)))
