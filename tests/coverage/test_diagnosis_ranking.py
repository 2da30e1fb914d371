"""The worst gaps first: what is surely missing, as a share of the target; nothing that is met."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from oddloop.coverage.diagnosis import worst_gaps
from oddloop.derived_tables import GAPS, VERDICTS


def row(segment_id: str, gap: float | None, half: float | None, target: float = 2.0, **more: Any) -> dict[str, Any]:
    names = {"segment_id": segment_id, "model_id": "m", "metric": "min_fde_m"}
    counts = {"support": 9, "n_logs": 3, "n_labelled": 1, "n_unlabelled": 1}
    words = {"verdict": "undecided", "tier": "none", "hedged": False, "because": "", "would_change": ""}
    return {**names, "value": None, "target": target, "gap": gap, "half_width": half, **counts, **words, **more}


def tables(rows: list[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    return pa.Table.from_pylist(rows, GAPS.schema()), pa.Table.from_pylist(rows, VERDICTS.schema())


def test_order_is_of_the_sure_part_of_the_gap_as_a_share_of_the_target() -> None:
    rows = [
        row("unmeasured", None, None),
        row("wide", 3.0, 2.9),  # sure of 0.1 of 2
        row("sure", 1.0, 0.1),  # 0.9 of 2
        row("small_target", 0.3, 0.1, target=0.1),  # 0.2 of 0.1
        row("met", -1.0, 0.1, verdict="ok"),
        row("no_interval", 5.0, None),
    ]
    found = worst_gaps(*tables(rows))
    assert found["segment_id"].to_pylist() == ["small_target", "sure", "wide", "unmeasured", "no_interval"]
    assert set(found.column_names) == {c.name for c in (*GAPS.columns, *VERDICTS.columns)}


def test_a_target_of_zero_and_ties_keep_their_order() -> None:
    rows = [row("b", 1.0, 0.0, target=0.0), row("a", 1.0, 0.0, target=0.0), row("c", 2.0, 0.0, target=-1.0)]
    assert worst_gaps(*tables(rows))["segment_id"].to_pylist() == ["c", "b", "a"]


def test_tables_of_different_rows_are_refused() -> None:
    gaps, verdicts = tables([row("a", 1.0, 0.1), row("b", 1.0, 0.1)])
    with pytest.raises(ValueError, match="of different rows; give both tables of one diagnosis"):
        worst_gaps(gaps, verdicts.slice(1))
