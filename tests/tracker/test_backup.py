from __future__ import annotations

import io
import json
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests
import zstandard
from django.apps import apps
from django.core.management import CommandError, call_command

from tests.live import Hand, LiveServer, own_database, serve
from tracker import backup

pytestmark = [pytest.mark.client, pytest.mark.on_both]

UPSERT = """mutation Upsert($name: String!) {
    upsertBucket(input: {modelName: "digits", name: $name, config: "{\\"lr\\": {\\"value\\": 0.1}}"}) { inserted }
}"""
FILES = """mutation Files($files: [String!]!) {
    createRunFiles(input: {entityName: "ada", projectName: "digits", runName: "r0", files: $files}) {
        files { name uploadUrl }
    }
}"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with serve(tmp_path_factory.mktemp("source")) as server:
        yield server


@pytest.fixture
def empty(source: LiveServer, tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Makes installations, without a server, on new databases: of the same kind, or SQLite."""
    with ExitStack() as stack:

        def make(name: str, *, sqlite: bool = False) -> LiveServer:
            database = {} if sqlite else stack.enter_context(own_database())
            kept = {key: value for key, value in source.environment.items() if key != "DATABASE_URL"}
            environment = kept | database | {"DATA_DIR": str(tmp_path / name)}
            hand = Hand(environment)
            stack.callback(hand.stop)
            return replace(source, environment=environment, hand=hand)

        yield make


def ask(source: LiveServer, path: str, body: dict[str, Any]) -> Any:
    answer = requests.post(f"{source.url}{path}", json=body, auth=("api", source.api_key), timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def log(source: LiveServer, run: str, first: int, count: int) -> None:
    lines = [json.dumps({"_step": i, "loss": i / 7, "acc": 1.0}) for i in range(first, first + count)]
    files = {"wandb-history.jsonl": {"offset": first, "content": lines}}
    ask(source, f"/files/ada/digits/{run}/file_stream", {"files": files})


def read(path: Path) -> dict[str, bytes]:
    with zstandard.open(path, "rb") as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}


def write(path: Path, members: dict[str, bytes]) -> Path:
    with zstandard.open(path, "wb") as plain, tarfile.open(fileobj=plain, mode="w|") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def held(path: Path) -> dict[str, list[str]]:
    """Rows by table, in no order: databases return them in theirs."""
    found: dict[str, list[str]] = {}
    for name, data in read(path).items():
        if name.startswith("tables/"):
            rows = pa.ipc.open_file(data).read_all().to_pylist()
            found.setdefault(name.split("/")[1], []).extend(map(repr, rows))
    return {table: sorted(rows) for table, rows in found.items()}


def manifest(path: Path) -> dict[str, Any]:
    return json.loads(read(path)["manifest.json"])


def test_what_is_restored_is_what_was_backed_up_on_either_database(source, empty, tmp_path: Path) -> None:
    for run in ("r0", "r1"):
        ask(source, "/graphql", {"query": UPSERT, "variables": {"name": run}})
        log(source, run, 0, 5000)
    log(source, "r0", 5000, 10)
    ask(source, "/files/ada/digits/r1/file_stream", {"complete": True, "exitcode": 0})
    made = ask(source, "/graphql", {"query": FILES, "variables": {"files": ["model ü.bin"]}})
    (file,) = made["data"]["createRunFiles"]["files"]
    content = bytes(range(256)) * 5000
    assert requests.put(file["uploadUrl"], data=content, timeout=60).status_code == 200

    first = tmp_path / "first.tar.zst"
    said = source.manage("backup", str(first))
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    wanted = manifest(first)
    assert said == f"{sum(wanted['rows'].values())} rows and 1 files written to {first}"
    assert wanted["rows"]["runs_run"] == 2
    assert wanted["rows"]["runs_historychunk"] > 0
    assert wanted["rows"]["runs_historytail"] > 0

    at = first
    for name, sqlite in (("other", True), ("same", False)):  # by way of SQLite and back
        there = empty(name, sqlite=sqlite)
        there.manage("restore", str(at))
        at = tmp_path / f"{name}.tar.zst"
        there.manage("backup", str(at))
        found = manifest(at)
        assert found["database"] == ("sqlite" if sqlite else wanted["database"])
        assert (found["rows"], held(at)) == (wanted["rows"], held(first))
        assert [path.read_bytes() for path in (tmp_path / name / "files").rglob("*") if path.is_file()] == [content]

    with serve(tmp_path / "same", database={k: v for k, v in there.environment.items() if k == "DATABASE_URL"}) as up:
        # Keys, runs and histories are known there, and new rows get new numbers.
        answer = requests.get(f"{up.url}/api/ada/digits/series?metric=loss", auth=("api", source.api_key), timeout=60)
        before = requests.get(
            f"{source.url}/api/ada/digits/series?metric=loss", auth=("api", source.api_key), timeout=60
        )
        assert answer.status_code == 200
        assert answer.json() == before.json()
        log(replace(up, api_key=source.api_key), "r0", 5010, 10)


