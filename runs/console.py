"""What a line of the console says. Pure functions, no database."""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE = re.compile(r"(ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,16}) ?(.*)", re.DOTALL)
_LABEL = re.compile(r"\[([^\]]*)\] (.*)", re.DOTALL)


class Printed(NamedTuple):
    error: bool  # printed to stderr
    stamp: str  # ISO 8601, by the clock of the machine and without a zone; "" when there is none
    text: str


def printed(line: str) -> Printed:
    """Of a line as the client sends it: `[ERROR ]TIMESTAMP TEXT`."""
    match = _LINE.fullmatch(line)
    return Printed(bool(match[1]), match[2], match[3]) if match else Printed(False, "", line)


def labelled(text: str) -> tuple[str, str]:
    """The label that a writer in shared mode puts before its text, "" if there is none; and the text after it."""
    match = _LABEL.fullmatch(text)
    return (match[1], match[2]) if match else ("", text)
