"""Numbers as people read them: never rounded up to a bound that was not reached, never down to a nothing that is not.

Missing numbers are shown as `–`.
"""

from __future__ import annotations

import math

from markupsafe import Markup

from oddloop.intervals.reach import plus_minus

MISSING = "–"
_BOUNDS = (0.0, 1.0, 100.0)


def number(value: float | None) -> str:
    """A measured value to three significant digits, more where rounding would reach 0, 1 or 100.

    >>> number(2.0), number(0.99996), number(12345.6), number(-0.0), number(None)
    ('2.00', '0.99996', '12,346', '0.00', '–')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    value += 0.0  # a zero without its sign
    texts = (_significant(value, digits) for digits in range(3, 18))
    honest = (t for t in texts if abs(float(t)) not in _BOUNDS or float(t) == value)
    return next(honest, _significant(value, 17))


def _significant(value: float, digits: int) -> str:
    text = f"{value:#.{digits}g}"
    return text.removesuffix(".")


def count(value: int | None) -> str:
    """A count with thousands separated.

    >>> count(1500)
    '1,500'
    """
    return MISSING if value is None else f"{value:,}"


def volume(value: float | None) -> str:
    """A volume, which is of scenes, kilometres or hours: whole ones as a count.

    >>> volume(1500.0), volume(0.25), volume(None)
    ('1,500', '0.250', '–')
    """
    is_whole = value is not None and float(value).is_integer()
    return f"{value:,.0f}" if is_whole else number(value)


def plural(value: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "log"), plural(1500, "scene")
    ('1 log', '1,500 scenes')
    """
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def cost(value: float | None) -> str:
    """A cost to two decimals; tiny ones to three significant digits; whole ones without decimals.

    >>> cost(100.0), cost(2.5), cost(0.0004), cost(12345.678)
    ('100', '2.50', '0.000400', '12,345.68')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 0.1 else number(value)


def spent(value: float, budget: float) -> str:
    """A cost beside its budget: rounded down, so that it never seems to reach what it did not reach.

    >>> spent(99.996, 100.0), spent(99.6, 100.0), spent(100.0, 100.0)
    ('99.99', '99.60', '100')
    """
    floored = math.floor(value * 100) / 100
    return cost(floored) if value < budget <= float(f"{value:.2f}") else cost(value)


def percent(part: float, whole: float) -> str:
    """A share in per cent; 0 % and 100 % only where they are exact.

    >>> percent(1, 3), percent(9999, 10000), percent(1, 10000), percent(0, 5), percent(0, 0)
    ('33 %', '> 99 %', '< 1 %', '0 %', '–')
    """
    if not whole:
        return MISSING
    share = 100 * part / whole
    if 0 < share < 1:
        return "< 1 %"
    return "> 99 %" if 99 < share < 100 else f"{share:.0f} %"


def duration(seconds: float | None) -> str:
    """A time in the unit that suits it.

    >>> duration(45), duration(840.0), duration(11520.0), duration(0.0)
    ('45 s', '14 min', '3.2 h', '0 s')
    """
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds == 0 or seconds >= 1 else "< 1 s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 360_000 else f"{seconds / 3600:,.0f} h"


def ends(ci_low: float | None, ci_high: float | None) -> str:
    """An interval, or that there is none.

    >>> ends(1.92, 2.31), ends(None, None)
    ('1.92–2.31', 'no interval')
    """
    if ci_low is None or ci_high is None:
        return "no interval"
    return f"{number(ci_low)}{' to ' if ci_low < 0 else '–'}{number(ci_high)}"


def with_interval(value: float | None, ci_low: float | None, ci_high: float | None) -> str:
    """A value with its interval in brackets.

    >>> with_interval(2.1, 1.92, 2.31)
    '2.10 (1.92–2.31)'
    """
    return MISSING if value is None else f"{number(value)} ({ends(ci_low, ci_high)})"


def breakable(segment_id: str) -> Markup:
    """A segment's id that a narrow column may break after each `=`.

    >>> breakable("rain=heavy")
    Markup('rain=<wbr>heavy')
    """
    return Markup("=<wbr>").join(segment_id.split("="))


def with_reach(value: float | None, half_width: float | None) -> str:
    """A value with half of its interval.

    >>> with_reach(2.898, 0.3277), with_reach(2.898, None)
    ('2.90 ± 0.33', '2.90')
    """
    return plus_minus(number(value), half_width)


def shorten(text: str, width: int = 48) -> str:
    """A long name with its middle left out.

    >>> shorten("a" * 30 + "b" * 30, 9)
    'aaaa…bbbb'
    """
    half = (width - 1) // 2
    return text if len(text) <= width else f"{text[:half]}…{text[-half:]}"
