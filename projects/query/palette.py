"""Colours of groups and runs: by rank, so that sorting, paging and hiding never repaint a line."""

from __future__ import annotations

PALETTE: tuple[str, ...] = (
    "#4269d0",
    "#efb118",
    "#ff725c",
    "#6cc5b0",
    "#a463f2",
    "#97bbf5",
    "#3ca951",
    "#ff8ab7",
    "#9c6b4e",
    "#b8860b",
    "#1f8fa6",
    "#c2417c",
    "#7f9c1f",
    "#5d5fa8",
    "#d9622b",
    "#2fb5e0",
    "#8a3ffc",
    "#7d8796",
    "#0f7b54",
    "#e377c2",
)

# Of a group that has subgroups: a colour stands for a line, and only leaf groups have one.
GREY = "#9498a0"


def colour(rank: int) -> str:
    """The colour of the rank-th line, from 0; the palette repeats."""
    return PALETTE[rank % len(PALETTE)]
