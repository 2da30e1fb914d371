"""A replay for Rerun, read back with its own reader: places, times and scores as they were given."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest

from oddloop.errors import MissingExtraError, TableError
from oddloop.exchange.players import write_replay
from oddloop.exchange.players.rerun_replay import PlayerError


def tracks() -> pa.Table:
    """Two instants of the ego vehicle, the later one first, and a road user whose size is not known."""
    return pa.table(
        {
            "timestamp_ns": [1_500_000_000, 1_000_000_000, 1_000_000_000],
            "agent_id": ["ego", "ego", "7"],
            "x_m": [3.0, 1.0, 9.0],
            "y_m": [0.0, 0.0, -2.0],
            "heading_rad": [0.0, np.pi / 2, 0.0],
            "length_m": [4.0, 4.0, None],
            "width_m": [2.0, 2.0, None],
            "is_ego": [True, True, None],
        }
    )


SCORES = pa.table(
    {"timestamp_ns": [1_000_000_000, 1_500_000_000], "detection/entropy": [0.5, None], "detection/none": [None, None]},
    schema=pa.schema([("timestamp_ns", "int64"), ("detection/entropy", "float64"), ("detection/none", "float64")]),
)


def rows_of(batches: list[pa.RecordBatch]) -> list[dict]:
    """Rows without the columns of the instant at which they were written; times as numbers of ns."""
    table = pa.Table.from_batches(batches)
    table = table.select([name for name in table.column_names if name == "time" or ":" in name])
    return table.set_column(table.schema.get_field_index("time"), "time", table["time"].cast("int64")).to_pylist()


@pytest.mark.system
def test_the_recording_reads_back(tmp_path) -> None:
    chunk = pytest.importorskip("rerun.chunk", reason="rerun-sdk is not installed; make test-all installs it")
    path = tmp_path / "scene.rrd"
    assert write_replay(path, "scene-1", tracks(), SCORES) == 2
    reader = chunk.RrdReader(path)
    assert [entry.recording_id for entry in reader.recordings()] == ["scene-1"]
    found: dict[str, list[pa.RecordBatch]] = {}
    for part in reader.stream().to_chunks():
        found.setdefault(str(part.entity_path), []).append(part.to_record_batch())
    ours = sorted(name for name in found if "properties" not in name)
    assert ours == ["/scene/road_users", "/scores/detection/entropy"]
    boxes = rows_of(found["/scene/road_users"])
    assert [row["Boxes3D:labels"] for row in boxes] == [["ego", "7"], ["ego"]]
    assert [place[:2] for place in boxes[0]["Boxes3D:centers"]] == [[1.0, 0.0], [9.0, -2.0]]
    assert np.allclose(boxes[0]["Boxes3D:half_sizes"], [[2.0, 1.0, 0.8], [2.25, 0.95, 0.8]])
    assert np.allclose(boxes[0]["Boxes3D:quaternions"][0], [0, 0, np.sqrt(0.5), np.sqrt(0.5)])
    assert [row["time"] / 1e9 for row in boxes] == [0.0, 0.5]
    score = rows_of(found["/scores/detection/entropy"])
    assert [row["Scalars:scalars"] for row in score] == [[0.5]]


@pytest.mark.system
def test_a_file_that_is_there_and_a_scene_without_tracks_are_refused(tmp_path) -> None:
    pytest.importorskip("rerun", reason="rerun-sdk is not installed; make test-all installs it")
    path = tmp_path / "scene.rrd"
    path.write_text("mine")
    with pytest.raises(PlayerError, match="is there already"):
        write_replay(path, "scene-1", tracks())
    assert path.read_text() == "mine"
    with pytest.raises(TableError, match="none of scene 'scene-1'"):
        write_replay(tmp_path / "other.rrd", "scene-1", tracks().slice(0, 0))
    assert not (tmp_path / "other.rrd").exists()


def test_without_the_library_it_says_what_to_install(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(MissingExtraError, match=r"oddloop\[rerun\]"):
        write_replay(tmp_path / "scene.rrd", "scene-1", tracks())
