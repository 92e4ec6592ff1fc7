"""Many cheap clients in one process, a thread each: they speak the client's protocol over HTTP and follow its rule of
retries (connection errors, timeouts, 408, 409, 429 and 5xx but 501 again; other 4xx are final), with shorter waits.

    python -m tests.chaos.raw_client JSON    (see `main`)
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from tests.chaos import script
from tests.chaos.script import ENTITY, PROJECT, Said

_TIMEOUT = 6.0
_WAITS = (0.1, 2.0)  # seconds, from the first to the longest
_GIVE_UP = 150.0
_AGAIN = {408, 409, 429}

_UPSERT = """mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $groupName: String,
 $config: JSONString, $host: String, $program: String) { upsertBucket(input: {id: $id, name: $name, modelName: $project,
 entityName: $entity, groupName: $groupName, config: $config, host: $host, jobProgram: $program}) {
 bucket { id name project { name entity { name } } historyLineCount } inserted } }"""
_RESUME = """query RunResumeStatus($project: String, $entity: String, $name: String!) {
 model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) {
 id historyLineCount eventsLineCount logLineCount } } }"""
_FILES = """mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
 createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
 files { name uploadUrl } } }"""


class Refused(Exception):
    """An answer after which the client gives a run up."""


class Wire:
    def __init__(self, url: str, key: str, random: Random) -> None:
        self._host = urlsplit(url).netloc
        self._headers = {"Authorization": "Basic " + base64.b64encode(f"api:{key}".encode()).decode()}
        self._random = random

    def json(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = self._headers | {"Content-Type": "application/json"}
        answer = self._asked("POST", path, json.dumps(body).encode(), headers)
        said: dict[str, Any] = json.loads(answer)
        if said.get("errors"):
            raise Refused(f"{path}: {said['errors']}")
        return said

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.json("/graphql", {"query": query, "variables": variables})["data"]
        return found

    def put(self, url: str, content: bytes) -> None:
        at = urlsplit(url)
        self._asked("PUT", at.path, content, {})

    def _asked(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        wait, until = _WAITS[0], time.monotonic() + _GIVE_UP
        while True:
            connection = http.client.HTTPConnection(self._host, timeout=_TIMEOUT)
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                said, content = answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                said, content = 0, repr(error).encode()
            finally:
                connection.close()
            if 200 <= said < 300:
                return content
            if said and said not in _AGAIN and (said < 500 or said == 501):
                raise Refused(f"{method} {path}: {said} {content[:300]!r}")
            if time.monotonic() > until:
                raise Refused(f"{method} {path}: nothing but {said} {content[:300]!r} for {_GIVE_UP} s")
            time.sleep(wait * self._random.uniform(1, 1.25))
            wait = min(2 * wait, _WAITS[1])


class Writer:
    """One run of one client."""

    def __init__(self, wire: Wire, run: str, random: Random) -> None:
        self._wire, self._random = wire, random
        self.said = Said(run, "raw")
        self._path = f"/files/{ENTITY}/{PROJECT}/{run}/file_stream"

    def write(self, until: float) -> None:
        """A whole run, which ends in one of several ways, at the latest soon after `until`."""
        try:
            self._write(until)
        except Refused as refusal:
            self.said.refused = str(refusal)

    def _write(self, until: float) -> None:
        self._upsert(starts=True)
        self._stretch(until)
        if self._random.random() < 0.5:
            self._file("result.bin")
        ending = self._random.randrange(5)
        if ending == 0:
            return  # killed: it says nothing more
        if ending == 1:
            self._end(0)
            self._resume()
            self._stretch(min(until, time.monotonic() + 3))
        if ending == 2:
            self._end(3)
        elif ending == 3:
            self._send({"preempting": True})
            self._end(1, state="preempted")
        else:
            self._end(0)

    def _stretch(self, until: float) -> None:
        while time.monotonic() < until:
            self._more(self._random.choice((1, 5, 20, 200)))
            if self._random.random() < 0.1:
                self.said.config += 1
                self._upsert()
            if self._random.random() < 0.05:
                self._file("model.bin")
            time.sleep(self._random.uniform(0.05, 0.4))

    def _upsert(self, *, starts: bool = False, id: str | None = None) -> None:
        said = self.said
        config = {key: {"value": value} for key, value in script.config(said.run, said.config).items()}
        config["_wandb"] = {"value": {"t": {"5": "raw"}}}
        machine = {"host": "node", "program": "train.py"} if starts else {"host": None, "program": None}
        self._wire.graphql(
            _UPSERT, id=id, name=said.run, project=PROJECT, entity=ENTITY, groupName="raw", config=json.dumps(config),
            **machine,
        )  # fmt: skip

    def _more(self, count: int) -> None:
        """The next lines, and a console whose last line was half finished the time before."""
        said = self.said
        steps = range(said.lines, said.lines + count)
        history = [json.dumps(script.logged(said.run, i) | _clocks(i) | {"_step": i}) for i in steps]
        event = json.dumps({"_wandb": True, "system.cpu": said.events} | _clocks(said.events))
        summary = script.summary(said.run, said.lines + count)
        self._send(
            {
                "files": {
                    "wandb-history.jsonl": {"offset": said.lines, "content": history},
                    "wandb-events.jsonl": {"offset": said.events, "content": [event]},
                    "wandb-summary.json": {"offset": 0, "content": [json.dumps(summary)]},
                    "output.log": {
                        "offset": said.console,
                        "content": [_line(said.console), _line(said.console + 1), _line(said.console + 2, final=False)],
                    },
                }
            }
        )
        said.lines, said.events, said.console = said.lines + count, said.events + 1, said.console + 2
        said.summary = summary

    def _file(self, name: str) -> None:
        said = self.said
        content = script.content(f"{said.run}/{name}", said.lines)
        found = self._wire.graphql(_FILES, entity=ENTITY, project=PROJECT, run=said.run, files=[name])
        (file,) = found["createRunFiles"]["files"]
        self._wire.put(file["uploadUrl"], content)
        self._send({"uploaded": [name]})
        said.files[name] = hashlib.md5(content).hexdigest()

    def _end(self, exit_code: int, *, state: str = "") -> None:
        said = self.said
        last = {"output.log": {"offset": said.console, "content": [_line(said.console)]}}
        self._send({"files": last, "complete": True, "exitcode": exit_code})
        said.console += 1
        said.state, said.exit_code = state or ("failed" if exit_code else "finished"), exit_code

    def _resume(self) -> None:
        said = self.said
        found = self._wire.graphql(_RESUME, project=PROJECT, entity=ENTITY, name=said.run)["model"]["bucket"]
        counts = tuple(found[name] for name in ("historyLineCount", "eventsLineCount", "logLineCount"))
        if counts != (said.lines, said.events, said.console):
            raise Refused(f"resumed: {counts} lines are stored, not {said.lines, said.events, said.console}")
        self._upsert(starts=True, id=found["id"])

    def _send(self, body: dict[str, Any]) -> None:
        self._wire.json(self._path, body)


def _clocks(place: int) -> dict[str, float]:
    return {"_runtime": place / 8, "_timestamp": 1.7e9 + place / 8}


def _line(number: int, *, final: bool = True) -> str:
    return f"2026-01-01T10:00:00.000000 {script.console(number, final=final)}"


def main(asked: dict[str, Any]) -> None:
    """`asked`: url, key, first and clients (which of them), seconds, seed, out (a file with a line for each run)."""
    until, lock = time.monotonic() + asked["seconds"], threading.Lock()

    def client(number: int) -> None:
        random = Random(f"{asked['seed']}/{number}")
        wire, count = Wire(asked["url"], asked["key"], random), 0
        while time.monotonic() < until:
            writer = Writer(wire, f"raw-{number}-{count}", random)
            writer.write(min(until, time.monotonic() + random.uniform(4, 25)))
            count += 1
            with lock, Path(asked["out"]).open("a") as out:
                out.write(json.dumps(asdict(writer.said)) + "\n")

    numbers = range(asked["first"], asked["first"] + asked["clients"])
    threads = [threading.Thread(target=client, args=[number]) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
