"""A value and how far its interval reaches: never surer than it is, and to the digits of the value."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.intervals.reach import plus_minus
from oddloop.report.formats import number


@given(st.floats(-1e5, 1e5), st.floats(0, 1e4))
def test_what_is_shown_is_the_reach_or_up_to_one_last_digit_more(value: float, half: float) -> None:
    text, _, shown = plus_minus(number(value), half).partition(" ± ")
    assert text == number(value)
    if "e" in text:
        return
    places = len(text.partition(".")[2])
    assert len(shown.partition(".")[2]) == places
    assert 0 <= Decimal(shown.replace(",", "")) - Decimal(repr(half)) <= Decimal(1).scaleb(-places)


@pytest.mark.parametrize(
    ("value", "half", "shown"),
    [
        ("0.633", 0.0449, "0.633 ± 0.045"),
        ("2.90", 0.3277, "2.90 ± 0.33"),
        ("0.50", 0.25, "0.50 ± 0.25"),  # what is exact stays as it is
        ("0.700", 0.0, "0.700 ± 0.000"),
        ("12,346", 1234.5, "12,346 ± 1,235"),
        ("1.00e-09", 2.345e-10, "1.00e-09 ± 2.3e-10"),
        ("2.90", math.inf, "2.90 ± inf"),
        ("2.90", 1e30, "2.90 ± 1e+30"),
        ("nan", 0.5, "nan ± 0.5"),
        ("2.90", None, "2.90"),
    ],
)
def test_worked_by_hand(value: str, half: float | None, shown: str) -> None:
    assert plus_minus(value, half) == shown
