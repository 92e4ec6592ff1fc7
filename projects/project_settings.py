"""What people decide of a project: its name, who sees it, whether it stays. Views ask who may first."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from projects.models import Entity, Project, Visibility
from projects.names import BadName, project_name_check
from runs.maintenance import project_empty
from runs.models import Run, State
from runs.states import alive_since

log = logging.getLogger(__name__)

RESTORED_WITHIN = timedelta(days=7)
MAX_DESCRIPTION = 2000


class SettingRefused(ValueError):
    """A change that can't be; the text is for the person who asked for it."""


def project_describe(*, project: Project, text: str) -> None:
    """Raises SettingRefused."""
    text = text.replace("\r\n", "\n").strip()
    if len(text) > MAX_DESCRIPTION or "\0" in text:
        raise SettingRefused(f"A description has at most {MAX_DESCRIPTION} characters.")
    Project.objects.filter(pk=project.pk).update(description=text)


def visibility_set(*, project: Project, visibility: Visibility) -> None:
    Project.objects.filter(pk=project.pk).update(visibility=visibility)


def project_rename(*, project: Project, name: str) -> None:
    """Runs and all else stay: they hang on the project's id. Raises SettingRefused.

    Clients go on sending to the name they began with and give up on a 404: so not while any is at it.
    """
    try:
        project_name_check(name)
    except BadName as error:
        raise SettingRefused(str(error)) from None
    running = Run.objects.filter(project=project, state=State.RUNNING, deleted_at=None)
    if running.filter(heartbeat_at__gte=alive_since(timezone.now())).exists():
        raise SettingRefused("Runs are logging to it under this name. Rename it when they have finished.")
    try:
        with transaction.atomic():
            Project.objects.filter(pk=project.pk).update(name=name)
    except IntegrityError:
        raise SettingRefused(f"There is a project “{name}” already.") from None


def project_delete(*, project: Project) -> None:
    """It is gone for everybody; admins can bring it back for RESTORED_WITHIN. Its name is free at once."""
    Project.objects.filter(pk=project.pk, deleted_at=None).update(deleted_at=timezone.now())


def projects_restorable(entity: Entity) -> list[Project]:
    """Those deleted of late, the latest first."""
    since = timezone.now() - RESTORED_WITHIN
    return list(Project.objects.filter(entity=entity, deleted_at__gte=since).order_by("-deleted_at"))


def project_restore(*, entity: Entity, id: uuid.UUID) -> Project:
    """Raises SettingRefused."""
    found = next((project for project in projects_restorable(entity) if project.pk == id), None)
    if found is None:
        raise SettingRefused("It is too late: the project is gone.")
    try:
        with transaction.atomic():
            Project.objects.filter(pk=id).update(deleted_at=None)
    except IntegrityError:
        raise SettingRefused(f"There is another project “{found.name}” by now: rename or delete that one.") from None
    return found


def projects_purge() -> int:
    """Remove for good what was deleted a day longer ago than it can be restored; how many projects."""
    limit = timezone.now() - RESTORED_WITHIN - timedelta(days=1)
    gone = list(Project.objects.filter(deleted_at__lt=limit))
    for project in gone:
        project_empty(project_id=project.pk)
        project.delete()
        log.info("Project %s removed for good", project.pk)
    return len(gone)
