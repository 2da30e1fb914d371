"""Why a cluster may matter, in words: each reason a code, a number and a sentence, as picks have them.

Codes: `rarity`, `error`, `uncertainty`, `novelty`, `labels`, `traits`. A sentence claims only what its interval bears
out: an error or uncertainty that is surely higher, and else that it is not.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

Reason = dict[str, str | float | None]


def reasons_of(cards: pa.Table) -> list[list[Reason]]:
    """Reasons of each card, in the order of its rows.

    Args:
        cards: CLUSTER_CARDS without `reasons`.
    """
    makers = (_rarity, _error, _uncertainty, _novelty, _labels, _traits)
    return [[reason for make in makers if (reason := make(row)) is not None] for row in cards.to_pylist()]


def _reason(code: str, value: float | None, text: str) -> Reason:
    return {"code": code, "value": value, "text": text}


def _rarity(row: dict[str, Any]) -> Reason:
    per_hour = row["per_hour"]
    rate = "" if per_hour is None else f", {per_hour:.3g} an hour{_range(row, 'per_hour')}"
    share = f"in {row['log_share']:.2%} of logs ({row['n_logs']:,}; 95 %: {row['log_share_low']:.2%}"
    return _reason("rarity", row["rarity_bits"], f"{share} to {row['log_share_high']:.2%}){rate}")


def _range(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if low is None else f" ({low:.3g} to {high:.3g})"


def _error(row: dict[str, Any]) -> Reason | None:
    if row["error_lift"] is None:
        return None
    support = f"{row['n_measured']:,} measured scenes, {row['n_logs_measured']:,} logs"
    against = f"{row['metric']} {row['error']:.3g} against {row['error_elsewhere']:.3g} elsewhere"
    if row["error_lift_low"] is None:
        return _reason("error", row["error_lift"], f"{against}; too few logs to judge ({support})")
    ends = f"{row['error_lift_low']:+.2f} to {row['error_lift_high']:+.2f} standard deviations"
    surely = "worse" if row["error_lift_low"] > 0 else "better" if row["error_lift_high"] < 0 else ""
    verdict = f"surely {surely}" if surely else "neither surely worse nor better"
    return _reason("error", row["error_lift"], f"{against}: {verdict}, {ends} ({support})")


def _uncertainty(row: dict[str, Any]) -> Reason | None:
    if row["score_lift_low"] is None or row["score_lift_low"] <= 0:
        return None
    ends = f"{row['score_lift_low']:+.2f} to {row['score_lift_high']:+.2f} standard deviations"
    return _reason("uncertainty", row["score_lift"], f"{row['score']} is higher than elsewhere: {ends}")


def _novelty(row: dict[str, Any]) -> Reason | None:
    share, low = row["novel_share"], row["novel_lift_low"]
    if share is None or low is None or low <= 0:
        return None
    return _reason("novelty", share, f"{share:.0%} of its scenes are farther from training than 99 % of training is")


def _labels(row: dict[str, Any]) -> Reason:
    share = row["n_labelled"] / max(row["n_scenes"], 1)
    return _reason("labels", share, f"{row['n_labelled']:,} of {row['n_scenes']:,} scenes are labelled")


def _traits(row: dict[str, Any]) -> Reason | None:
    if not row["traits"]:
        return None
    told = (f"{t['attribute']}={t['value']} ({t['share']:.0%}, elsewhere {t['share_elsewhere']:.0%})"
            for t in row["traits"][:3])  # fmt: skip
    return _reason("traits", row["traits"][0]["lift"], f"set apart by {', '.join(told)}")
