"""Runs the client scenarios with each version of the client, each in an environment of its own, against `manage.py
serve` on SQLite, and prints which passed. `CLIENTS_DIR`: where the environments are kept; arguments: some versions."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.live import client_environment, serve  # noqa: E402

VERSIONS = ("0.15.12", "0.16.6", "0.17.9", "0.18.7", "0.19.11", "0.21.4", "0.23.1", "0.25.1", "0.27.2", "0.31.0")
SCENARIOS = sorted((ROOT / "tests" / "client" / "scenarios").glob("*.py"))
CLIENTS = Path(os.environ.get("CLIENTS_DIR", ROOT / ".cache" / "clients"))
UV = Path(sys.executable).with_name("uv")

# The oldest clients know no numpy 2, and look for pkg_resources.
BESIDE = ("numpy<2", "setuptools<81")


def python_of(version: str) -> Path:
    """The interpreter of an environment with this client, made on first use."""
    folder = CLIENTS / version
    python = folder / "bin" / "python"
    made = folder / ".made"
    if not made.exists():
        subprocess.run([UV, "venv", "--quiet", "--clear", "--python", "3.11", folder], check=True)
        subprocess.run([UV, "pip", "install", "--quiet", "--python", python, f"wandb=={version}", *BESIDE], check=True)
        made.touch()
    return python


def main() -> int:
    versions = sys.argv[1:] or VERSIONS
    width = max(len(path.stem) for path in SCENARIOS) + 2
    print(f"{'client':10}" + "".join(f"{path.stem:{width}}" for path in SCENARIOS), flush=True)
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="cohort-clients-") as folder, serve(Path(folder), database={}) as server:
        for version in versions:
            print(f"{version:10}", end="", flush=True)
            for path in SCENARIOS:
                work = Path(folder) / f"{version}-{path.stem}"
                work.mkdir()
                done = subprocess.run(
                    [python_of(version), path], env=client_environment(server, work), cwd=work, capture_output=True,
                    text=True, timeout=300,
                )  # fmt: skip
                print(f"{'failed' if done.returncode else 'passed':{width}}", end="", flush=True)
                if done.returncode:
                    failures.append(f"{version} {path.stem}:\n{done.stderr[-1500:]}")
            print(flush=True)
    print("\n\n".join(failures), file=sys.stderr)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
