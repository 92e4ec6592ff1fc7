"""Resume, the same id without resume, rewind and fork: one process for each attempt."""

import json
import os
import subprocess
import sys

import wandb

CHILD = r"""
import json, sys, wandb
kw, xs = json.loads(sys.argv[1])
run = wandb.init(**kw)
for x in xs:
    run.log({"x": x})
print("RUN", run.entity, run.id)
run.finish()
"""
PROJECT = "resume-" + os.urandom(3).hex()
entity = ""


def attempt(xs=(), refused=False, **kw):
    """The id of the run."""
    global entity
    said = json.dumps([{"project": PROJECT, **kw}, list(xs)])
    done = subprocess.run([sys.executable, "-c", CHILD, said], capture_output=True, text=True)
    assert bool(done.returncode) == refused, (kw, done.stdout[-500:], done.stderr[-1500:])
    if refused:
        return done.stderr
    _, entity, id = next(line for line in done.stdout.splitlines() if line.startswith("RUN ")).split()
    return id


def rows(id):
    return [(row["_step"], row["x"]) for row in wandb.Api().run(f"{entity}/{PROJECT}/{id}").scan_history()]


attempt(id="absent", resume="must", refused=True)
attempt(range(10), id="run", resume="allow", config={"a": 1}, tags=["t1"], group="g1", name="first name")
attempt(range(10, 15), id="run", resume="allow", config={"b": 2})
attempt([15], id="run", resume="must")
attempt(id="run", resume="never", refused=True)
assert rows("run") == [(i, i) for i in range(16)]
stored = wandb.Api().run(f"{entity}/{PROJECT}/run")
assert (stored.config, stored.tags, stored.group) == ({"a": 1, "b": 2}, ["t1"], "g1")
attempt([0, 1], id="run", config={"c": 3})
assert rows("run") == [(0, 0), (1, 1)]

attempt(range(10), id="base")
fork = attempt([200, 201], fork_from="base?_step=3")
assert rows(fork) == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 200), (5, 201)], rows(fork)
attempt([202], id=fork, resume="must")
assert rows(fork)[-2:] == [(5, 201), (6, 202)], rows(fork)
assert rows("base") == [(i, i) for i in range(10)]
attempt([100, 101], resume_from="base?_step=4")
assert rows("base") == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 100), (6, 101)]
attempt(resume_from="nothing?_step=4", refused=True)
