"""A review for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oddloop.cli.terminal import out, print_table

_COLUMNS = ("rank", "scene", "cost", "decision", "by", "why it was picked")


def print_review(listed: Mapping[str, Any]) -> None:
    """Print picks, decisions and cost, as `oddloop.rounds.review.list_review` gives them."""
    rows = [_row(pick) for pick in listed["picks"]]
    print_table(f"Picks of {listed['round_id']}, {listed['status']}", _COLUMNS, rows)
    out.print(sum_line(listed))


def sum_line(listed: Mapping[str, Any]) -> str:
    """What is in, at what cost, and what is not decided yet."""
    picks = listed["picks"]
    n_kept = sum(pick["is_kept"] for pick in picks)
    cost, budget, unit = listed["cost"], listed["budget"], listed["unit"]
    return (
        f"{listed['round_id']}: {n_kept} of {len(picks)} picks are in, for {cost:,.2f} of {budget:,.2f} {unit}; "
        f"{listed['n_undecided']} are not decided."
    )


def said_of(pick: Mapping[str, Any]) -> str:
    """What was decided on a pick, in a few words."""
    words = {"approve": "approved", "reject": "rejected", "defer": "deferred", "swap": "swapped", "": "-"}
    said = words[pick["decision"]]
    said += f" for {pick['replaced_by']}" if pick["replaced_by"] else ""
    said += ", beyond the cut" if pick["decision"] == "approve" and not pick["is_kept"] else ""
    return f"{said}: {pick['reason']}" if pick["reason"] else said


def _row(pick: Mapping[str, Any]) -> tuple[object, ...]:
    why = "\n".join(reason["text"] for reason in pick["reasons"])
    return pick["rank"], pick["scene_id"], pick["cost"], said_of(pick), pick["decided_by"], why
