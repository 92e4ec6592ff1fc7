"""Measures as the table that is printed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker.bench.measure import Measure

HEADINGS = ("what", "figure", "limit", "ratio", "the limit is")


def table(databases: Mapping[str, Sequence[Measure]]) -> str:
    """One table; a line by itself names the database and the case of those below it."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for database, measures in databases.items():
        before = ""
        for item in measures:
            title = f"{database}: {item.area}, {item.case}"
            if title != before:
                rows.append((title,))
                before = title
            figure, limit = amount(item.figure, item.unit), amount(item.limit, item.unit)
            rows.append((f"  {item.what}", figure, limit, f"{item.ratio:.3g}", item.against))
    widths = [max(len(row[i]) for row in rows if len(row) > 1) for i in range(len(HEADINGS) - 1)]
    return "\n".join(_line(row, widths) for row in rows)


def amount(value: float, unit: str) -> str:
    match unit:
        case "s":
            return f"{value * 1000:,.2f} ms"
        case "points/s":
            return f"{value:,.0f} /s"
        case "bytes":
            return f"{value / 1000:,.0f} kB"
        case _:
            return f"{value:.2f} B"


def _line(row: tuple[str, ...], widths: Sequence[int]) -> str:
    if len(row) == 1:
        return row[0]
    what, *numbers, against = row
    cells = [what.ljust(widths[0]), *(text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True))]
    return "  ".join([*cells, against])
