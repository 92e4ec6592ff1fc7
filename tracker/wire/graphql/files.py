"""Files of a run: where to put them, and what there is."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ariadne import MutationType, ObjectType
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from graphql import GraphQLError, GraphQLResolveInfo

from runs import ingest
from runs.models import Artifact, Run, RunFile
from tracker.wire.graphql.context import context_of, resolver, run_to_write, run_to_write_by_id
from tracker.wire.graphql.runs import Connection, connection, page, run_type
from tracker.wire.uploads import download_url, file_name_check, upload_url

_WILDCARDS = 4

mutation = MutationType()
file_type = ObjectType("File")

BINDINGS = [mutation, file_type, run_type]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNode:
    """A file that is no run's: its fields under the names that RunFile has, or those of the client."""

    id: str
    name: str
    size: int = 0
    md5: str = ""
    uploaded_at: datetime | None = None
    content_type: str | None = None
    url: str | None = None
    uploadUrl: str | None = None
    uploadHeaders: tuple[str, ...] = ()
    uploadMultipartUrls: None = None
    storagePath: str = ""
    artifact: Artifact | None = None


@mutation.field("createRunFiles")
def create_run_files(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    context = context_of(info)
    names: list[str] = input["files"]
    for name in names:
        file_name_check(name)
    run = run_to_write(context, entity=input.get("entityName"), project=input.get("projectName"), name=input["runName"])
    ingest.file_requested(run_id=run.id, names=names)
    files = [{"name": name, "uploadUrl": upload_url(context.request, run.id, name)} for name in names]
    return {"runID": run.id, "uploadHeaders": [], "files": files}


@mutation.field("markRunFilesUploaded")
def mark_run_files_uploaded(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, bool]:
    """Nothing to do: a file counts from the moment its bytes have arrived."""
    run_to_write(
        context_of(info), entity=input.get("entityName"), project=input.get("projectName"), name=input["runName"]
    )
    return {"success": True}


@mutation.field("deleteFiles")
def delete_files(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, bool]:
    context = context_of(info)
    names: dict[str, list[str]] = defaultdict(list)
    for id in input["files"]:
        run, _, name = id.partition(":")
        names[run].append(name)
    # All are found before any is gone.
    runs = [(run_to_write_by_id(context, key), of_run) for key, of_run in names.items()]
    for run, of_run in runs:
        for stored_as in ingest.file_delete(run_id=run.id, names=of_run):
            default_storage.delete(stored_as)
    return {"success": True}


def _stored(run: Run) -> QuerySet[RunFile]:
    return RunFile.objects.filter(run=run).exclude(stored_as="")


@run_type.field("fileCount")
def run_file_count(run: Run, info: GraphQLResolveInfo) -> int:
    return _stored(run).count()


@run_type.field("files")
def run_files(
    run: Run,
    info: GraphQLResolveInfo,
    names: list[str] | None = None,
    after: str | None = None,
    first: int | None = None,
    pattern: str | None = None,
) -> Connection:
    files = _stored(run).order_by("name")
    if names:
        files = files.filter(name__in=names)
    if pattern:
        files = files.filter(name__regex=_like(pattern))
    start, size = page(after, first)
    found = list(files[start : start + size + 1])
    for file in found:
        file.run = run
    return connection(found, start, size)


def _like(pattern: str) -> str:
    """SQL's LIKE as a regular expression; with many `%` its matching would take for ever."""
    if pattern.count("%") > _WILDCARDS:
        raise GraphQLError(f"a pattern has at most {_WILDCARDS} %")
    letters = {"%": ".*", "_": "."}
    return f"^{''.join(letters.get(letter, re.escape(letter)) for letter in pattern)}$"


@file_type.field("id")
def file_id(file: RunFile | FileNode, info: GraphQLResolveInfo) -> str:
    return file.id if isinstance(file, FileNode) else f"{file.run_id}:{file.name}"


@file_type.field("url")
@file_type.field("directUrl")
def file_url(file: RunFile | FileNode, info: GraphQLResolveInfo, upload: bool | None = None) -> str | None:
    if isinstance(file, FileNode):
        return file.url
    context, project = context_of(info), file.run.project
    if not upload:
        return download_url(
            context.request, entity=project.entity.name, project=project.name, run=file.run.name, name=file.name
        )
    return upload_url(context.request, file.run_id, file.name) if context.may_write(project.entity) else None


file_type.set_field("sizeBytes", resolver("size"))
file_type.set_field("mimetype", resolver("content_type"))
file_type.set_field("updatedAt", resolver("uploaded_at"))
file_type.set_field("displayName", resolver("name"))
file_type.set_field("digest", resolver("md5"))
