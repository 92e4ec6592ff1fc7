"""Logging in from the command line, with right and wrong keys, and a run with what that stored."""

import os
import subprocess
import sys
import tempfile

home, base, key = tempfile.mkdtemp(), os.environ["WANDB_BASE_URL"], os.environ["WANDB_API_KEY"]
environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")} | {"HOME": home}
environment |= {"WANDB_ERROR_REPORTING": "false"}
environment.pop("NETRC", None)


def cli(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "wandb", *arguments], env=environment, capture_output=True, text=True, input="", cwd=home
    )


wrong = cli("login", "--verify", f"--host={base}", "--relogin", "b" * 40)
assert wrong.returncode != 0, wrong.stdout + wrong.stderr
netrc = os.path.join(home, ".netrc")
assert not os.path.exists(netrc)
assert cli("login", f"--host={base}", "--relogin", "short").returncode != 0
right = cli("login", f"--host={base}", "--relogin", "--verify", key)
assert right.returncode == 0, right.stdout + right.stderr
with open(netrc) as file:
    assert key in file.read()
assert cli("status").returncode == 0
code = "import wandb\nwith wandb.init(project='login') as run:\n    run.log({'x': 1})\nprint('entity', run.entity)"
done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=home)
assert done.returncode == 0, done.stderr
assert "entity " in done.stdout
