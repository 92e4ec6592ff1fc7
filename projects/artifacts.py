"""Artifacts as pages show them: what a project has, one version with its lineage, what a run produced and used."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from projects.access import Person, visible_projects
from projects.models import Project
from runs.artifacts import artifact_named
from runs.models import Artifact, ArtifactCollection, Role, Run

# Lineage on a page: a dataset may have been used by any number of runs.
MAX_RUNS = 100
MAX_VERSIONS = 100


@dataclass(frozen=True, slots=True)
class Lineage:
    """Runs or versions, the first of them, and how many more there are."""

    shown: list[Run] | list[Artifact]
    left_out: int = 0


def collections_of(project: Project, *, type: str = "", search: str = "") -> QuerySet[ArtifactCollection]:
    """Those with a version, the last changed first, each with its newest: `newest`, `newest_size`, `kept`."""
    newest = Artifact.objects.filter(collection=OuterRef("pk"), version__isnull=False).order_by("-version")
    kept = Count("artifacts", filter=Q(artifacts__version__isnull=False))
    found = ArtifactCollection.objects.filter(project=project).annotate(
        newest=Subquery(newest.values("version")[:1]), newest_size=Subquery(newest.values("size")[:1]), kept=kept
    )
    found = found.filter(newest__isnull=False)
    if type:
        found = found.filter(type=type)
    if search:
        found = found.filter(name__icontains=search)
    return found.order_by("-changed_at", "id")


def types_of(project: Project) -> list[tuple[str, int]]:
    """Each type with how many collections it has."""
    found = ArtifactCollection.objects.filter(project=project, versions__gt=0).order_by("type")
    return list(found.values_list("type").annotate(Count("pk")))


def version_of(project: Project, *, type: str, name: str, version: str) -> Artifact | None:
    """By number (`v3`) or alias."""
    found = artifact_named(project.id, f"{name}:{version}")
    return found if found is not None and found.collection.type == type else None


def versions_of(collection: ArtifactCollection) -> list[Artifact]:
    """The newest MAX_VERSIONS, with their aliases."""
    found = collection.artifacts.filter(version__isnull=False).prefetch_related("aliases")
    return list(found.order_by("-version")[:MAX_VERSIONS])


def runs_of(person: Person, artifact: Artifact, role: Role) -> Lineage:
    """Runs that produced or used a version, the first first; of projects that the person sees."""
    lineage = {"artifacts__artifact": artifact, "artifacts__role": role}
    seen = Run.objects.filter(project__in=visible_projects(person), deleted_at=None, **lineage)
    shown = seen.select_related("project__entity").defer("config", "summary", "client_info")
    return _lineage(shown.order_by("artifacts__at", "id"), MAX_RUNS)


def artifacts_of(person: Person, run_id: uuid.UUID, role: Role) -> Lineage:
    """Versions that a run produced or used, the last first; of projects that the person sees."""
    seen = {"version__isnull": False, "collection__project__in": visible_projects(person)}
    found = Artifact.objects.filter(runs__run=run_id, runs__role=role, **seen)
    return _lineage(found.select_related("collection__project__entity").order_by(F("runs__at").desc(), "id"), MAX_RUNS)


def _lineage(found: QuerySet, most: int) -> Lineage:
    shown = list(found[: most + 1])
    return Lineage(shown[:most], found.count() - most if len(shown) > most else 0)
