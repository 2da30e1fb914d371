"""The real KITTI archive: the numbers that its README states, and what entropy tells of errors."""

from __future__ import annotations

import sys
import time

import numpy as np
import pyarrow.compute as pc
import pytest
from scipy.special import entr
from scipy.stats import spearmanr

from exchange.kitti_text import REAL, WHY_SKIPPED, ingest_kitti, read_ignore_regions
from oddloop.exchange import frame_errors
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.tables import DETECTION, METRICS, OBJECTS

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=WHY_SKIPPED)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory):
    workspace = Workspace.create(tmp_path_factory.mktemp("kitti") / "ws", "")
    return workspace, ingest_kitti(REAL, workspace)


@pytest.fixture(scope="module")
def tables(ingested):
    workspace, _ = ingested
    predictions = read_table(workspace.table("predictions/detection/pointrcnn"), DETECTION)
    return read_table(workspace.table("objects"), OBJECTS), predictions, read_ignore_regions(workspace)


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]):
    """Print into the test log, also when the test passes."""

    def say(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  KITTI: {text} ")

    return say


def test_counts(ingested, tables, log) -> None:
    _, summary = ingested
    n_detections = pc.sum(pc.list_value_length(tables[1]["boxes"])).as_py()
    log(", ".join(f"{n:,} {name}" for name, n in summary.rows.items()) + f", {n_detections:,} detections")
    assert (summary.counts["parts"], n_detections) == (21, 80_471)
    counts = {"scenes": 90, "frames": 8008, "objects": 47_262, "ignore_regions": 18_039}
    assert {name: summary.rows[name] for name in counts} == counts


def test_precision_and_recall_of_cars(ingested, log) -> None:
    workspace, _ = ingested
    metrics = read_table(workspace.table("metrics"), METRICS)
    precision, recall = _pooled(metrics, "precision_car"), _pooled(metrics, "recall_car")
    log(f"Car precision {precision:.4f} (README .665), recall {recall:.4f} (README .885)")
    assert precision == pytest.approx(0.665, abs=0.01)
    assert recall == pytest.approx(0.885, abs=0.01)


def test_entropy_against_errors_per_frame(tables, log) -> None:
    objects, predictions, ignored = tables
    errors = frame_errors(objects, predictions, ignored)
    cars = errors.filter(pc.equal(errors["class"], "Car"))
    wrong = pc.add(cars["n_fp"], cars["n_fn"]).to_numpy()
    total, count = _binary_entropy_of_cars(predictions)
    # A frame without Car detections has the mean 0: nothing there is in doubt. Left out, it would not be .12 but .08.
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    by_sum, by_mean = spearmanr(total, wrong).statistic, spearmanr(mean, wrong).statistic
    without_empty = spearmanr(mean[count > 0], wrong[count > 0]).statistic
    log(
        f"Spearman with FP + FN per frame: summed entropy {by_sum:.4f} (README .60), mean entropy {by_mean:.4f} "
        f"(README .12); without the {int((count == 0).sum())} frames that have no Car detection {without_empty:.4f}"
    )
    assert by_sum == pytest.approx(0.60, abs=0.02)
    assert by_mean == pytest.approx(0.12, abs=0.02)


def test_matching_takes_less_than_three_seconds(tables, log) -> None:
    start = time.perf_counter()
    errors = frame_errors(*tables)
    took_s = time.perf_counter() - start
    log(f"matching {errors.num_rows:,} frames x classes took {took_s:.2f} s")
    assert errors.num_rows == 3 * 8008
    assert took_s < 3.0


def _pooled(metrics, name: str) -> float:
    mine = metrics.filter(pc.equal(metrics["metric"], name))
    return pc.sum(pc.multiply(mine["value"], mine["support"])).as_py() / pc.sum(mine["support"]).as_py()


def _binary_entropy_of_cars(predictions) -> tuple[np.ndarray, np.ndarray]:
    """Per frame: summed binary entropy in nats of all Car detections, low scores included, and how many there are."""
    boxes = predictions["boxes"].combine_chunks()
    flat, frame = pc.list_flatten(boxes), pc.list_parent_indices(boxes).to_numpy()
    is_car = pc.equal(pc.struct_field(flat, "label"), "Car").to_numpy(zero_copy_only=False)
    p = pc.struct_field(flat, "score").to_numpy().astype(np.float64)[is_car]
    n = predictions.num_rows
    return np.bincount(frame[is_car], entr(p) + entr(1 - p), n), np.bincount(frame[is_car], minlength=n)
