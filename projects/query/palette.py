"""Colours of groups and runs: by rank, so that sorting, paging and hiding never repaint a line."""

from __future__ import annotations

# With the names by which people choose them.
NAMES = {
    "#4269d0": "Blue",
    "#efb118": "Yellow",
    "#ff725c": "Coral",
    "#6cc5b0": "Aqua",
    "#a463f2": "Violet",
    "#97bbf5": "Light blue",
    "#3ca951": "Green",
    "#ff8ab7": "Pink",
    "#9c6b4e": "Brown",
    "#b8860b": "Ochre",
    "#1f8fa6": "Teal",
    "#c2417c": "Raspberry",
    "#7f9c1f": "Olive",
    "#5d5fa8": "Indigo",
    "#d9622b": "Orange",
    "#2fb5e0": "Sky blue",
    "#8a3ffc": "Purple",
    "#7d8796": "Slate",
    "#0f7b54": "Dark green",
    "#e377c2": "Orchid",
}
PALETTE = tuple(NAMES)

# Of a group that has subgroups: a colour stands for a line, and only leaf groups have one.
GREY = "#9498a0"


def colour(rank: int) -> str:
    """The colour of the rank-th line, from 0; the palette repeats."""
    return PALETTE[rank % len(PALETTE)]
