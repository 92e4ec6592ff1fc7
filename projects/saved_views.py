"""What is kept of a workspace, under a name or as the project's default. The only writer of workspaces.

`Workspace.settings` is {"query": what Looking.saved_query says, "layout": layout.Layout, "spec": settings of all its
panels, "sections": {section: settings of its panels}, "colours": {line: hex}, "kept": what a program that saved the
view said of it, given back to that alone}; PanelSettings hold those of single panels. All specs have keys of
line_plot.LinePlot, and only what was changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from projects.layout import Layout
from projects.models import PanelSettings, Project, User, Workspace, default_workspace_id
from projects.names import MAX_TITLE, title_from
from runs.history import store

MOST_VIEWS = 200  # of a person in a project, and of everybody together
MAX_QUERY = 20_000
MOST_COLOURS = 1000

Spec = dict[str, Any]


class ViewError(ValueError):
    """A view that can't be saved; the text is for the person who asked for it."""


@dataclass(frozen=True, slots=True)
class Content:
    """All that a view holds, as Workspace.settings and its PanelSettings do; `panels`: settings by panel key."""

    query: str | None
    layout: Layout
    spec: Spec = field(default_factory=dict)
    sections: dict[str, Spec] = field(default_factory=dict)
    panels: dict[str, Spec] = field(default_factory=dict)
    kept: Spec | None = None


def view_create(*, project: Project, user: User | None, name: str, query: str, like: Workspace) -> Workspace:
    """A view of one person (`user`) or of everybody, with the panels of `like`. Raises ViewError."""
    name = _name(name)
    if Workspace.objects.filter(project=project, user=user).count() >= MOST_VIEWS:
        raise ViewError(f"At most {MOST_VIEWS} views can be kept; delete one first.")
    try:
        with transaction.atomic():
            view = Workspace.objects.create(project=project, user=user, name=name)
            _become(view, like, query)
    except IntegrityError:
        raise ViewError(f"There is a view named “{name}” already.") from None
    return view


def view_write(*, project: Project, user: User | None, id: uuid.UUID, name: str, content: Content) -> Workspace:
    """A view of this id with that content; the same again if it is there. Of a name that is taken, the first free
    “name (2)”. Raises ViewError."""
    with transaction.atomic():
        if not Workspace.objects.filter(pk=id).exists():
            if Workspace.objects.filter(project=project, user=user).count() >= MOST_VIEWS:
                raise ViewError(f"At most {MOST_VIEWS} views can be kept; delete one first.")
            free = _free_name(_name(name), project=project, user=user, id=id)
            Workspace.objects.bulk_create(
                [Workspace(id=id, project=project, user=user, name=free)], ignore_conflicts=True
            )
        view = Workspace.objects.select_for_update().filter(pk=id, project=project).first()
        if view is None:
            raise ViewError(f"There is a view named “{name}” already.")
        view.project = project
        _fill(view, content)
    return view


def view_rewrite(*, view: Workspace, name: str, change: Callable[[Content], Content]) -> None:
    """Another content for what it holds, and a name, made free as view_write does. Raises ViewError."""
    name = _name(name)
    with transaction.atomic():
        kept = _saved(view)
        kept.name = view.name = _free_name(name, project=kept.project, user=kept.user, id=kept.pk, now=kept.name)
        kept.save(update_fields=["name"])
        _fill(kept, change(view_content(kept)))


def view_content(view: Workspace) -> Content:
    settings = view.settings
    return Content(
        query=settings.get("query"),
        layout=Layout.from_json(settings.get("layout", {})),
        spec=settings.get("spec", {}),
        sections=settings.get("sections", {}),
        panels={it.panel: it.settings for it in PanelSettings.objects.filter(workspace_id=view.pk)},
        kept=settings.get("kept"),
    )


def view_update(*, view: Workspace, query: str) -> None:
    """Keep what the address says as what the view shows."""
    _change(view, lambda settings: settings | {"query": _query(query)})


def view_rename(*, view: Workspace, name: str) -> None:
    """Raises ViewError."""
    name = _name(name)
    try:
        with transaction.atomic():
            Workspace.objects.filter(pk=view.pk).update(name=name, changed_at=timezone.now())
    except IntegrityError:
        raise ViewError(f"There is a view named “{name}” already.") from None


def view_delete(*, view: Workspace) -> None:
    Workspace.objects.filter(pk=view.pk).exclude(name="").delete()


