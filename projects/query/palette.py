"""Colours of groups and runs."""

from __future__ import annotations

# With the names by which people choose them. As far apart as colours can be (OKLab) that stand out from the page, light
# or dark, 3 to 1. First come those that differ most, among every second and third too: of groups by Group and Job type,
# which take turns, a chart may well have every second.
NAMES = {
    "#4070d0": "Blue",
    "#00a090": "Turquoise",
    "#f06000": "Orange",
    "#c04098": "Magenta",
    "#a870f0": "Violet",
    "#989000": "Mustard",
    "#009000": "Green",
    "#a06048": "Brown",
    "#008090": "Teal",
    "#c08048": "Copper",
    "#e858a0": "Pink",
    "#b078b8": "Mauve",
    "#d03840": "Red",
    "#687808": "Olive",
    "#788868": "Sage",
    "#7880a0": "Slate",
    "#8860a8": "Plum",
    "#7888e0": "Periwinkle",
    "#0098d0": "Sky blue",
    "#c86878": "Rose",
}
PALETTE = tuple(NAMES)

# Of a group that has subgroups: a colour stands for a line, and only leaf groups have one.
GREY = "#898e97"
MOST_BESIDE = 6  # colours that a swatch can show


def colour(rank: int) -> str:
    """The colour of the rank-th line, from 0; the palette repeats."""
    return PALETTE[rank % len(PALETTE)]
