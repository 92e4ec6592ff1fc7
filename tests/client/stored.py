"""A script (see conftest.py): prints, as JSON, all that the database of this environment holds of a project's runs."""

import json
import sys

import django

django.setup()

from django.utils import timezone  # noqa: E402  # the models need set-up Django

from runs import states  # noqa: E402
from runs.history import store  # noqa: E402
from runs.models import Run, StreamName  # noqa: E402

entity, project = sys.argv[1:]
print(
    json.dumps(
        [
            {
                "name": run.name,
                "display_name": run.display_name,
                "group": run.group,
                "job_type": run.job_type,
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
    )
)
