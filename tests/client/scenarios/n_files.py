"""The files that a run leaves: git state and diff, code, console, metadata, system metrics; the console in parts."""

import os
import subprocess
import sys
import tempfile

import wandb

PROJECT = "files-" + os.urandom(3).hex()
os.chdir(tempfile.mkdtemp())
MAIN = r"""
import sys, time, wandb
settings = wandb.Settings(x_stats_sampling_interval=1, save_code=True, console="wrap")
run = wandb.init(project=sys.argv[1], id="main", settings=settings)
print("stdout line")
print("stderr line", file=sys.stderr)
for i in range(3):
    sys.stdout.write(f"\rprogress {i}"); sys.stdout.flush(); time.sleep(0.6)
print()
print("\x1b[31mred\x1b[0m unicode é")
run.log({"x": 1})
time.sleep(8)
run.finish()
"""
PARTS = r"""
import sys, time, wandb
settings = wandb.Settings(console_multipart=True, console_chunk_max_seconds=2)
with wandb.init(project=sys.argv[1], id="parts", settings=settings) as run:
    for i in range(8):
        print("chunk line", i)
        time.sleep(0.6)
"""
for name, text in {"train.py": "x = 1\n", "main.py": MAIN}.items():
    with open(name, "w") as file:
        file.write(text)
for arguments in (
    ["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"],
    ["remote", "add", "origin", "https://example.com/me/repo.git"],
):  # fmt: skip
    subprocess.run(["git", "-c", "user.email=a@example.com", "-c", "user.name=A", *arguments], check=True)
with open("train.py", "a") as file:
    file.write("y = 2\n")
subprocess.run([sys.executable, "main.py", PROJECT], check=True)
subprocess.run([sys.executable, "-c", PARTS, PROJECT], check=True)

api = wandb.Api()
run = api.run(f"{api.default_entity}/{PROJECT}/main")
files = {file.name for file in run.files()}
assert {"code/main.py", "diff.patch", "output.log", "wandb-metadata.json"} <= files, files
assert run.metadata["git"]["remote"] == "https://example.com/me/repo.git"
assert len(run.commit) == 40
console = "\n".join(line.content for line in run.console_logs())
assert "stdout line" in console
assert "progress 2" in console
assert "unicode é" in console
assert any(key.startswith("system.") for row in run.history(stream="system", pandas=False) for key in row)
assert any(key.startswith("system.") for key in run.system_metrics), run.system_metrics
parts = api.run(f"{api.default_entity}/{PROJECT}/parts")
assert any(file.name.startswith("logs/") for file in parts.files()), [file.name for file in parts.files()]
assert sum("chunk line" in line.content for line in parts.console_logs()) == 8
