"""Verdicts in plain words: because of what, and what would change them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from oddloop.intervals.reach import plus_minus

Row = Mapping[str, Any]


def explain(row: Row) -> str:
    """Why a verdict is given, with support and interval, in one or two sentences.

    >>> explain({"verdict": "coverage_gap", "tier": "none", "n_labelled": 3, "hedged": False})
    'Only 3 labelled scenes, too few to say more.'
    """
    verdict = row["verdict"]
    if verdict == "coverage_gap":
        return f"Only {_count(row['n_labelled'], 'labelled scene')}, too few to say more."
    if row.get("value") is None:
        return "Not measured: no held-out scene has a value."
    if row.get("half_width") is None:
        return f"{_value(row)} in {_count(row['n_logs'], 'held-out log')}: too few for an interval."
    if verdict in ("ok", "eval_limited"):
        meets = "meets" if row["gap"] <= 0 else "misses"
        sure = "clearly" if verdict == "ok" else "but not by more than it may be off"
        return f"{_value(row)} {meets} {row['target']:.3g} {sure}; {_support(row)}."
    hedge = "Probably: " if row["hedged"] else ""
    return f"{hedge}{_value(row)}, target {row['target']:.3g}; {_support(row)}. {_evidence(row)}"


def name_change(row: Row, reach: float) -> str:
    """What would change a verdict, in one sentence.

    >>> name_change({"verdict": "coverage_gap"}, 20)
    'Label or drive scenes of this segment.'
    """
    return {
        "ok": "A lower value on more held-out scenes, or a harder target.",
        "coverage_gap": "Label or drive scenes of this segment.",
        "eval_limited": "More held-out logs with this segment: label test data first.",
        "data_limited": "Curves that flatten above the target once more scenes are labelled.",
        "model_limited": f"A model or input that lowers the floor; up to {reach:g} times the scenes alone do not.",
        "label_noise_limited": "Corrected labels, in training and held-out scenes alike.",
        "undecided": "Learning curves of more sizes and seeds (`oddloop coverage curves`), more held-out logs, or more "
        "labels checked.",
    }[row["verdict"]]


def _value(row: Row) -> str:
    value = row["value"] + 0.0  # a zero without its sign
    text = f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".removesuffix(".")
    return f"{row['metric']} {plus_minus(text, row.get('half_width'))}"


def _support(row: Row) -> str:
    return f"{_count(row['support'], 'thing')} in {_count(row['n_logs'], 'held-out log')}"


def _evidence(row: Row) -> str:
    if row["chance"] is None:
        return "No learning curve; the hints point this way." if row["verdict"] != "undecided" else "No learning curve."
    source = "Curves" if row["tier"] == "strong" else "Few points"
    reached = f"{source}: {100 * row['chance']:.0f} % that the target is reached"
    if row["verdict"] == "data_limited":
        return f"{reached}; {_needed(row)}."
    if row["c"] is None:
        return f"{reached}."
    floor = f"{reached}; floor of the error {row['c']:.3g} [{row['c_low']:.3g}, {row['c_high']:.3g}]"
    noisy = f", and labels disagree by {row['disagreement']:.3g}" if row.get("disagreement") is not None else ""
    return f"{floor}{noisy}, target {row['target_error']:.3g}."


def _needed(row: Row) -> str:
    if row["n_needed"] is None:
        return "how many scenes it takes cannot be said"
    high = f"{row['n_needed_high']:,.0f}" if row["n_needed_high"] is not None else "no upper end"
    counts = f"label {row['n_to_label']:,} of the pool, drive for {row['n_to_drive']:,}"
    return f"about {math.ceil(row['n_needed']):,} more scenes [{row['n_needed_low']:,.0f}, {high}]: {counts}"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
