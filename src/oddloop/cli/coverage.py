"""Count the ODD segments and measure the model in each, where the figures are stale."""

from __future__ import annotations

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.stages import run_until
from oddloop.cli.terminal import print_json, print_table


def run(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    derived = run_until("coverage", workspace, quiet=as_json)
    segments = derived.storage.read_table("segments.parquet").to_pylist()
    metrics = derived.storage.read_table("segment_metrics.parquet").to_pylist()
    if as_json:
        print_json({"digest": derived.digest, "segments": segments, "segment_metrics": metrics})
        return
    columns = ("segment_id", "status", "n_scenes", "n_logs", "duration_s")
    short = [s for s in segments if s["n_way"] <= 1]
    print_table("Exposure, all scenes and single attributes", columns, [[s[c] for c in columns] for s in short])
    measured = ("segment_id", "metric", "value", "ci_low", "ci_high", "n_logs", "support")
    names = {s["segment_id"] for s in short}
    rows = [[m[c] for c in measured] for m in metrics if m["segment_id"] in names]
    print_table("Metrics with their intervals", measured, rows)
