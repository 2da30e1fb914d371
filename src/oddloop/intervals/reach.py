"""How far an interval reaches, to as many digits as the value beside it has."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal

_HUGE = 1e15
"""From here on not all digits of a float are known."""


def plus_minus(value: str, half_width: float | None) -> str:
    """A value with half of its interval behind it, rounded up, so that it never seems surer than it is.

    Args:
        value: as people read it.
        half_width: of its interval, 0 or more, in the same unit; None: there is none.

    >>> plus_minus("0.633", 0.0449), plus_minus("0.700", 0.00591), plus_minus("12,346", 2.5), plus_minus("2.90", None)
    ('0.633 ± 0.045', '0.700 ± 0.006', '12,346 ± 3', '2.90')
    """
    if half_width is None:
        return value
    if not half_width < _HUGE or not any(c.isdigit() for c in value) or "e" in value:
        return f"{value} ± {half_width:.2g}"
    last = Decimal(1).scaleb(-len(value.partition(".")[2]))
    return f"{value} ± {Decimal(repr(float(half_width))).quantize(last, ROUND_UP):,}"
