"""Numbers as people read them."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import pytest

from oddloop.report import columns, figures, formats, palette, wording

NAN = float("nan")

CASES: list[tuple[Callable[..., str], tuple[Any, ...], str]] = [
    # three significant digits, but never across 0, 1 or 100
    (formats.number, (2,), "2.00"),
    (formats.number, (0.12345,), "0.123"),
    (formats.number, (0.9996,), "0.9996"),
    (formats.number, (1.0,), "1.00"),
    (formats.number, (99.97,), "99.97"),
    (formats.number, (-0.9999,), "-0.9999"),
    (formats.number, (1e-9,), "1.00e-09"),
    (formats.number, (0.0,), "0.00"),
    (formats.number, (1234.4,), "1,234"),
    (formats.number, (NAN,), "–"),
    (formats.number, (float("inf"),), "–"),
    # money
    (formats.cost, (99.6,), "99.60"),
    (formats.cost, (100,), "100"),
    (formats.cost, (None,), "–"),
    # spent of a budget: what was not reached is not shown as reached
    (formats.spent, (99.999, 100.0), "99.99"),
    (formats.spent, (100.0, 100.0), "100"),
    (formats.spent, (42.424, 100.0), "42.42"),
    (formats.spent, (100.004, 100.0), "100.00"),
    # shares
    (formats.percent, (999, 1000), "> 99 %"),
    (formats.percent, (1000, 1000), "100 %"),
    (formats.percent, (1, 1000), "< 1 %"),
    (formats.percent, (0, 1000), "0 %"),
    (formats.percent, (25, 1000), "2 %"),
    # times
    (formats.duration, (0.2,), "< 1 s"),
    (formats.duration, (119.0,), "119 s"),
    (formats.duration, (3600.0,), "60 min"),
    (formats.duration, (36000.0,), "10.0 h"),
    (formats.duration, (3.6e6,), "1,000 h"),
    (formats.duration, (None,), "–"),
    # intervals
    (formats.ends, (-1.0, 2.0), "-1.00 to 2.00"),
    (formats.ends, (None, 2.0), "no interval"),
    # names
    (formats.plural, (0, "log"), "0 logs"),
    (formats.plural, (1, "log"), "1 log"),
    (formats.shorten, ("x" * 10, 10), "x" * 10),
]


@pytest.mark.parametrize(("form", "values", "expected"), CASES)
def test_numbers_are_shown_honestly(form: Callable[..., str], values: tuple[Any, ...], expected: str) -> None:
    assert form(*values) == expected


@pytest.mark.parametrize("module", [formats, columns, palette, wording, figures])
def test_examples_in_docstrings_hold(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.failed == 0
    assert result.attempted > 0
