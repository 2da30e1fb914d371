"""The audit on the real KITTI archive: the README's figures on frames, and which score beats object count."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from exchange.kitti_text import ingest_kitti, read_ignore_regions
from oddloop.config import CostConfig
from oddloop.engine import LocalEngine
from oddloop.exchange import frame_errors
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.rounds.audit import audit
from oddloop.rounds.run import run_stages
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages import read_scores
from oddloop.rounds.stages.audit import recommended
from oddloop.score import AuditRows, audit_scores, recommend, score_columns
from oddloop.select import predict_cost
from oddloop.tables import DETECTION, OBJECTS

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("ODDLOOP_TEST_DATA", ROOT.parent / "shared" / "data")) / "kitti_tracking"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"no KITTI archive at {DATA}; set ODDLOOP_TEST_DATA")

SHELL = Shell("tester", LocalEngine(2))
SETTINGS = """
[score]
labels = ["Car"]
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    how_to = (ROOT / "docs/how-to/ingest-kitti.md").read_text()
    attributes = max(re.findall(r"```toml\n(.*?)```", how_to, re.DOTALL), key=len)
    workspace = Workspace.create(tmp_path_factory.mktemp("kitti") / "ws", attributes + SETTINGS)
    ingest_kitti(DATA, workspace, labelled=["0000", "0001"])
    return workspace


@pytest.fixture(scope="module")
def frames(workspace: Workspace) -> pa.Table:
    """Frame scores with the errors of class Car, the log, and the Cars that are labelled and that were detected."""
    scores = read_scores(run_stages(workspace, SHELL, until="score")["score"].storage.sub("frame_scores/detection"))
    predictions = read_table(workspace.table("predictions/detection/pointrcnn"), DETECTION)
    errors = frame_errors(read_table(workspace.table("objects"), OBJECTS), predictions, read_ignore_regions(workspace))
    car = errors.filter(pc.equal(errors["class"], "Car"))
    car = car.take(pc.index_in(scores["frame_id"], car["frame_id"].combine_chunks()))
    boxes = predictions.take(pc.index_in(scores["frame_id"], predictions["frame_id"].combine_chunks()))["boxes"]
    boxes = boxes.combine_chunks()
    is_car = pc.equal(pc.struct_field(pc.list_flatten(boxes), "label"), "Car")
    n_detected = np.bincount(pc.list_parent_indices(boxes).filter(is_car).to_numpy(), minlength=len(boxes))
    added = {"errors": pc.add(car["n_fp"], car["n_fn"]), "n_labelled": pc.add(car["n_tp"], car["n_fn"])}
    added |= {"n_detected": pa.array(n_detected), "log": pc.utf8_slice_codeunits(scores["frame_id"], 0, 4)}
    for name, column in added.items():
        scores = scores.append_column(name, column)
    return scores


def audit_frames(frames: pa.Table, counts: str, costs: np.ndarray) -> dict[str, dict[str, Any]]:
    rows = AuditRows(frames["errors"].to_numpy(), frames["log"].to_numpy(), costs, frames[counts].to_numpy())
    scores = {name: frames[name].to_numpy() for name in score_columns(frames)}
    table = audit_scores(scores, rows, np.random.default_rng(0))
    print(f"\nagainst the count of {counts}, a frame costing {costs.min():g} to {costs.max():g}: {recommend(table)[0]}")
    return {row["score"]: row for row in table.to_pylist()}


def test_the_figures_of_the_readme(frames: pa.Table) -> None:
    # Its object count is of the labels, which nobody has before labelling.
    found = audit_frames(frames, "n_labelled", np.ones(frames.num_rows))
    wanted = {  # rank correlation, share of errors in the top 20 % of frames
        "detection_entropy_sum": (0.60, 0.349),
        "detection_entropy_mean": (0.12, 0.196),
        "object_count": (0.31, 0.299),
    }
    for name, (rho, share) in wanted.items():
        row = found[name]
        print(f"{name}: rank correlation {row['rank_correlation']:.3f}, top 20 % hold {row['found_at_20']:.3f}")
        assert (row["n"], row["n_logs"]) == (8008, 21)
        assert row["rank_correlation"] == pytest.approx(rho, abs=0.02)
        assert row["found_at_20"] == pytest.approx(share, abs=0.02)
    mean = found["detection_entropy_mean"]  # no better than chance, and its interval says so
    assert mean["found_at_20_low"] < 0.20 < mean["found_at_20_high"]


def test_per_frame_summed_entropy_hardly_beats_the_count_of_detections(frames: pa.Table) -> None:
    # What the detector reports is known before labelling, and a much stronger baseline than the labels.
    found = audit_frames(frames, "n_detected", np.ones(frames.num_rows))
    count, entropy = found["object_count"], found["detection_entropy_sum"]
    print(shown(count), shown(entropy), sep="\n")
    assert count["rank_correlation"] == pytest.approx(0.58, abs=0.02)
    assert entropy["gain_at_20_low"] < 0 < entropy["gain_at_20_high"]


def test_per_unit_of_cost_summed_entropy_beats_the_count_of_detections(frames: pa.Table) -> None:
    costs = predict_cost(np.ones(frames.num_rows), frames["n_detected"].to_numpy(), CostConfig())
    found = audit_frames(frames, "n_detected", costs)
    print(*(shown(row) for row in found.values()), sep="\n")
    assert next(iter(found)) == "detection_entropy_sum"
    assert found["detection_entropy_sum"]["gain_at_10_low"] > 0
    assert found["detection_entropy_sum"]["beyond_count_low"] > 0
    assert found["detection_entropy_mean"]["gain_at_10_low"] < 0


def shown(row: dict[str, Any]) -> str:
    names = ("rank_correlation", "beyond_count", "found_at_5", "found_at_10", "found_at_20", "gain_at_10", "gain_at_20")
    cells = [[row[f"{name}{end}"] for end in ("", "_low", "_high")] for name in names]
    return f"{row['score']:<32}" + "  ".join("/".join("-" if v is None else f"{v:.3f}" for v in cell) for cell in cells)


def test_the_audit_of_scenes_runs_on_the_leading_metric(workspace: Workspace) -> None:
    audited = audit(workspace, SHELL, "fp_fn_per_frame_car")
    for best in recommended(audited):
        print(best)
    table = audited.storage.read_table("audit.parquet")
    assert table["n"].to_pylist() == [90] * table.num_rows
    assert set(table["n_logs"].to_pylist()) == {21}
    assert not audit(workspace, SHELL, "fp_fn_per_frame_car").computed
