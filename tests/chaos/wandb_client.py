"""One run of the unmodified client.

python -m tests.chaos.wandb_client JSON    (see `main`)
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import wandb

from tests.chaos import script
from tests.chaos.script import ENTITY, PROJECT, Said

# The client's own rule, with shorter waits.
_QUICK: dict[str, Any] = {
    "x_file_stream_transmit_interval": 1,
    "x_stats_sampling_interval": 1,
    "init_timeout": 150,
    **{
        f"x_{channel}_{setting}": value
        for channel in ("file_stream", "graphql", "file_transfer")
        for setting, value in {"retry_wait_min_seconds": 0.1, "retry_wait_max_seconds": 2, "timeout_seconds": 8}.items()
    },
    "x_graphql_retry_max": 200,
    "x_file_transfer_retry_max": 200,
}


def main(asked: dict[str, Any]) -> None:
    """`asked`: run, seconds, seed, out (a file with a line for each run)."""
    random, name = Random(f"{asked['seed']}/{asked['run']}"), asked["run"]
    said = Said(name, "wandb")
    run = wandb.init(
        entity=ENTITY, project=PROJECT, id=name, group="wandb", config=script.config(name, 0),
        settings=wandb.Settings(**_QUICK),
    )  # fmt: skip
    until = time.monotonic() + asked["seconds"]
    while time.monotonic() < until or not said.lines:
        for _ in range(random.choice((1, 10, 100))):
            run.log(script.logged(name, said.lines))
            said.lines += 1
        print(script.console(said.console))
        said.console += 1
        if random.random() < 0.1:
            said.config += 1
            run.config.update(script.config(name, said.config), allow_val_change=True)
        time.sleep(random.uniform(0.02, 0.3))
    said.summary = script.summary(name, said.lines)
    run.summary.update(said.summary)
    content = script.content(name, 0)
    path = Path(run.dir) / "result.bin"
    path.write_bytes(content)
    run.save(str(path), base_path=run.dir, policy="end")
    said.files = {path.name: hashlib.md5(content).hexdigest()}
    said.exit_code = random.choice((0, 0, 1))
    said.state = "failed" if said.exit_code else "finished"
    run.finish(exit_code=said.exit_code)
    with Path(asked["out"]).open("a") as out:
        out.write(json.dumps(asdict(said)) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
