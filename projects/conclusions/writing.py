"""A results table as LaTeX (booktabs), Markdown, and rows of numbers. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from projects.conclusions.estimates import Estimate

if TYPE_CHECKING:
    from projects.conclusions.estimates import Shown
    from projects.conclusions.results import Head, ResultCell, Results

_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    # After the \\ of a row a bracket would be its argument.
    "[": "{[}", "]": "{]}",
    "±": r"$\pm$", "≤": r"$\leq$", "≥": r"$\geq$", "∞": r"$\infty$", "–": "--",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}  # fmt: skip
_LATEX_ARROWS = {"max": r" $\uparrow$", "min": r" $\downarrow$"}
_ARROWS = {"max": " ↑", "min": " ↓"}
_POWER = re.compile(r"(-?[0-9.]+)e(-?[0-9]+)")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&$])")


def caption(results: Results) -> str:
    """ "val/acc: mean ± std dev, n = 5 runs in each cell"."""
    of = f"{results.metric_label}: " if results.column_label and results.metric_label else ""
    if results.n is None:
        return f"{of}{results.kind.label}, n beside each cell"
    return f"{of}{results.kind.label}, n = {results.n} run{'s' if results.n != 1 else ''} in each cell"


def latex(results: Results) -> str:
    """A table environment that stands by itself in a document with booktabs."""
    columns = len(results.heads)
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_latex(caption(results))}.}}",
        rf"  \begin{{tabular}}{{l{'r' * columns}}}",
        r"    \toprule",
    ]
    if results.column_label:
        lines.append(rf"     & \multicolumn{{{columns}}}{{c}}{{{_latex(results.column_label)}}} \\")
        lines.append(rf"    \cmidrule(lr){{2-{columns + 1}}}")
    heads = [_latex(head.label) + _LATEX_ARROWS.get(head.direction, "") for head in results.heads]
    lines += [_latex_row([_latex(results.row_label), *heads]), r"    \midrule"]
    lines += [_latex_row([_latex(row.label), *(_latex_cell(it, results) for it in row.cells)]) for row in results.rows]
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""])


def markdown(results: Results) -> str:
    """A table, and its caption below."""
    corner = _markdown(results.row_label)
    if results.column_label:
        corner += f" / {_markdown(results.column_label)}"
    heads = [_markdown(head.label) + _ARROWS.get(head.direction, "") for head in results.heads]
    rows = [[_markdown(row.label), *(_markdown_cell(it, results) for it in row.cells)] for row in results.rows]
    ruler = [":--", *("--:" for _ in results.heads)]
    lines = [f"| {' | '.join(row)} |" for row in ([corner, *heads], ruler, *rows)]
    return "\n".join([*lines, "", _markdown(caption(results)), ""])


def sheet(results: Results) -> tuple[list[str], list[list[str | float | None]]]:
    """Names of columns, and rows: the exact numbers, those beside the middle, and n. None where there is none."""
    names = [results.row_label]
    for head in results.heads:
        names += [f"{_named(head, results)} {part}" for part in (results.kind.middle, *results.kind.parts, "n")]
    rows = []
    for row in results.rows:
        numbers: list[str | float | None] = [row.label]
        for cell in row.cells:
            numbers += _numbers(cell.estimate if cell else Estimate(0), len(results.kind.parts))
        rows.append(numbers)
    return names, rows


def _named(head: Head, results: Results) -> str:
    return f"{results.column_label}: {head.label}" if results.column_label else head.label


def _numbers(of: Estimate, parts: int) -> list[str | float | None]:
    beside = (of.error,) if parts == 1 else (of.low, of.high)
    return [of.middle, *beside, float(of.n)]


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def _latex_row(cells: list[str]) -> str:
    return rf"    {' & '.join(cells)} \\"


def _latex_cell(cell: ResultCell | None, results: Results) -> str:
    if cell is None:
        return ""
    if cell.estimate.middle is None:
        return "--"
    body = _latex_shown(cell.shown)
    body = rf"\mathbf{{{body}}}" if cell.best else body
    return f"${body}$" + ("" if results.n is not None else f" ({cell.estimate.n})")


def _latex_shown(shown: Shown) -> str:
    body = _latex_number(shown.middle)
    if shown.error:
        body += rf" \pm {_latex_number(shown.error)}"
    elif shown.low:
        body += rf"\;[{_latex_number(shown.low)}, {_latex_number(shown.high)}]"
    return rf"({body}) \times 10^{{{shown.power}}}" if shown.power else body


def _latex_number(text: str) -> str:
    return _POWER.sub(r"\1 \\times 10^{\2}", text).replace("∞", r"\infty")


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _markdown_cell(cell: ResultCell | None, results: Results) -> str:
    if cell is None:
        return ""
    body = str(cell.shown).replace("[", r"\[").replace("]", r"\]")
    return (f"**{body}**" if cell.best else body) + ("" if results.n is not None else f" (n = {cell.estimate.n})")
