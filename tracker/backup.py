"""Everything the site keeps, as one archive: rows of all tables and stored files. For any database, from any database.

The archive is a zstd-compressed tar, written and read as a stream:

    tables/TABLE/NUMBER.arrow   some rows of a table, an Arrow IPC file
    files/PATH                  a stored file
    manifest.json               the last: version, migrations, rows of each table, SHA-256 of each member

Rows are those of one instant: they are read in one snapshot, which keeps no writer waiting. Files are read after it, so
a file that a row names is missing only if it was replaced or removed meanwhile. Restoring uses no model of today's: it
makes the tables of the migrations that the archive was made at, and fills them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tomllib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal, cast

import pyarrow as pa
import zstandard
from django.apps import apps
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management.color import no_style
from django.db import DataError, connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

FORMAT = 1
_MANIFEST = "manifest.json"
_MADE_BY_MIGRATING = ("auth_permission", "django_content_type")  # in this order, for the first refers to the second
_PART_BYTES = 8 << 20  # of values in one member
_ROWS = 200  # fetched at once: some hold half a megabyte
_COPIED = 1 << 20

_UUID = pa.binary(16)
_TIME = pa.timestamp("us", tz="UTC")
_TYPES: dict[str, pa.DataType] = {
    "UUIDField": _UUID,
    "DateTimeField": _TIME,
    "BinaryField": pa.binary(),
    "BooleanField": pa.bool_(),
    "FloatField": pa.float64(),
    "CharField": pa.string(),
    "TextField": pa.string(),
    **dict.fromkeys(
        ("AutoField", "BigAutoField", "IntegerField", "BigIntegerField", "SmallIntegerField",
         "PositiveIntegerField", "PositiveSmallIntegerField"),
        pa.int64(),
    ),
}  # fmt: skip


class BackupError(Exception):
    """Why there is no backup, or nothing was restored; the text is for whoever asked."""


@dataclass
class Manifest:
    version: str
    made_at: str
    database: str
    migrations: dict[str, list[str]]
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    sha256: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT


def backup(path: Path) -> Manifest:
    """Write the archive, readable by its owner alone; it has its name once it is whole. Raises BackupError."""
    loader = MigrationLoader(connection)
    if loader.applied_migrations.keys() != loader.graph.nodes.keys():
        raise BackupError(
            "the database is not of this version: back up with the version that serves it, or migrate first"
        )
    if path.exists():
        raise BackupError(f"{path} is there already")
    part = path.with_name(f"{path.name}.part")
    try:
        part.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise BackupError(f"{part} is there already: of another backup, or of one that was broken off") from None
    try:
        with part.open("wb") as out:
            packer = zstandard.ZstdCompressor(threads=-1)
            with packer.stream_writer(out, closefd=False) as packed, _tar(packed, "w|") as tar:
                manifest = _written(tar)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.rename(path)
    return manifest


def restore(path: Path) -> Manifest:
    """Fill an empty database and the file storage from an archive, all of it or no row. Raises BackupError."""
    manifest = _verified(path)
    _empty_check()
    _tables_make(manifest)
    with transaction.atomic(), _members(path) as members:
        with connection.cursor() as cursor:
            for table in _MADE_BY_MIGRATING:
                cursor.execute(f"DELETE FROM {table}")
        for name, data in members:
            kind, _, rest = name.partition("/")
            if kind == "tables":
                _rows_insert(rest.rpartition("/")[0], data)
            elif kind == "files":
                default_storage.delete(rest)  # of a former try
                default_storage.save(rest, File(data, name=rest))
        connection.check_constraints()
        there = connection.introspection.django_table_names(only_existing=True)
        numbered = [model for model in _models() if model._meta.db_table in there]  # an older archive has fewer
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), numbered):
                cursor.execute(statement)
    return manifest


class _Digest:
    """Passes bytes on and knows their SHA-256."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._hash = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        return data

    def hexdigest(self) -> str:
        """Of what was read."""
        return self._hash.hexdigest()


def _written(tar: tarfile.TarFile) -> Manifest:
    with _snapshot():
        manifest = Manifest(_version(), datetime.now(UTC).isoformat(), connection.vendor, _applied())
        for model in _models():
            manifest.rows[model._meta.db_table] = 0
            for number, rows in enumerate(_parts(model)):
                name = f"tables/{model._meta.db_table}/{number:08}.arrow"
                data = _packed(model, rows)
                _member_add(tar, manifest, name, io.BytesIO(data), len(data))
                manifest.rows[model._meta.db_table] += len(rows)
    for name in _stored_files(""):
        try:
            with default_storage.open(name) as stored:
                _member_add(tar, manifest, f"files/{name}", stored, default_storage.size(name))
        except FileNotFoundError:  # removed since it was listed
            continue
        manifest.files += 1
    text = json.dumps(vars(manifest), indent=1, ensure_ascii=False).encode()
    _member_add(tar, manifest, _MANIFEST, io.BytesIO(text), len(text))
    return manifest


