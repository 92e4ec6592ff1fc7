"""Sends recorded requests of the client again. What they are: tests/recorded/README.md."""

from __future__ import annotations

import base64
import json
import re
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.test import Client

RECORDED = Path(__file__).parent.parent / "recorded"
_MORE = re.compile(r"<(\d+) more>")
_STEP = re.compile(r'("_step": ?)(\d+)')


def requests_of(name: str) -> list[dict[str, Any]]:
    """The requests of a recording with query texts and lists in full."""
    texts: dict[str | None, str] = {}
    found = []
    for line in (RECORDED / f"{name}.jsonl").read_text().splitlines():
        request = json.loads(line)
        body = request["body"]
        if request["path"] == "/graphql":
            operation = request.get("operation")
            text = _text(body["query"], operation, texts).replace("#graphql ", "#graphql\n")
            body["query"] = texts[operation] = text
            files = body["variables"] and body["variables"].get("files")
            if files:
                body["variables"]["files"] = [name for name in files if not _MORE.fullmatch(name)]
        elif request["path"].endswith("/file_stream"):
            for part in body.get("files", {}).values():
                part["content"] = _whole(part["content"])
        found.append(request)
    return found


def _text(query: str, operation: str | None, texts: dict[str | None, str]) -> str:
    if query == "(same text as above)":
        return texts[operation]
    if elsewhere := re.fullmatch(r"\(text in (\w+)\.jsonl\)", query):
        others = (json.loads(line) for line in (RECORDED / f"{elsewhere[1]}.jsonl").read_text().splitlines())
        return next(other["body"]["query"] for other in others if other.get("operation") == operation)
    return query


def _whole(lines: list[str]) -> list[str]:
    whole: list[str] = []
    for line in lines:
        if more := _MORE.fullmatch(line):
            whole += [_counted_on(whole[-1], i + 1) for i in range(int(more[1]))]
        else:
            whole.append(line)
    return whole


def _counted_on(line: str, by: int) -> str:
    return _STEP.sub(lambda found: f"{found[1]}{int(found[2]) + by}", line)


def _binary(body: dict[str, Any]) -> bytes:
    """As many bytes as were sent, the first of them the same."""
    return bytes.fromhex(body["head_hex"]).ljust(body["__binary__"], b"\0")


def run_of(id: str) -> tuple[str, str]:
    """Project and name: the recording server's ids are base64 of `Run:v1:NAME:PROJECT:ENTITY`."""
    _, _, name, project, _ = base64.b64decode(id).decode().split(":")
    return project, name


@dataclass
class Replay:
    """Requests sent by `client` with an API key; remembers where files go and which run got which id."""

    client: Client
    key: str
    upload_urls: dict[tuple[str, str, str], str] = field(default_factory=dict)
    run_ids: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def authorization(self) -> str:
        return "Basic " + base64.b64encode(f"api:{self.key}".encode()).decode()

    def send(self, request: dict[str, Any]) -> Any:
        """The answer to one request; None for a PUT whose address was never handed out."""
        headers = request.get("headers", {})
        path, body = unquote(request["path"]), deepcopy(request["body"])
        if request["method"] == "PUT":
            _, _, _, _, project, run, name = path.split("/", 6)
            url = self.upload_urls.get((project, run, name))
            data = body if isinstance(body, str) else _binary(body) if "__binary__" in body else json.dumps(body)
            return url and self.client.put(url, data, content_type="application/octet-stream", headers=headers)
        if request["method"] == "GET":
            return self.client.get(path, headers={"Authorization": self.authorization})
        if path == "/graphql":
            self._map_ids(body)
        answer = self.client.post(
            path,
            body if isinstance(body, str) else json.dumps(body),
            content_type="application/json",
            headers=headers | {"Authorization": self.authorization},
        )
        if path == "/graphql":
            self._learn(body, answer.json().get("data") or {})
        return answer

    def query(self, query: str, /, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        """The decoded answer to a GraphQL request."""
        answer = self.client.post(
            "/graphql",
            json.dumps({"query": query, "variables": variables}),
            content_type="application/json",
            headers=(headers or {}) | {"Authorization": self.authorization},
        )
        assert answer.status_code == 200, answer.content
        return answer.json()

    def stream(self, path: str, body: Any, **headers: str) -> Any:
        return self.client.post(
            f"/files/{path}/file_stream",
            body if isinstance(body, (str, bytes)) else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": self.authorization, **headers},
        )

    def _map_ids(self, body: dict[str, Any]) -> None:
        variables = body["variables"] or {}
        if variables.get("id"):
            variables["id"] = self.run_ids[run_of(variables["id"])]

    def _learn(self, body: dict[str, Any], data: dict[str, Any]) -> None:
        variables = body["variables"] or {}
        if created := data.get("createRunFiles"):
            for file in created["files"]:
                self.upload_urls[variables["project"], variables["run"], file["name"]] = file["uploadUrl"]
        if upserted := data.get("upsertBucket"):
            bucket = upserted["bucket"]
            self.run_ids[bucket["project"]["name"], bucket["name"]] = bucket["id"]
