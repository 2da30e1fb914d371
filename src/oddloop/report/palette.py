"""Colours and symbols of the charts: told apart by people who see colours differently, on white and on dark paper.

Colours are those of Okabe and Ito (2008), "Color Universal Design", without black and yellow, which vanish on one of
the two papers. INK, MUTED, LINE and PAPER stand for the page's own colours, which depend on the reader's light or dark
setting: the page's script puts them in.
"""

from __future__ import annotations

BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7"
INK, MUTED, LINE, PAPER = "#010101", "#020202", "#030303", "#040404"
COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
GLYPHS = ("●", "■", "◆", "▲", "▼", "✚")
"""The same symbols as characters."""


def cluster_colour(place: int) -> str:
    """Colour of the cluster at that place of the list, counted from 0."""
    return COLOURS[place % len(COLOURS)]


def cluster_symbol(place: int) -> str:
    """Plotly's name of the cluster's symbol: changes when the colours are used up."""
    return SYMBOLS[place // len(COLOURS) % len(SYMBOLS)]


def cluster_glyph(place: int) -> str:
    """The cluster's symbol as a character."""
    return GLYPHS[place // len(COLOURS) % len(GLYPHS)]


def translucent(colour: str, alpha: float) -> str:
    """A colour that lets through what lies below.

    >>> translucent("#0072b2", 0.2)
    'rgba(0,114,178,0.2)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