def _member_add(tar: tarfile.TarFile, manifest: Manifest, name: str, data: Any, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    # A file that is being uploaded may grow: no more of it is read than was announced.
    digest = _Digest(data)
    tar.addfile(info, cast("IO[bytes]", digest))
    manifest.sha256[name] = digest.hexdigest()


@contextmanager
def _snapshot() -> Iterator[None]:
    """What is read inside is of one instant, and nobody is kept waiting."""
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    with connection.cursor() as cursor:
        # Not atomic(), which takes SQLite's write lock at once (settings). The snapshot is of the first read.
        cursor.execute("BEGIN DEFERRED")
        try:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
            yield
        finally:
            cursor.execute("ROLLBACK")


def _models() -> list[type[models.Model]]:
    """One for each table, those of many-to-many fields too."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy]


def _schema(model: type[models.Model]) -> pa.Schema:
    return pa.schema([(it.column, _type(it)) for it in model._meta.local_concrete_fields if not it.generated])


def _type(it: Any) -> pa.DataType:
    while it.remote_field:
        it = it.target_field
    return _TYPES[it.get_internal_type()]


def _parts(model: type[models.Model]) -> Iterator[list[Sequence[Any]]]:
    """The rows of a table, as the database's driver gives them, some megabytes at a time."""
    quote = connection.ops.quote_name
    columns = ", ".join(quote(name) for name in _schema(model).names)
    part: list[Sequence[Any]] = []
    size = 0
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {quote(model._meta.db_table)}")
        while rows := cursor.fetchmany(_ROWS):
            part += rows
            size += sum(len(value) if isinstance(value, (str, bytes)) else 8 for row in rows for value in row)
            if size > _PART_BYTES:
                yield part
                part, size = [], 0
    if part:
        yield part


def _packed(model: type[models.Model], rows: list[Sequence[Any]]) -> bytes:
    schema = _schema(model)
    columns = []
    for it, values in zip(schema, zip(*rows, strict=True), strict=True):
        if it.type == _UUID:  # text on SQLite
            values = tuple(value and uuid.UUID(str(value)).bytes for value in values)
        columns.append(pa.array(values, it.type))
    out = io.BytesIO()
    with pa.ipc.new_file(out, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    return out.getvalue()


def _rows_insert(table: str, data: IO[bytes]) -> None:
    read = pa.ipc.open_file(pa.BufferReader(data.read())).read_all()
    quote = connection.ops.quote_name
    names = ", ".join(quote(name) for name in read.column_names)
    marks = ", ".join(["%s"] * len(read.column_names))
    columns = [_for_database(column.type, column.to_pylist()) for column in read.columns]
    try:
        with connection.cursor() as cursor:
            rows = zip(*columns, strict=True)
            cursor.executemany(f"INSERT INTO {quote(table)} ({names}) VALUES ({marks})", list(rows))
    except DataError as error:
        # PostgreSQL knows no U+0000.
        raise BackupError(f"{table} holds what this database can't: {error}") from error


def _for_database(kind: pa.DataType, values: list[Any]) -> Iterable[Any]:
    if kind == _UUID:
        made = (value and uuid.UUID(bytes=value) for value in values)
        return made if connection.features.has_native_uuid_field else (value and value.hex for value in made)
    if kind == _TIME:
        return (value and connection.ops.adapt_datetimefield_value(value) for value in values)
    return values


def _stored_files(folder: str) -> Iterator[str]:
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(names):
        yield f"{folder}{name}"
    for below in sorted(folders):
        yield from _stored_files(f"{folder}{below}/")


def _tar(stream: Any, mode: Literal["r|", "w|"]) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode=mode)


@contextmanager
def _members(path: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """Names and bytes of what an archive holds, in order; each is to be read before the next. Raises BackupError."""
    try:
        unpacker = zstandard.ZstdDecompressor()
        with path.open("rb") as packed, unpacker.stream_reader(packed) as plain, _tar(plain, "r|") as tar:
            yield ((info.name, cast("IO[bytes]", tar.extractfile(info))) for info in tar if info.isfile())
    except (tarfile.TarError, zstandard.ZstdError) as error:
        raise BackupError(f"{path} can't be read as a backup: {error}") from error


def _verified(path: Path) -> Manifest:
    """The manifest of an archive that holds what it says, byte for byte. Raises BackupError."""
    found: dict[str, str] = {}
    manifest: Manifest | None = None
    with _members(path) as members:
        for name, data in members:
            if name == _MANIFEST:
                manifest = Manifest(**json.loads(data.read()))
            else:
                digest = _Digest(data)
                while digest.read(_COPIED):
                    pass
                found[name] = digest.hexdigest()
    if manifest is None:
        raise BackupError(f"{path} has no manifest: it is not whole, or no backup")
    if manifest.format != FORMAT:
        raise BackupError(f"{path} is of format {manifest.format}; this version reads {FORMAT}")
    wrong = sorted(
        name for name in found.keys() | manifest.sha256.keys() if found.get(name) != manifest.sha256.get(name)
    )
    if wrong:
        raise BackupError(f"{path} is damaged: {', '.join(wrong[:5])}{' …' if len(wrong) > 5 else ''}")
    return manifest


def _tables_make(manifest: Manifest) -> None:
    """The tables of the archive's migrations, in a database that has none, or has just these. Raises BackupError."""
    executor = MigrationExecutor(connection)
    wanted = {(app, name) for app, names in manifest.migrations.items() for name in names}
    unknown = sorted(f"{app}.{name}" for app, name in wanted - executor.loader.graph.nodes.keys())
    if unknown:
        raise BackupError(f"the backup is of another version ({manifest.version}): no {', '.join(unknown)} here")
    if executor.loader.applied_migrations and executor.loader.applied_migrations.keys() != wanted:
        raise BackupError("the database is migrated further than the backup: restore into one without tables")
    executor.migrate([(app, max(names)) for app, names in manifest.migrations.items()])


def _empty_check() -> None:
    """Only what migrating itself makes may be there. Raises BackupError."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table in {"django_migrations", *_MADE_BY_MIGRATING}:
                continue
            cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")
            if cursor.fetchone():
                raise BackupError(f"the database is not empty: there are rows in {table}")


def _applied() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        found.setdefault(app, []).append(name)
    return found


def _version() -> str:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    return str(project["version"])
