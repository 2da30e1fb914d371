"""The whole loop on the real KITTI archive: ingest, check, run, report; and the score audit's known figures."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.stats import spearmanr

from exchange.kitti_text import ingest_kitti, read_ignore_regions
from oddloop.engine import LocalEngine
from oddloop.exchange import frame_errors
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.lake.validate import find_faults
from oddloop.report import write_report
from oddloop.rounds.run import run
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages import read_scores
from oddloop.tables import DETECTION, OBJECTS

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("ODDLOOP_TEST_DATA", ROOT.parent / "shared" / "data")) / "kitti_tracking"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"no KITTI archive at {DATA}; set ODDLOOP_TEST_DATA")

SETTINGS = """
[select]
budget = 100.0

[score]
labels = ["Car"]
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    how_to = (ROOT / "docs/how-to/ingest-kitti.md").read_text()
    (attributes,) = re.findall(r"```toml\n(.*?)```", how_to, re.DOTALL)
    workspace = Workspace.create(tmp_path_factory.mktemp("kitti") / "ws", attributes + SETTINGS)
    ingest_kitti(DATA, workspace, labelled=["0000", "0001"])
    return workspace


def test_the_ingested_tables_have_no_faults(workspace: Workspace) -> None:
    assert find_faults(workspace) == []


def test_run_picks_scenes_under_the_budget_and_writes_the_report(workspace: Workspace) -> None:
    summary = run(workspace, Shell("tester", LocalEngine(2)))
    picks = workspace.storage.read_table(f"rounds/{summary.round_id}/picks.parquet")
    print(f"{picks.num_rows} scenes picked for {pc.sum(picks['cost']).as_py():.1f} of 100: {summary.waiting_for}")
    assert picks.num_rows > 0
    assert pc.sum(picks["cost"]).as_py() <= 100.0
    assert all(picks["reasons"].to_pylist())
    report = Path(write_report(workspace).url)
    assert report.read_text().count("<h1") == 1
    assert run(workspace, Shell("tester", LocalEngine(2))).n_computed == 0


def test_summed_entropy_finds_errors_and_mean_entropy_does_not(workspace: Workspace) -> None:
    summary = run(workspace, Shell("tester", LocalEngine(2)))
    digest = next(step.digest for step in summary.steps if step.name == "score")
    scores = read_scores(workspace.storage.sub(f"derived/score/{digest}/frame_scores/detection"))
    errors = frame_errors(
        read_table(workspace.table("objects"), OBJECTS),
        read_table(workspace.table("predictions/detection/pointrcnn"), DETECTION),
        read_ignore_regions(workspace),
    )
    car = errors.filter(pc.equal(errors["class"], "Car"))
    assert scores.num_rows == car.num_rows == 8008
    aligned = scores.take(pc.index_in(car["frame_id"], scores["frame_id"].combine_chunks()))
    n_errors = pc.add(car["n_fp"], car["n_fn"]).to_numpy()
    found = {name: rho(aligned[f"detection_entropy_{name}"], n_errors) for name in ("sum", "mean")}
    print(f"per-frame Spearman with FP + FN: summed entropy {found['sum']:.4f}, mean entropy {found['mean']:.4f}")
    assert found["sum"] == pytest.approx(0.60, abs=0.02)
    assert found["mean"] == pytest.approx(0.12, abs=0.02)


def rho(score: pa.ChunkedArray, n_errors: np.ndarray) -> float:
    return float(spearmanr(score.to_numpy(), n_errors).statistic)