def test_a_backup_is_of_one_instant_while_lines_come_in(source, empty, tmp_path: Path) -> None:
    ask(source, "/graphql", {"query": UPSERT, "variables": {"name": "busy"}})
    log(source, "busy", 0, 100)
    done, sent, failed = threading.Event(), [100], []

    def go_on() -> None:
        try:
            while not done.is_set():
                log(source, "busy", sent[0], 100)
                sent[0] += 100
        except BaseException as error:
            failed.append(error)

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        before = sent[0]
        source.manage("backup", str(tmp_path / "busy.tar.zst"))
    finally:
        done.set()
        writer.join()
    assert not failed
    assert sent[0] > before  # nobody was kept waiting
    there = empty("busy")
    there.manage("restore", str(tmp_path / "busy.tar.zst"))
    code = """
from runs.models import *
from runs.history import store
run = Run.objects.get(name="busy")
rows = list(store.rows(run_id=run.id, stream=StreamName.HISTORY))
print(run.history_lines, Stream.objects.get(run=run, stream="history").lines, len(rows), rows[-1]["_step"] + 1)
"""
    (kept,) = set(there.manage("shell", "--no-imports", "-c", code).split())
    assert before <= int(kept) <= sent[0]


def test_only_an_empty_database_is_filled_and_only_from_what_is_whole(source, empty, tmp_path: Path) -> None:
    path = tmp_path / "whole.tar.zst"
    source.manage("backup", str(path))
    members = read(path)
    with pytest.raises(AssertionError, match="is there already"):
        source.manage("backup", str(path))
    with pytest.raises(AssertionError, match="the database is not empty: there are rows in"):
        source.manage("restore", str(path))

    there = empty("there")
    there.manage("migrate")
    table = next(name for name in members if name.startswith("tables/projects_user/"))
    broken = {
        "damaged": members | {table: members[table][:-1] + b"x"},
        "damaged: files/x": members | {"files/x": b"?"},
        "has no manifest": {name: data for name, data in members.items() if name != "manifest.json"},
    }
    for number, (said, held) in enumerate(broken.items()):
        with pytest.raises(AssertionError, match=said):
            there.manage("restore", str(write(tmp_path / f"{number}.tar.zst", held)))
    short = tmp_path / "short.tar.zst"
    short.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AssertionError, match="can't be read as a backup"):
        there.manage("restore", str(short))
    there.manage("restore", str(path))  # all of these left nothing behind


def test_an_older_backup_is_migrated_and_a_newer_one_refused(source, empty, tmp_path: Path) -> None:
    path = tmp_path / "new.tar.zst"
    source.manage("backup", str(path))
    members = read(path)

    def of(migrations: list[str], without: str) -> Path:
        said = json.loads(members["manifest.json"])
        said["migrations"]["projects"] = migrations
        said["sha256"] = {name: value for name, value in said["sha256"].items() if without not in name}
        held = {name: data for name, data in members.items() if without not in name}
        return write(tmp_path / f"{migrations[-1]}.tar.zst", held | {"manifest.json": json.dumps(said).encode()})

    known = json.loads(members["manifest.json"])["migrations"]["projects"]
    old, new = of(known[: known.index("0006_inbox")], "inbox"), of([*known, "9999_later"], "inbox")
    there = empty("there")
    with pytest.raises(AssertionError, match="no projects.9999_later here"):
        there.manage("restore", str(new))
    there.manage("restore", str(old))
    there.manage("migrate", "--check")
    migrated = empty("migrated")
    migrated.manage("migrate")
    with pytest.raises(AssertionError, match="restore into one without tables"):
        migrated.manage("restore", str(old))


def test_every_field_of_every_table_has_a_type_in_the_archive() -> None:
    assert all(backup._schema(model).names for model in apps.get_models(include_auto_created=True))


@pytest.mark.django_db(transaction=True)
def test_a_database_of_another_version_is_not_backed_up(tmp_path: Path) -> None:
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder(connection).record_applied("projects", "9999_later")
    try:
        with pytest.raises(CommandError, match="not of this version"):
            call_command("backup", str(tmp_path / "x.tar.zst"))
    finally:
        MigrationRecorder(connection).record_unapplied("projects", "9999_later")
    assert not list(tmp_path.glob("*.zst*"))
