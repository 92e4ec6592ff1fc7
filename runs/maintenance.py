"""What nobody waits for. All else works without it; it may run at any time, beside the server and beside itself."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from runs.history import store
from runs.models import (
    Artifact,
    ArtifactAlias,
    ArtifactClient,
    ArtifactCollection,
    ArtifactContent,
    ArtifactFile,
    ArtifactManifest,
    Column,
    Run,
    RunArtifact,
    RunFile,
    Stream,
    StreamName,
    Sweep,
    SweepAgent,
    Trial,
)

log = logging.getLogger(__name__)

_ROWS = 500  # in one transaction


def tails_seal(*, quiet: timedelta) -> int:
    """Seal what is left unsealed of runs without a sign of life for so long; how many. A transaction for each run.

    A run that goes on, however slowly, is not sealed here: its series would end up in crumbs.
    """
    limit = timezone.now() - quiet
    unsealed = Stream.objects.filter(sealed_lines__lt=F("lines"), run__heartbeat_at__lt=limit, run__deleted_at=None)
    keys = list(
        unsealed.exclude(stream=StreamName.CONSOLE).order_by("run_id").values_list("run_id", flat=True).distinct()
    )
    sealed = 0
    for key in keys:
        with transaction.atomic():
            # It may have come back since it was listed.
            if Run.objects.select_for_update().filter(pk=key, heartbeat_at__lt=limit, deleted_at=None).exists():
                store.seal(run_id=key)
                sealed += 1
    return sealed


def deleted_purge(*, after: timedelta) -> int:
    """Remove runs that were deleted so long ago, with all their rows and files; how many. Small transactions: what an
    interruption leaves of a run, the run's own row with it, goes the next time."""
    limit = timezone.now() - after
    return _runs_remove(Run.objects.filter(deleted_at__lt=limit))


def project_empty(*, project_id: uuid.UUID) -> None:
    """Remove all that was logged to a project that nobody writes to any more: runs, sweeps, artifacts, columns. Small
    transactions, as above; what is stored of artifacts nothing refers to afterwards, and goes as such."""
    _runs_remove(Run.objects.filter(project=project_id))
    of_artifact = {"artifact__collection__project": project_id}
    for rows in (
        Trial.objects.filter(sweep__project=project_id),
        SweepAgent.objects.filter(sweep__project=project_id),
        Sweep.objects.filter(project=project_id),
        RunArtifact.objects.filter(**of_artifact),  # by runs of other projects
        ArtifactFile.objects.filter(**of_artifact),
        ArtifactContent.objects.filter(project=project_id),
        ArtifactManifest.objects.filter(**of_artifact),
        ArtifactAlias.objects.filter(collection__project=project_id),
        ArtifactClient.objects.filter(**of_artifact),
        Artifact.objects.filter(collection__project=project_id),
        ArtifactCollection.objects.filter(project=project_id),
        Column.objects.filter(project=project_id),
    ):
        while keys := list(rows.order_by().values_list("pk", flat=True)[:_ROWS]):
            # What refers to them is gone: to look for it would read whole tables of other projects' histories.
            rows.model._base_manager.filter(pk__in=keys)._raw_delete(rows.db)


def _runs_remove(runs: models.QuerySet[Run]) -> int:
    keys = list(runs.order_by("id").values_list("id", flat=True))
    for key in keys:
        for model in owned_models():
            while _some_removed(model, key):
                pass
        Run.objects.filter(pk=key).delete()
    return len(keys)


def owned_models() -> list[type[models.Model]]:
    """The tables whose rows belong to a run."""
    found = apps.get_app_config("runs").get_models()
    return [model for model in found if any(field.name == "run" for field in model._meta.fields)]


def _some_removed(model: type[models.Model], run: uuid.UUID) -> bool:
    rows = model._default_manager.filter(run=run)
    keys = list(rows.order_by().values_list("pk", flat=True)[:_ROWS])
    if not keys:
        return False
    some = model._default_manager.filter(pk__in=keys)
    stored = list(some.exclude(stored_as="").values_list("stored_as", flat=True)) if model is RunFile else []
    with transaction.atomic():
        some.delete()
    for name in stored:
        try:
            default_storage.delete(name)
        except OSError:
            # Nothing refers to it any more: what looks for such files removes it.
            log.exception("Not removed: %s", name)
    return True
