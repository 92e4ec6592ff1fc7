"""`make chaos`: clients log while their servers suffer; one table of what came of it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.ordeal import Asked, Found, undergo

DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="for which faults happen")
    parser.add_argument("--clients", type=int, default=64, help="at once, the real ones among them")
    parser.add_argument("--real", type=int, default=4, help="of them unmodified wandb clients")
    parser.add_argument("--database", choices=list(DATABASES), help="only this one")
    parser.add_argument("--seed", type=int, default=1, help="of what is logged, and of the order of faults")
    parser.add_argument("--pause", type=float, default=6.0, help="seconds between two faults, about")
    parser.add_argument("--one-in", type=int, default=12, help="requests that suffers on its way")
    parser.add_argument("--keep", action="store_true", help="leave the folder with all logs")
    return parser.parse_args()


def table(found: Found) -> str:
    asked, checked = found.asked, found.checked
    rows = [
        ("database", DATABASES[asked.database]),
        ("seconds", f"{found.seconds:,.0f}"),
        ("clients", f"{asked.raw} raw, {asked.wandb} wandb"),
        ("runs", ", ".join(f"{count:,} {client}" for client, count in sorted(found.runs.items()))),
        ("requests", f"{found.requests:,}"),
        ("points/s", f"{checked.get('points', 0) / found.seconds:,.0f}"),
        *((name, f"{count:,}") for name, count in sorted(found.answers.items())),
        *((f"fault: {name}", f"{count:,}") for name, count in sorted(found.faults.items())),
        *((f"{name} checked", f"{checked.get(name, 0):,}") for name in ("points", "console lines", "files")),
        *((name, f"{checked.get(name, 0):,}") for name in ("points lost", "points doubled")),
        ("differences", f"{len(checked['wrong']):,}"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value:>24}" for name, value in rows)


def main() -> int:
    asked, failed = arguments(), False
    real = min(asked.real, asked.clients)
    for database in [asked.database] if asked.database else DATABASES:
        folder = Path(tempfile.mkdtemp(prefix="cohort-chaos-"))
        try:
            found = undergo(
                Asked(
                    database=database, seconds=60 * asked.minutes, raw=asked.clients - real, wandb=real,
                    seed=asked.seed, pause=asked.pause, one_in=asked.one_in,
                ),
                folder,
                lambda text: print(f"chaos: {text}", flush=True),
            )  # fmt: skip
        finally:
            if asked.keep:
                print(f"chaos: logs are in {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
        print(table(found))
        for text in found.checked["wrong"][:40]:
            print(f"  {text[:1000]}")
        failed |= not found.holds
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
