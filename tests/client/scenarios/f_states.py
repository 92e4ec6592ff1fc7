"""How runs end: raise, SIGKILL, pre-emption, exit codes; and the stop button."""

import os
import signal
import subprocess
import sys
import time

import wandb

PROJECT = "states-" + os.urandom(3).hex()
CHILD = r"""
import os, sys, time, signal, wandb
kind, project = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
run = wandb.init(project=project, id=kind, settings=wandb.Settings(x_file_stream_transmit_interval=1))
print("READY", run.entity, flush=True)
run.log({"x": 1})
if kind == "raise":
    raise RuntimeError("boom")
if kind == "exit3":
    sys.exit(3)
if kind == "finish5":
    run.finish(exit_code=5)
if kind == "preempt":
    run.mark_preempting()
    time.sleep(2)
    run.finish(exit_code=1)
if kind == "sigint":
    os.kill(os.getpid(), signal.SIGINT); time.sleep(5)
for i in range(600 if kind in ("sigkill", "stop") else 0):
    time.sleep(0.2)
    run.log({"x": i})
"""
ENDS = {
    "plain": "finished", "raise": "failed", "exit3": "failed", "finish5": "failed", "preempt": "preempted",
    "sigint": "failed", "stop": "killed", "sigkill": "running",
}  # fmt: skip
children = {
    kind: subprocess.Popen(
        [sys.executable, "-c", CHILD, kind, PROJECT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    for kind in ENDS
}
for kind, child in children.items():
    entity = next(line for line in child.stdout if line.startswith("READY")).split()[1]
    if kind == "stop":
        time.sleep(2)
        wandb.Api().run(f"{entity}/{PROJECT}/{kind}").stop()
    if kind == "sigkill":
        time.sleep(10)
        child.send_signal(signal.SIGKILL)
for child in children.values():
    child.stdout.read()
    child.wait()
api = wandb.Api()
states = {kind: api.run(f"{entity}/{PROJECT}/{kind}").state for kind in ENDS}
assert states == ENDS, states
assert next(iter(api.run(f"{entity}/{PROJECT}/sigkill").scan_history()))["x"] == 1
