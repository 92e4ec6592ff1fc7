"""Groupings kept under a name. The only writer of presets."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import IntegrityError, transaction

from projects.models import GroupingPreset, Project
from projects.names import MAX_TITLE, title_from
from projects.query.natural import natural_text
from projects.query.runset import BadQuery, Field
from projects.query.splits import group_field_from, group_field_text

MOST_PRESETS = 100  # of a project


class PresetError(ValueError):
    """A preset that can't be saved; the text is for the person who asked for it."""


def presets(project: Project) -> list[tuple[GroupingPreset, tuple[Field, ...]]]:
    """In natural order, with the fields of each. One query."""
    found = sorted(GroupingPreset.objects.filter(project=project), key=lambda it: natural_text(it.name))
    return [(preset, fields) for preset in found if (fields := _fields(preset))]


def preset_create(*, project: Project, name: str, fields: Sequence[Field]) -> GroupingPreset:
    """Raises PresetError."""
    name = _name(name)
    if not fields:
        raise PresetError("Choose the fields to group by first.")
    if GroupingPreset.objects.filter(project=project).count() >= MOST_PRESETS:
        raise PresetError(f"At most {MOST_PRESETS} groupings can be kept; delete one first.")
    try:
        with transaction.atomic():
            return GroupingPreset.objects.create(
                project=project, name=name, fields=[group_field_text(field) for field in fields]
            )
    except IntegrityError:
        raise _taken(name) from None


def preset_rename(*, project: Project, id: uuid.UUID, name: str) -> None:
    """Raises PresetError."""
    name = _name(name)
    try:
        with transaction.atomic():
            GroupingPreset.objects.filter(project=project, pk=id).update(name=name)
    except IntegrityError:
        raise _taken(name) from None


def preset_delete(*, project: Project, id: uuid.UUID) -> None:
    GroupingPreset.objects.filter(project=project, pk=id).delete()


def _fields(preset: GroupingPreset) -> tuple[Field, ...]:
    """None of what another release wrote and this one doesn't understand."""
    try:
        return tuple(map(group_field_from, preset.fields))
    except BadQuery:
        return ()


def _name(text: str) -> str:
    name = title_from(text)
    if name is None:
        raise PresetError(f"A grouping's name has 1 to {MAX_TITLE} characters.")
    return name


def _taken(name: str) -> PresetError:
    return PresetError(f"There is a grouping named “{name}” already.")
