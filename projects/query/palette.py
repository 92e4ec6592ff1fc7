"""Colours of groups and runs."""

from __future__ import annotations

# With the names by which people choose them. As far apart as colours can be (OKLab) that stand out from the page, light
# or dark, 3 to 1; first those that differ most.
NAMES = {
    "#4070d0": "Blue",
    "#f06000": "Orange",
    "#009000": "Green",
    "#c04098": "Magenta",
    "#a870f0": "Violet",
    "#a06048": "Brown",
    "#008090": "Teal",
    "#788868": "Sage",
    "#989000": "Mustard",
    "#e858a0": "Pink",
    "#0098d0": "Sky blue",
    "#d03840": "Red",
    "#8860a8": "Plum",
    "#c08048": "Copper",
    "#00a090": "Turquoise",
    "#c86878": "Rose",
    "#7888e0": "Periwinkle",
    "#687808": "Olive",
    "#b078b8": "Mauve",
    "#7880a0": "Slate",
}
PALETTE = tuple(NAMES)

# Of a group that has subgroups: a colour stands for a line, and only leaf groups have one.
GREY = "#898e97"


def colour(rank: int) -> str:
    """The colour of the rank-th line, from 0; the palette repeats."""
    return PALETTE[rank % len(PALETTE)]
