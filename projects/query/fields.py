"""What a run can be grouped, sorted and filtered by: run fields as data, config and summary columns by their key."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, NullIf, TruncDate

from projects.models import Project
from projects.query.runset import CONFIG, RUN, SUMMARY, BadQuery, Field
from runs.columns import column_id
from runs.models import Column, Kind, Scope
from runs.states import state_expression


class Type(enum.Enum):
    """How the values of a run field are typed, compared and shown."""

    TEXT = "text"  # "" is not set
    TAGS = "tags"  # many per run
    TIME = "time"
    DAY = "day"
    SECONDS = "seconds"
    COUNT = "count"  # of a group; only to sort by


@dataclass(frozen=True, slots=True)
class RunField:
    key: str
    label: str
    type: Type
    expression: Callable[[datetime], Combinable]  # SQL over Run at a moment
    groupable: bool = True


def _column(name: str) -> Callable[[datetime], Combinable]:
    return lambda now: NullIf(F(name), Value("", output_field=TextField()))


RUN_FIELDS: dict[str, RunField] = {
    field.key: field
    for field in (
        RunField("group", "Group", Type.TEXT, _column("group")),
        RunField("job_type", "Job type", Type.TEXT, _column("job_type")),
        RunField("tags", "Tags", Type.TAGS, lambda now: F("tags")),
        RunField("state", "State", Type.TEXT, state_expression),
        RunField("user", "User", Type.TEXT, _column("user_name")),
        RunField("host", "Host", Type.TEXT, _column("host")),
        RunField("display_name", "Name", Type.TEXT, _column("display_name")),
        RunField("name", "Run id", Type.TEXT, _column("name")),
        RunField("program", "Program", Type.TEXT, _column("program")),
        RunField("git_commit", "Git commit", Type.TEXT, _column("git_commit")),
        RunField("sweep", "Sweep", Type.TEXT, _column("sweep")),
        RunField("created_day", "Created day", Type.DAY, lambda now: TruncDate("created_at")),
        RunField("created_at", "Created", Type.TIME, lambda now: F("created_at"), groupable=False),
        RunField("heartbeat_at", "Last heartbeat", Type.TIME, lambda now: F("heartbeat_at"), groupable=False),
        RunField(
            "duration",
            "Duration",
            Type.SECONDS,
            lambda now: Coalesce("ended_at", "heartbeat_at") - F("created_at"),
            groupable=False,
        ),
        RunField("notes", "Notes", Type.TEXT, _column("notes"), groupable=False),
        RunField("runs", "Runs", Type.COUNT, lambda now: Value(1), groupable=False),
    )
}


def field_from(text: str) -> Field:
    """The inverse of str(field). Raises BadQuery for a run field there is not."""
    scope, dot, key = text.partition(".")
    if dot and scope in (CONFIG, SUMMARY):
        return Field(scope, key)
    if text not in RUN_FIELDS:
        raise BadQuery(f"there is no run field “{text[:100]}”; columns begin with config. or summary.")
    return Field(RUN, text)


def label(field: Field) -> str:
    """As shown: a run field's name, a column's dotted key."""
    return RUN_FIELDS[field.key].label if field.scope == RUN else field.key


def groupable(field: Field) -> bool:
    return field.scope != RUN or RUN_FIELDS[field.key].groupable


def id_of(project: Project, field: Field) -> str:
    """The column's id of a config or summary field, as hex."""
    return column_id(project.id, Scope(field.scope), field.key).hex


def numeric_fields(project: Project, fields: Sequence[Field]) -> dict[Field, int]:
    """Those of `fields` with numbers to take statistics of, each with the kinds seen in it. One query."""
    by_id = {id_of(project, field): field for field in fields if field.scope != RUN}
    found = Column.objects.filter(id__in=by_id).values_list("id", "kinds")
    columns = {by_id[id.hex]: kinds for id, kinds in found if kinds & Kind.NUMBER}
    timed = [field for field in fields if field.scope == RUN and RUN_FIELDS[field.key].type is Type.SECONDS]
    return columns | dict.fromkeys(timed, int(Kind.NUMBER))