def default_set(*, like: Workspace, query: str) -> None:
    """What the project's page shows from now on: the panels of `like`, and what the address says."""
    with transaction.atomic():
        default, _ = Workspace.objects.get_or_create(
            project=like.project, user=None, name="", defaults={"id": default_workspace_id(like.project_id)}
        )
        if default.pk != like.pk:
            _become(default, like, query)
        else:
            view_update(view=default, query=query)


def default_forget(*, project: Project) -> None:
    """The project's page shows what it would had nobody saved anything."""
    Workspace.objects.filter(project=project, user=None, name="").delete()


def panels_reset(*, workspace: Workspace) -> None:
    """A view's panels become those of the project's default; those of the default, one for each metric as it is."""
    with transaction.atomic():
        default = Workspace.objects.filter(project=workspace.project_id, user=None, name="").first()
        if default is not None and default.pk != workspace.pk:
            colours = workspace.settings.get("colours", {})
            _become(workspace, default, workspace.settings.get("query"))
            _change(workspace, lambda settings: settings | {"colours": colours})
            return
        PanelSettings.objects.filter(workspace_id=workspace.pk).delete()
        _change(workspace, lambda settings: {key: settings[key] for key in ("query", "colours") if key in settings})


def layout_change(*, workspace: Workspace, change: Callable[[Layout], Layout]) -> Layout:
    """Apply a change to how the panels are arranged. What `change` raises leaves everything as it was."""
    made = Layout()

    def apply(settings: Spec) -> Spec:
        nonlocal made
        made = change(Layout.from_json(settings.get("layout", {})))
        return settings | {"layout": made.to_json()}

    _change(workspace, apply)
    return made


def spec_save(*, workspace: Workspace, section: str | None, spec: Spec) -> None:
    """The settings of all panels, or of those of a section; empty ones are forgotten."""

    def apply(settings: Spec) -> Spec:
        if section is None:
            return settings | {"spec": spec}
        others = {name: kept for name, kept in settings.get("sections", {}).items() if name != section}
        return settings | {"sections": others | ({section: spec} if spec else {})}

    _change(workspace, apply)


def colour_set(*, workspace: Workspace, line: str, colour: str) -> None:
    """The colour of a group's or a run's line (Tree.line_id, a run's hex id); "": the palette's. Raises ViewError."""

    def apply(settings: Spec) -> Spec:
        others = {other: kept for other, kept in settings.get("colours", {}).items() if other != line}
        if colour and len(others) >= MOST_COLOURS:
            raise ViewError(f"At most {MOST_COLOURS:,} colours can be kept; set some back to their default first.")
        return settings | {"colours": others | ({line: colour} if colour else {})}

    _change(workspace, apply)


def painted(project: Project) -> list[Workspace]:
    """The views with colours that somebody picked."""
    views = Workspace.objects.filter(project=project).annotate(text=Cast("settings", TextField()))
    return [view for view in views.filter(text__contains='"colours"') if view.settings.get("colours")]


def colours_copy(*, workspace: Workspace, lines: Mapping[str, str]) -> None:
    """Those of `lines` for the lines they become, which have none; as many as are kept."""

    def apply(settings: Spec) -> Spec:
        colours = dict(settings.get("colours", {}))
        for line, becomes in lines.items():
            if line in colours and len(colours) < MOST_COLOURS:
                colours.setdefault(becomes, colours[line])
        return settings | {"colours": colours}

    _change(workspace, apply)


def panel_spec_save(*, workspace: Workspace, key: str, spec: Spec) -> None:
    with transaction.atomic():
        kept = _saved(workspace)
        PanelSettings.objects.update_or_create(
            id=uuid.uuid5(kept.pk, key),
            defaults={"workspace": kept, "panel": key, "settings": spec, "changed_at": timezone.now()},
        )


def panel_spec_reset(*, workspace: Workspace, key: str) -> None:
    """Back to what the project's default says of the panel; of the default, to what all panels have."""
    default = Workspace.objects.filter(project=workspace.project_id, user=None, name="").first()
    spec = panel_spec(default, key) if default is not None and default.pk != workspace.pk else {}
    if spec:
        panel_spec_save(workspace=workspace, key=key, spec=spec)
    else:
        PanelSettings.objects.filter(id=uuid.uuid5(workspace.pk, key)).delete()


