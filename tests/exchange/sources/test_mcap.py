"""MCAP logs: statistics against those of the numbers that were written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from exchange.sources import mcap_folder
from oddloop.errors import SourceError
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.lake.scan import read_table
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace
from oddloop.tables import SCENES

pytest.importorskip("mcap", reason="mcap is not installed; pip install 'oddloop[mcap]'")


def ingest(folder: Path, tmp_path: Path) -> list[dict]:
    workspace = Workspace.create(tmp_path / "ws", "")
    ingest_source(make_source("mcap", folder, 20.0), folder, workspace)
    assert find_faults(workspace) == []
    return read_table(workspace.table("scenes"), SCENES).to_pylist()


def write_messages(file: Path, bodies: list[dict], topic: str = "/a") -> None:
    from mcap.writer import Writer

    with file.open("wb") as stream:
        writer = Writer(stream)
        writer.start()
        channel = writer.register_channel(topic, "json", 0)
        for i, body in enumerate(bodies):
            writer.add_message(channel, i * 10**9, json.dumps(body).encode(), i * 10**9)
        writer.finish()


def test_numbers_become_statistics_of_scenes(tmp_path: Path) -> None:
    mcap_folder.write_folder(tmp_path / "logs")
    one, two, third = ingest(tmp_path / "logs", tmp_path)
    assert [row["scene_id"] for row in (one, two, third)] == ["day/one/00", "day/one/01", "two/00"]
    x = np.repeat(np.arange(40), 10)
    assert one["imu_data_accel_x_mean"] == pytest.approx(x[:200].mean(), abs=0.2)
    assert (two["imu_data_accel_x_min"], two["imu_data_accel_x_max"]) == (20.0, 39.0)
    assert two["imu_data_accel_x_std"] == pytest.approx(x[200:].std(), rel=0.01)
    assert (one["imu_data_accel_y_std"], one["imu_data_ok_mean"]) == (0.0, 1.0)
    assert one["imu_data_rate_hz"] == pytest.approx(10, rel=0.02)
    assert one["camera_rate_hz"] == pytest.approx(1, rel=0.06)
    assert not [name for name in one if "covariance" in name or ("camera" in name and "rate" not in name)]
    assert (one["latitude_deg"], one["time_of_day"], third["time_of_day"]) == (52.5, "day", "night")
    assert one["duration_s"] == pytest.approx(20, abs=0.1)


def test_a_scene_without_a_number_has_none(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    write_messages(tmp_path / "logs/a.mcap", [{"v": 1.0} if i < 10 else {"w": float("nan")} for i in range(41)])
    rows = ingest(tmp_path / "logs", tmp_path)
    assert [row["a_v_mean"] for row in rows] == [1.0, None]
    assert "a_w_mean" not in rows[0]


def test_a_large_number_keeps_its_spread(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    write_messages(tmp_path / "logs/a.mcap", [{"t": 1.7e9 + 0.25 * (i % 2)} for i in range(20)])
    assert ingest(tmp_path / "logs", tmp_path)[0]["a_t_std"] == pytest.approx(0.125)


def test_two_fields_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    write_messages(tmp_path / "logs/a.mcap", [{"b/c": 1, "b_c": 2}] * 3)
    with pytest.raises(SourceError, match="a_b_c"):
        ingest(tmp_path / "logs", tmp_path)


def test_names_of_another_case_are_two(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    write_messages(tmp_path / "logs/a.mcap", [{"x": 1, "X": 2}] * 3)
    (row,) = ingest(tmp_path / "logs", tmp_path)
    assert (row["a_x_mean"], row["a_X_mean"]) == (1.0, 2.0)


def test_ros_2_messages_are_decoded_where_their_decoder_is(tmp_path: Path) -> None:
    writers = pytest.importorskip("mcap_ros2.writer", reason="mcap-ros2-support is not installed")
    (tmp_path / "logs").mkdir()
    with (tmp_path / "logs/a.mcap").open("wb") as stream:
        writer = writers.Writer(stream)
        kind = writer.register_msgdef("geometry_msgs/msg/Vector3", "float64 x\nfloat64 y\nfloat64 z")
        for i in range(10):
            writer.write_message("/v", kind, {"x": float(i), "y": 1.0, "z": 0.0}, log_time=i * 10**8)
        writer.finish()
    (row,) = ingest(tmp_path / "logs", tmp_path)
    assert (row["v_x_mean"], row["v_x_max"], row["v_y_std"]) == (4.5, 9.0, 0.0)
