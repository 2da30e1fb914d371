"""comma2k19: attributes and telemetry from poses and signals, on made-up and on real segments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from exchange.sources import comma_folder as made
from exchange.sources.lakes import ingest, read
from oddloop.errors import SourceError
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace

SEGMENT = Path(made.ROUTE) / "7"


def scenes(workspace: Workspace) -> list[dict]:
    return read(workspace, "scenes").to_pylist()


def test_a_segment_is_timed_placed_and_measured(tmp_path: Path) -> None:
    workspace = ingest("comma2k19", made.write_folder(tmp_path / "c"))
    assert find_faults(workspace) == []
    (scene,) = scenes(workspace)
    # GPS week 2012 began on 29 July 2018; 43,218 s after it, less 18 leap seconds, it was 12:00:00 UTC.
    assert scene["start_ns"] == 1_532_865_600 * 10**9
    assert scene["scene_id"] == f"{made.ROUTE}/7/00"
    assert (scene["latitude_deg"], scene["longitude_deg"]) == pytest.approx((0.0, 0.0), abs=1e-9)
    # The sun's declination is +18.7 degrees, so it stands 71 degrees high on the equator at about noon.
    assert scene["sun_elevation_deg"] == pytest.approx(71.2, abs=0.5)
    assert scene["time_of_day"] == "day"
    assert scene["distance_m"] == pytest.approx(195.5, abs=1.0)  # 17.95 s at 10 m/s and 2 s at 8 on average
    assert scene["ego_manoeuvre"] == "straight"
    assert scene["speed_max_kph"] == pytest.approx(36.0)
    assert scene["deceleration_max_mps2"] == pytest.approx(2.0)
    assert scene["acceleration_max_mps2"] == 0.0
    assert scene["steering_angle_max_deg"] == 5.0


def test_scenes_of_a_segment_are_numbered_in_it(tmp_path: Path) -> None:
    found = scenes(ingest("comma2k19", made.write_folder(tmp_path / "c"), scene_s=5.0))
    assert [s["scene_id"][-4:] for s in found] == ["7/00", "7/01", "7/02", "7/03"]
    assert [round(s["deceleration_max_mps2"], 3) for s in found] == [0.0, 0.0, 0.0, 2.0]


FAULTS = [
    ("global_pose/frame_positions", lambda a: a[:-1], "its files have not one row per frame each"),
    (
        "global_pose/frame_positions",
        lambda a: np.where(np.arange(len(a))[:, None] == 3, np.nan, a),
        "holds a number that",
    ),
    ("global_pose/frame_gps_times", lambda a: a[::-1], "the times of its frames do not rise"),
    ("global_pose/frame_gps_times", lambda a: a[:, 0], "not 2 numbers a row"),
    ("global_pose/frame_times", lambda a: a[::-1], "frame_times: the times of its frames do not rise"),
    ("global_pose/frame_times", lambda a: a[0], "not 1 numbers a row"),
    ("processed_log/CAN/speed/t", lambda a: a + 60.0, "CAN/speed/t: most of its times are not those of global_pose/fr"),
    ("processed_log/CAN/steering_angle/t", lambda a: a - 15.0, "is one of them of another segment"),
    ("processed_log/CAN/speed/t", lambda a: a[5:], "its times do not rise, or are not as many as its values"),
]


@pytest.mark.parametrize(("file", "change", "message"), FAULTS)
def test_what_is_wrong_is_named(file: str, change, message: str, tmp_path: Path) -> None:
    folder = made.write_folder(tmp_path / "c")
    made.save(folder / SEGMENT, file, change(np.load(folder / SEGMENT / file)))
    with pytest.raises(SourceError, match=message):
        ingest("comma2k19", folder)


def test_a_signal_is_missing(tmp_path: Path) -> None:
    folder = made.write_folder(tmp_path / "c")
    (folder / SEGMENT / "processed_log/CAN/speed/value").unlink()
    with pytest.raises(SourceError, match=r"speed/value: the file is not there"):
        ingest("comma2k19", folder)


@pytest.mark.skipif(not made.REAL.exists(), reason=made.WHY_SKIPPED)
def test_the_real_segment(tmp_path: Path) -> None:
    workspace = ingest("comma2k19", made.lay_out_real(tmp_path / "c"))
    assert find_faults(workspace) == []
    found = scenes(workspace)
    with np.load(made.REAL) as packed:
        gnss, speed = packed["processed_log__GNSS__live_gnss_ublox__value"], packed["processed_log__CAN__speed__value"]
    # Place and time come from poses; the receiver's own fixes say the same. Its 4th column is UTC in ms.
    assert (found[0]["latitude_deg"], found[0]["longitude_deg"]) == pytest.approx(tuple(gnss[0, :2]), abs=1e-3)
    assert found[0]["start_ns"] / 1e6 == pytest.approx(gnss[0, 3], abs=1000)
    assert sum(s["distance_m"] for s in found) == pytest.approx(speed.mean() * 60.0, rel=0.02)
    assert max(s["speed_max_kph"] for s in found) == pytest.approx(speed.max() * 3.6)
    assert {s["time_of_day"] for s in found} == {"day"}  # 9:14 in California