def panel_specs_read(workspace: Workspace, keys: Iterable[str]) -> None:
    """For every `panel_spec` of these keys in the same snapshot of the history. One query."""
    ids = {uuid.uuid5(workspace.pk, key): key for key in keys}
    found = dict(PanelSettings.objects.filter(id__in=ids).values_list("id", "settings"))
    _read(workspace).update((key, found.get(id, {})) for id, key in ids.items())


def _read(workspace: Workspace) -> dict[str, Spec]:
    return store.kept("panel specs", workspace.pk, dict[str, Spec])


def panel_spec(workspace: Workspace, key: str) -> Spec:
    if (read := _read(workspace).get(key)) is not None:
        return dict(read)
    found = PanelSettings.objects.filter(id=uuid.uuid5(workspace.pk, key)).first()
    return {} if found is None else dict(found.settings)


def specs_of_several(workspace: Workspace) -> dict[str, Spec]:
    """By key the settings of the panels that say themselves which metrics they draw. A query at most."""
    if workspace._state.adding:
        return {}
    kept = PanelSettings.objects.filter(workspace_id=workspace.pk).annotate(text=Cast("settings", TextField()))
    named = kept.filter(Q(text__contains='"metrics"') | Q(text__contains='"metricRegex"'))
    return {
        key: spec for key, spec in named.values_list("panel", "settings") if spec.keys() & {"metrics", "metricRegex"}
    }


def _become(workspace: Workspace, like: Workspace, query: str | None) -> None:
    kept = {key: value for key, value in like.settings.items() if key != "query"}
    workspace.settings = kept | ({} if query is None else {"query": _query(query)})
    workspace.changed_at = timezone.now()
    workspace.save(update_fields=["settings", "changed_at"])
    workspace.panels.all().delete()
    PanelSettings.objects.bulk_create(
        PanelSettings(
            id=uuid.uuid5(workspace.pk, panel.panel), workspace=workspace, panel=panel.panel, settings=panel.settings
        )
        for panel in PanelSettings.objects.filter(workspace_id=like.pk)
    )


def _fill(view: Workspace, content: Content) -> None:
    settings = {
        "query": None if content.query is None else _query(content.query),
        "layout": content.layout.to_json(),
        "spec": content.spec,
        "sections": content.sections,
        "kept": content.kept,
    }
    if "colours" in view.settings:  # of which a program says nothing
        settings["colours"] = view.settings["colours"]
    view.settings = {key: value for key, value in settings.items() if value is not None}
    view.changed_at = timezone.now()
    view.save(update_fields=["settings", "changed_at"])
    view.panels.all().delete()
    PanelSettings.objects.bulk_create(
        PanelSettings(id=uuid.uuid5(view.pk, key), workspace=view, panel=key, settings=spec)
        for key, spec in content.panels.items()
    )


def _free_name(name: str, *, project: Project, user: User | None, id: uuid.UUID, now: str = "") -> str:
    """`now`: what it is called, which it keeps if it has been given that for `name`."""
    others = Workspace.objects.filter(project=project, user=user).exclude(pk=id)
    taken = set(others.filter(name__startswith=name[:50]).values_list("name", flat=True))
    if name not in taken or name == now:
        return name
    numbered = (f"{name[: MAX_TITLE - 6].rstrip()} ({number})" for number in range(2, MOST_VIEWS + 3))
    names = list(numbered)
    return now if now in names else next(it for it in names if it not in taken)


def _saved(workspace: Workspace) -> Workspace:
    """Its row, locked; the project's default is made on first use."""
    if not workspace.name:
        Workspace.objects.get_or_create(project=workspace.project, user=None, name="", defaults={"id": workspace.pk})
        return Workspace.objects.select_for_update().get(project=workspace.project, user=None, name="")
    return Workspace.objects.select_for_update().get(pk=workspace.pk)


def _change(workspace: Workspace, apply: Callable[[Spec], Spec]) -> None:
    """Of several changes at once each sees the ones before."""
    with transaction.atomic():
        kept = _saved(workspace)
        kept.settings = apply(kept.settings)
        kept.changed_at = timezone.now()
        kept.save(update_fields=["settings", "changed_at"])


def _name(text: str) -> str:
    name = title_from(text)
    if name is None:
        raise ViewError(f"A view's name has 1 to {MAX_TITLE} characters.")
    return name


def _query(text: str) -> str:
    if len(text) > MAX_QUERY:
        raise ViewError("The view's address is too long to be kept; fewer hidden or open rows would do.")
    return text
