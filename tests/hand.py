"""A script: runs the manage.py commands that it is told, one after another, in a process whose Django is loaded once.

A line in is a command's arguments as JSON; a line out is its exit code and what it said, out and error.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

from django.core.management import execute_from_command_line


def run(arguments: list[str]) -> tuple[int, str, str]:
    code, out, error = 0, io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(error):
        try:
            execute_from_command_line(["manage.py", *arguments])
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return code, out.getvalue(), error.getvalue()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tracker.settings"
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
