"""What a newly trained model is worth: its metrics per segment, as the coverage stage has measured them."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from oddloop.coverage import ALL_SCENES
from oddloop.lake.derived import Derived


def overall_metrics(covered: Derived, model_id: str) -> dict[str, Any]:
    """Payload of an `evaluated` event: the overall metrics with interval and support, and where all segments are."""
    table = covered.storage.read_table("segment_metrics.parquet")
    mine = table.filter(pc.and_(pc.equal(table["model_id"], model_id), pc.equal(table["segment_id"], ALL_SCENES)))
    keep = ["metric", "stack", "value", "ci_low", "ci_high", "interval", "support", "n_scenes", "n_logs"]
    return {"model_id": model_id, "coverage_digest": covered.digest, "overall": mine.select(keep).to_pylist()}
