"""Console lines as HTML: time stamp, error mark and terminal colours become classes; all else is text, escaped."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from runs.console import printed

# Longer lines are cut when shown; the log file has them whole.
MAX_LINE = 10_000

_COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
# Everything else a terminal would obey: CSI and OSC sequences, two-character escapes, control characters.
_OTHER = re.compile(
    r"\x1b\[(?![0-9;]*m)[0-?]*[ -/]*[@-~]?|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b(?!\[)[ -~]?"
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]"
)
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_MARKS = {1: "bold", 2: "dim", 3: "italic", 4: "underline"}
_MARKS_OFF = {22: {"bold", "dim"}, 23: {"italic"}, 24: {"underline"}}


@dataclass(frozen=True, slots=True, order=True)
class Line:
    number: int
    stamp: str  # as sent; "" when there is none
    clock: str  # its hours, minutes, seconds
    error: bool
    html: SafeString


def line(number: int, text: str) -> Line:
    """A stored line, `[ERROR ]TIMESTAMP TEXT`, ready to show."""
    cut = len(text) > MAX_LINE
    said = printed(text[:MAX_LINE])
    return Line(number, said.stamp, said.stamp[11:19], said.error, coloured(said.text + " …" * cut))


def coloured(text: str) -> SafeString:
    """Terminal text as HTML. Of what was overwritten after a carriage return, the last state is shown."""
    overwritten = [part for part in text.split("\r") if part]
    text = _OTHER.sub("", overwritten[-1] if overwritten else "")
    pieces = _COLOUR.split(text)
    html = [str(escape(pieces[0]))]
    styles: set[str] = set()
    for codes, said in zip(pieces[1::2], pieces[2::2], strict=True):
        styles = _styles(styles, codes)
        if said and styles:
            html.append(f'<span class="{" ".join(sorted(styles))}">{escape(said)}</span>')
        else:
            html.append(str(escape(said)))
    # Every text in it went through escape(); the classes come from the tables above.
    return mark_safe("".join(html))


def _styles(styles: set[str], codes: str) -> set[str]:
    """The classes in force after a colour sequence; backgrounds and colours beyond the sixteen are let go."""
    styles = set(styles)
    numbers = iter([int(code[:4]) if code else 0 for code in codes.split(";")])
    for number in numbers:
        if number == 0:
            styles.clear()
        elif number in _MARKS:
            styles.add(_MARKS[number])
        elif number in _MARKS_OFF:
            styles -= _MARKS_OFF[number]
        elif 30 <= number <= 39 or 90 <= number <= 97:
            styles = {style for style in styles if not style.startswith("ansi-")}
            if number % 10 < 8:
                styles.add(f"ansi-{_COLOURS[number % 10]}")
        if number in (38, 48):
            # 5;N or 2;R;G;B follow: they are no codes of their own.
            for _ in range({5: 1, 2: 3}.get(next(numbers, 0), 0)):
                next(numbers, None)
    return styles
