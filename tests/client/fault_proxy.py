"""A proxy between a client and its server that injects faults: `python fault_proxy.py PORT UPSTREAM_URL`.

`POST /__faults` with a JSON list of {"match": pattern of "METHOD PATH OPERATION", "mode": "status" | "slow" | "drop" |
"lost", "count", "status", "headers", "secs"}. Dropped requests never reach the server; of lost ones the answer is lost.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

faults: list[dict[str, Any]] = []
lock = threading.Lock()
_HOP = {"host", "connection", "content-length", "accept-encoding", "transfer-encoding", "server", "date"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/__faults":
            with lock:
                faults[:] = json.loads(body or b"[]")
            return self.reply(200, {}, b"{}")
        operation = re.search(rb"(?:query|mutation)\s+(\w+)", body) if self.path == "/graphql" else None
        fault = next_fault(f"{self.command} {self.path} {operation[1].decode() if operation else ''}")
        mode = fault.get("mode")
        if mode == "status":
            return self.reply(fault["status"], fault.get("headers", {}), b"injected")
        if mode == "slow":
            time.sleep(fault.get("secs", 2))
        answer = None if mode == "drop" else self.forward(body)
        if answer is None or mode == "lost":
            self.close_connection = True
            self.connection.close()
            return None
        return self.reply(*answer)

    def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        data = body if self.command not in {"GET", "HEAD"} else None
        request = urllib.request.Request(sys.argv[2].rstrip("/") + self.path, data=data, method=self.command)
        for name, value in self.headers.items():
            if name.lower() not in _HOP:
                request.add_header(name, value)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error  # type: ignore[assignment]
        except OSError:
            return None
        with answer:
            headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            return answer.status, headers, answer.read()

    def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any


def next_fault(request: str) -> dict[str, Any]:
    with lock:
        for fault in faults:
            if fault.get("count", 1) > 0 and re.search(fault["match"], request):
                fault["count"] = fault.get("count", 1) - 1
                return dict(fault)
    return {}


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
