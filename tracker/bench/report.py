"""Measures as a table: as text for the terminal, as Markdown for the docs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from tracker.bench.bars import verdict
from tracker.bench.measure import Measure, amount

HEADINGS = ("what", "figure", "limit", "ratio", "bar", "the limit is")
_NUMBERS = range(1, 5)  # headings to the right

Row = tuple[str, ...]


def text(databases: Mapping[str, Sequence[Measure]]) -> str:
    """One table; a line by itself names the database and the case of those below it."""
    blocks = list(_blocks(databases))
    rows = [HEADINGS, *(row for _, block in blocks for row in block)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]

    def line(row: Row) -> str:
        cells = [
            cell.rjust(width) if i in _NUMBERS else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([line(HEADINGS), *(part for title, block in blocks for part in (title, *map(line, block)))])


def markdown(databases: Mapping[str, Sequence[Measure]]) -> str:
    """A table for each area, the databases side by side."""
    titles = ["case", "what", *(title for name in databases for title in (name, "ratio", "bar")), "in brackets"]
    rule = ["---", "---", *["---:"] * 3 * len(databases), "---"]
    rows: dict[str, dict[Row, dict[str, Row]]] = {}
    for name, measures in databases.items():
        for item in measures:
            what, figure, limit, ratio, bar, against = _row(item, name)
            of_area = rows.setdefault(item.area, {})
            of_area.setdefault((item.case, what, against), {})[name] = f"{figure} ({limit})", ratio, bar
    return "\n\n".join(
        "\n".join([f"### {area.capitalize()}", "", *map(_cells, (titles, rule)), *_sides(of_area, list(databases))])
        for area, of_area in rows.items()
    )


def _sides(rows: Mapping[Row, Mapping[str, Row]], databases: Sequence[str]) -> Iterator[str]:
    for (case, what, against), found in rows.items():
        yield _cells([case, what, *(cell for name in databases for cell in found.get(name, ("",) * 3)), against])


def bars(databases: Mapping[str, Sequence[Measure]]) -> str:
    """How many bars hold."""
    found = [bar for name, measures in databases.items() for item in measures if (bar := verdict(item, name))]
    return f"{sum(bar.holds for bar in found)} of {len(found)} bars hold"


def _blocks(databases: Mapping[str, Sequence[Measure]]) -> Iterator[tuple[str, list[Row]]]:
    for database, measures in databases.items():
        for (area, case), items in groupby(measures, key=lambda item: (item.area, item.case)):
            yield f"{database}: {area}, {case}", [_row(item, database) for item in items]


def _row(item: Measure, database: str) -> Row:
    figure, limit = amount(item.figure, item.unit), amount(item.limit, item.unit)
    return item.what, figure, limit, f"{item.ratio:.3g}", str(verdict(item, database) or ""), item.against


def _cells(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"
