"""`python -m oddloop.demo.train`, end to end on a small fleet: its tables, its rules, its errors."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from oddloop.demo import Fleet
from oddloop.demo.forecast_metrics import METRICS, displacement_errors
from oddloop.demo.forecaster import N_MEMBERS, N_STEPS
from oddloop.demo.train import main
from oddloop.tables import FEATURES, TRAJECTORY, is_compatible
from oddloop.tables import METRICS as METRIC_TABLE


@pytest.fixture(scope="module")
def manifest(small: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("manifest") / "labelled.parquet"
    pq.write_table(pq.read_table(small.folder / "lake" / "labels"), path)
    return path


def arguments(fleet: Path, manifest: Path, output: Path, seed: int = 7) -> list[str]:
    options = {"--fleet": fleet, "--labelled": manifest, "--output": output, "--model-id": "m001", "--seed": seed}
    return [str(part) for option in options.items() for part in option]


@pytest.fixture(scope="module")
def output(small: Fleet, manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    assert main(arguments(small.folder, manifest, folder)) == 0
    return folder


def outputs(folder: Path) -> tuple[pa.Table, pa.Table, pa.Table]:
    names = ("predictions/trajectory", "features/demo_hidden", "metrics")
    first, second, third = (pq.read_table(folder / name) for name in names)
    return first, second, third


def test_tables_are_as_declared(output: Path) -> None:
    for table, spec in zip(outputs(output), (TRAJECTORY, FEATURES, METRIC_TABLE), strict=True):
        for column in spec.required():
            assert is_compatible(table.schema.field(column.name).type, column.type), (spec.name, column.name)
            assert table[column.name].null_count == 0


def test_predictions_have_the_promised_shape_and_order(output: Path, small: Fleet) -> None:
    predictions = outputs(output)[0]
    one = predictions.slice(0, 1).to_pylist()[0]
    assert np.array(one["modes"]).shape == (N_MEMBERS, 1, N_STEPS, 2)
    assert np.array(one["mode_probs"]).tolist() == [[1.0]] * N_MEMBERS
    assert predictions.schema.field("modes").type.value_type.value_type.value_type == pa.list_(pa.float32(), 2)
    ids = predictions["frame_id"].to_pylist()
    assert ids == sorted(ids)  # frames of a scene, and rows of a frame, stand together
    assert set(ids) <= set(pq.read_table(small.folder / "lake" / "frames")["frame_id"].to_pylist())
    file = pq.ParquetFile(output / "predictions" / "trajectory" / "part-0.parquet")
    assert max(file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)) <= 20_000


def test_pool_and_held_out_scenes_are_predicted_but_only_held_out_ones_are_measured(output: Path, small: Fleet) -> None:
    predictions, features, metrics = outputs(output)
    scenes = pq.read_table(small.folder / "lake" / "scenes")
    held_out = set(scenes.filter(pc.equal(scenes["split"], "eval"))["scene_id"].to_pylist())
    predicted = set(predictions["scene_id"].to_pylist())
    assert predicted - held_out
    assert predicted & held_out
    assert features["frame_id"].to_pylist() == predictions["frame_id"].unique().to_pylist()
    assert set(metrics["scene_id"].to_pylist()) <= held_out
    assert set(metrics["metric"].to_pylist()) == set(METRICS)
    assert set(metrics["model_id"].to_pylist()) == {"m001"}
    assert min(metrics["support"].to_pylist()) > 0


def test_metrics_equal_a_loop_over_the_written_predictions(output: Path, small: Fleet) -> None:
    predictions, _, metrics = outputs(output)
    wanted = {(row["scene_id"], row["metric"]): row for row in metrics.to_pylist()}
    scene_id = metrics["scene_id"][0].as_py()
    truth = pq.read_table(small.folder / "tracks" / "truth.parquet", filters=[("scene_id", "=", scene_id)])
    where = {(row["agent_id"], row["frame"]): (row["x_m"], row["y_m"]) for row in truth.to_pylist()}
    errors: dict[str, list[float]] = {name: [] for name in METRICS}
    for row in predictions.filter(pc.equal(predictions["scene_id"], scene_id)).to_pylist():
        frame = int(row["frame_id"][-3:])
        future = [where.get((row["agent_id"], frame + k)) for k in range(1, N_STEPS + 1)]
        if None not in future:
            mean = np.mean([member[0] for member in row["modes"]], axis=0)
            for name, value in displacement_errors(mean[None], np.array(future)[None]).items():
                errors[name].append(value[0])
    for name, values in errors.items():
        row = wanted[scene_id, name]
        assert row["support"] == len(values)
        assert row["value"] == pytest.approx(np.mean(values), abs=1e-3)  # predictions are written as float32


def test_another_seed_gives_other_tables(small: Fleet, manifest: Path, output: Path, tmp_path: Path) -> None:
    assert main(arguments(small.folder, manifest, tmp_path, seed=8)) == 0
    assert not any(a.equals(b) for a, b in zip(outputs(output), outputs(tmp_path), strict=True))


def test_futures_that_nobody_paid_for_change_nothing_nor_do_held_out_scenes_in_the_manifest(
    small: Fleet, manifest: Path, output: Path, tmp_path: Path
) -> None:
    # GIVEN a fleet without the futures of unlabelled scenes, and a manifest without held-out scenes
    folder = shutil.copytree(small.folder, tmp_path / "fleet")
    table, scenes = pq.read_table(manifest), pq.read_table(small.folder / "lake" / "scenes")
    truth = pq.read_table(folder / "tracks" / "truth.parquet")
    paid = truth.filter(pc.is_in(truth["scene_id"], table["scene_id"].combine_chunks()))
    held_out = scenes.filter(pc.equal(scenes["split"], "eval"))["scene_id"].combine_chunks()
    pool_only = table.filter(pc.invert(pc.is_in(table["scene_id"], held_out)))
    assert paid.num_rows < truth.num_rows
    assert pool_only.num_rows < table.num_rows
    pq.write_table(paid, folder / "tracks" / "truth.parquet")
    pq.write_table(pool_only, tmp_path / "pool.parquet")
    # WHEN the same training runs
    assert main(arguments(folder, tmp_path / "pool.parquet", tmp_path / "out")) == 0
    # THEN it gives the same tables, to the last bit
    assert all(a.equals(b) for a, b in zip(outputs(output), outputs(tmp_path / "out"), strict=True))


def test_runs_as_a_program_and_says_what_it_did(small: Fleet, manifest: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "oddloop.demo.train", *arguments(small.folder, manifest, tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 3
    assert done.stdout.startswith("m001: trained on ")


def test_a_training_for_a_curve_only_measures(small: Fleet, manifest: Path, output: Path, tmp_path: Path) -> None:
    assert main([*arguments(small.folder, manifest, tmp_path), "--purpose", "curve"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["metrics"]
    alone, whole = (pq.read_table(folder / "metrics/part-0.parquet") for folder in (tmp_path, output))
    assert alone.drop_columns(["value"]).equals(whole.drop_columns(["value"]))
    np.testing.assert_allclose(alone["value"].to_numpy(), whole["value"].to_numpy(), rtol=1e-6)


def faults(small: Fleet, manifest: Path, folder: Path) -> dict[str, tuple[list[str], str]]:
    strange, empty, odd = folder / "strange.parquet", folder / "empty.parquet", folder / "odd.parquet"
    pq.write_table(pa.table({"scene_id": ["nowhere"]}), strange)
    pq.write_table(pa.table({"scene_id": pa.array([], pa.string())}), empty)
    pq.write_table(pa.table({"other": [1]}), odd)
    (folder / "text.parquet").write_text("no")
    return {
        "no arguments": ([], "the following arguments are required"),
        "no fleet": (arguments(folder / "none", manifest, folder), "holds no complete fleet"),
        "no manifest": (arguments(small.folder, folder / "none", folder), "there is no labelled manifest at"),
        "strange scenes": (arguments(small.folder, strange, folder), "names 1 scenes that the fleet does not have"),
        "no scenes": (arguments(small.folder, empty, folder), "names 0 pool scenes"),
        "other columns": (arguments(small.folder, odd, folder), "is not a Parquet file with a column scene_id"),
        "no Parquet": (arguments(small.folder, folder / "text.parquet", folder), "is not a Parquet file with a column"),
        "negative seed": (arguments(small.folder, manifest, folder, -1), "--seed -1 is negative; use 0 or more"),
    }


def test_faults_give_one_message_and_exit_code_1(
    small: Fleet, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (command, message) in faults(small, manifest, tmp_path).items():
        assert main(command) == 1, name
        captured = capsys.readouterr()
        assert message in captured.err, name
        assert captured.err.startswith("error: ")
        assert captured.out == ""
    assert not (tmp_path / "predictions").exists()
