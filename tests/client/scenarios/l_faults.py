"""Faults between client and server: whatever is lost, late or refused for a while, history arrives once and whole."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import wandb

PROXY = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "fault_proxy.py")
direct = os.environ["WANDB_BASE_URL"]
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
via = f"http://127.0.0.1:{port}"
proxy = subprocess.Popen([sys.executable, PROXY, str(port), direct])
CHILD = r"""
import sys, time, wandb
settings = wandb.Settings(x_file_stream_transmit_interval=1, init_timeout=120)
with wandb.init(project=sys.argv[1], id=sys.argv[2], settings=settings) as run:
    for i in range(60):
        run.log({"x": i})
        time.sleep(0.05)
"""
CASES = {
    "fs_500": [{"match": "file_stream", "mode": "status", "status": 500, "count": 3}],
    "fs_503": [{"match": "file_stream", "mode": "status", "status": 503, "count": 1}],
    "fs_429": [{"match": "file_stream", "mode": "status", "status": 429, "headers": {"Retry-After": "3"}, "count": 2}],
    "fs_drop": [{"match": "file_stream", "mode": "drop", "count": 2}],
    "fs_lost": [{"match": "file_stream", "mode": "lost", "count": 2}],
    "fs_slow": [{"match": "file_stream", "mode": "slow", "secs": 5, "count": 2}],
    "upsert_lost": [{"match": "UpsertBucket", "mode": "lost", "count": 1}],
    "upsert_500": [{"match": "UpsertBucket", "mode": "status", "status": 500, "count": 2}],
    "upsert_409": [{"match": "UpsertBucket", "mode": "status", "status": 409, "count": 1}],
    "viewer_500": [{"match": "Viewer", "mode": "status", "status": 500, "count": 1}],
    "put_500": [{"match": "^PUT", "mode": "status", "status": 500, "count": 2}],
    "createfiles_lost": [{"match": "CreateRunFiles", "mode": "lost", "count": 1}],
}


def inject(faults):
    said = urllib.request.Request(via + "/__faults", data=json.dumps(faults).encode(), method="POST")
    for _ in range(100):
        try:
            return urllib.request.urlopen(said).read()
        except OSError:
            time.sleep(0.1)
    raise AssertionError("no answer from the proxy")


try:
    project = "faults-" + os.urandom(3).hex()
    for name, faults in CASES.items():
        inject(faults)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, project, name],
            env={**os.environ, "WANDB_BASE_URL": via}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, (name, done.stderr[-1500:])
        inject([])
        api = wandb.Api()
        run = api.run(f"{api.default_entity}/{project}/{name}")
        rows = [(row["_step"], row["x"]) for row in run.scan_history()]
        assert rows == [(i, i) for i in range(60)], (name, rows)
        assert run.state == "finished", (name, run.state)
        assert "config.yaml" in {file.name for file in run.files()}, name
finally:
    proxy.terminate()
