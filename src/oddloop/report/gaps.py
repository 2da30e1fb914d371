"""Why segments fall short of the target, as the page shows it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields

import pyarrow.compute as pc

from oddloop.report.columns import finite
from oddloop.report.formats import count, plural
from oddloop.report.model import Gap, ReportInputs

DATA, MODEL, LABELS = "data_limited", "model_limited", "label_noise_limited"
NAMED = {
    DATA: "short of data",
    MODEL: "limited by the model",
    LABELS: "limited by wrong labels",
    "undecided": "undecided",
    "eval_limited": "measured on too few held-out logs",
    "coverage_gap": "without labelled scenes enough to say",
}
"""What a verdict means, in the order of the page."""
_NUMBERS = ("value", "half_width", "n_needed", "n_needed_low", "n_needed_high")


def gaps_of(inputs: ReportInputs) -> tuple[Gap, ...]:
    """The gaps of the page's model and leading metric, in the order of the table."""
    if inputs.gaps is None or inputs.lead is None:
        return ()
    table = inputs.gaps
    mine = pc.and_(pc.equal(table["model_id"], inputs.model_id), pc.equal(table["metric"], inputs.lead.name))
    rows = table.filter(mine).select([f.name for f in fields(Gap)]).to_pylist()
    return tuple(Gap(**{**row, **{name: finite(row[name]) for name in _NUMBERS}}) for row in rows)


def with_cause(gaps: Sequence[Gap]) -> list[Gap]:
    """Those of which a cause is known: what labels help first, then what they do not."""
    return [gap for verdict in (DATA, LABELS, MODEL) for gap in gaps if gap.verdict == verdict]


def gaps_sentence(gaps: Sequence[Gap]) -> str:
    """How many segments are of which verdict.

    >>> gaps_sentence([])
    ''
    """
    counts = Counter(gap.verdict for gap in gaps)
    parts = [f"{count(counts[verdict])} {words}" for verdict, words in NAMED.items() if counts[verdict]]
    if not parts:
        return ""
    return f"{plural(len(gaps), 'segment')} may miss the target: {', '.join(parts)}."


def needed(gap: Gap) -> str:
    """How many more labelled scenes it takes, with its interval.

    >>> needed(Gap("s", DATA, "strong", 3.0, 0.1, 2.0, 126.4, 25.6, None, 79, 48, "", ""))
    '127 (26 or more)'
    """
    if gap.n_needed is None:
        return ""
    low, high = _scenes(gap.n_needed_low), _scenes(gap.n_needed_high)
    return f"{_scenes(math.ceil(gap.n_needed))} ({f'{low} to {high}' if high else f'{low} or more'})"


def _scenes(n: float | None) -> str:
    return "" if n is None else f"{n:,.0f}"
