"""What a resolver knows about the request, and how it finds and refuses."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from graphql import FieldNode, FragmentSpreadNode, GraphQLError, GraphQLResolveInfo, SelectionSetNode

from projects.access import may_write, project_visible, project_writable
from projects.models import Entity, Project, User
from runs.models import Run, run_id
from tracker.wire.errors import Refused

_MAX_NAME = 512


@dataclass
class Context:
    request: HttpRequest
    user: User
    writer: str
    now: datetime = field(default_factory=timezone.now)
    # Where the asking writer's streams go on, by run; other readers get the counts over all writers.
    next_line: dict[uuid.UUID, int] = field(default_factory=dict)
    _writable: dict[uuid.UUID, bool] = field(default_factory=dict)

    def may_write(self, entity: Entity) -> bool:
        """As projects.access says, asked once for all runs of a list."""
        if entity.pk not in self._writable:
            self._writable[entity.pk] = may_write(self.user, entity)
        return self._writable[entity.pk]


def context_of(info: GraphQLResolveInfo) -> Context:
    context = info.context
    assert isinstance(context, Context)
    return context


def fields_asked(info: GraphQLResolveInfo) -> set[str]:
    """Names of all fields asked for at any depth below the one that is resolved."""

    def names(selections: SelectionSetNode | None) -> Iterator[str]:
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                yield from names(info.fragments[node.name.value].selection_set)
            else:
                if isinstance(node, FieldNode):
                    yield node.name.value
                yield from names(getattr(node, "selection_set", None))

    return {name for node in info.field_nodes for name in names(node.selection_set)}


def own_entity(user: User) -> str:
    """What the client shows as the default entity."""
    return Entity.objects.filter(owner=user).values_list("name", flat=True).first() or user.username


def project_to_read(context: Context, entity: str | None, name: str | None) -> Project:
    """Raises NotFound."""
    return project_visible(context.user, entity=entity or own_entity(context.user), name=name or "uncategorized")


def run_to_read(project: Project, name: str) -> Run | None:
    run = Run.objects.filter(pk=run_id(project.id, name), deleted_at=None).first()
    if run is not None:
        run.project = project  # spares a query
    return run


def run_to_write(context: Context, *, entity: str | None, project: str | None, name: str) -> Run:
    """Raises NotFound and GraphQLError."""
    target = project_writable(context.user, entity=entity, name=project or "uncategorized")
    run = run_to_read(target, name)
    if run is None:
        raise GraphQLError(f"run {target}/{name} not found")
    return run


def run_to_write_by_id(context: Context, key: str, *, deleted: bool = False) -> Run:
    """With `deleted`, one that was deleted, too. Raises GraphQLError."""
    run = None
    if (parsed := parse_id(key)) is not None:
        run = Run.objects.select_related("project__entity").filter(pk=parsed, project__deleted_at=None).first()
    if run is None or (run.deleted_at and not deleted) or not may_write(context.user, run.project.entity):
        raise GraphQLError("run not found")
    return run


def run_name_check(name: str) -> str:
    """The client refuses `: ; , # ? / '` itself; here only what no path or database can hold."""
    if not name.strip() or len(name) > _MAX_NAME or "/" in name or not name.isprintable():
        raise Refused(f"a run id has 1 to {_MAX_NAME} printable characters and no slash")
    return name


def parse_id(key: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(key)
    except ValueError:
        return None


def resolver(path: str) -> Callable[..., Any]:
    """A resolver that follows attributes: `project.entity.name`."""
    names = path.split(".")

    def follow(source: Any, _info: GraphQLResolveInfo, **_arguments: Any) -> Any:
        for name in names:
            source = getattr(source, name)
        return source

    return follow


def constant(answer: Any) -> Callable[..., Any]:
    """A resolver that says the same of all."""
    return lambda source, info: answer
