"""Small made-up nuPlan logs after the published schema: SQLite files with the tables and column types of its devkit."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

N_SWEEPS, SWEEP_US, POSE_US = 80, 500_000, 100_000
"""Forty seconds; the real logs have twenty sweeps and a hundred poses a second."""
SPEED_MPS = 10.0
CATEGORIES = ("generic_object", "vehicle", "pedestrian", "traffic_cone")
TRACKS = (("vehicle", 15.0, 0.0), ("pedestrian", 2.0, 4.0), ("traffic_cone", 8.0, -3.0))
"""Category, and metres ahead and to the left, where it stays."""
VELOCITIES = ((0.0, SPEED_MPS), (0.0, SPEED_MPS), (None, None))
"""East and north, in m/s; a cone has none."""


@dataclass(frozen=True)
class Log:
    name: str
    location: str
    map_version: str
    start_us: int
    number: int
    tags: tuple[tuple[int, str], ...] = ()  # sweep and type

    def token(self, kind: int, number: int) -> bytes:
        """Eight bytes, as the tokens are, and no two logs have one in common."""
        return bytes([0, 0, self.number, kind]) + number.to_bytes(4, "big")


LAS_VEGAS = Log(
    "2021.07.16.20.45.29_veh-35_01095_01486",
    "las_vegas",
    "us-nv-las-vegas-strip",
    1_626_468_329_000_000,  # 13:45 in Las Vegas
    0,
    ((3, "following_lane_with_lead"), (5, "following_lane_with_lead"), (5, "high_magnitude_speed")),
)
SINGAPORE = Log(
    "2021.05.25.14.16.10_veh-50_00006_00398",
    "sg-one-north",
    "sg-one-north",
    1_621_952_170_000_000,  # 22:16 in Singapore
    1,
    ((60, "near_pedestrian_on_crosswalk"),),
)
# The published schema forbids empty tokens; without that, the tests can make files that have some.
SCHEMA = """
CREATE TABLE log (token BLOB, vehicle_name VARCHAR(64), date VARCHAR(64), timestamp INTEGER,
    logfile VARCHAR(64), location VARCHAR(64), map_version VARCHAR(64), PRIMARY KEY (token));
CREATE TABLE ego_pose (token BLOB, timestamp INTEGER, x FLOAT, y FLOAT, z FLOAT,
    qw FLOAT, qx FLOAT, qy FLOAT, qz FLOAT, vx FLOAT, vy FLOAT, vz FLOAT, acceleration_x FLOAT, acceleration_y FLOAT,
    acceleration_z FLOAT, angular_rate_x FLOAT, angular_rate_y FLOAT, angular_rate_z FLOAT, epsg INTEGER,
    log_token BLOB, PRIMARY KEY (token));
CREATE TABLE lidar (token BLOB, log_token BLOB, channel VARCHAR(64), model VARCHAR(64),
    translation BLOB, rotation BLOB, PRIMARY KEY (token));
CREATE TABLE lidar_pc (token BLOB, next_token BLOB, prev_token BLOB, ego_pose_token BLOB,
    lidar_token BLOB, scene_token BLOB, filename VARCHAR(128), timestamp INTEGER, PRIMARY KEY (token));
CREATE TABLE category (token BLOB, name VARCHAR(64), description TEXT, PRIMARY KEY (token));
CREATE TABLE track (token BLOB, category_token BLOB, width FLOAT, length FLOAT, height FLOAT,
    PRIMARY KEY (token));
CREATE TABLE lidar_box (token BLOB, lidar_pc_token BLOB, track_token BLOB, next_token BLOB,
    prev_token BLOB, x FLOAT, y FLOAT, z FLOAT, width FLOAT, length FLOAT, height FLOAT, vx FLOAT, vy FLOAT, vz FLOAT,
    yaw FLOAT, confidence FLOAT, PRIMARY KEY (token));
CREATE TABLE scene (token BLOB, log_token BLOB, name TEXT, goal_ego_pose_token BLOB,
    roadblock_ids TEXT, PRIMARY KEY (token));
CREATE TABLE scenario_tag (token BLOB, lidar_pc_token BLOB, type TEXT, agent_track_token BLOB,
    PRIMARY KEY (token));
CREATE TABLE traffic_light_status (token BLOB, lidar_pc_token BLOB, lane_connector_id INTEGER,
    status VARCHAR(8), PRIMARY KEY (token));
"""
NEEDED = {
    *(f"lidar_box.{name}" for name in ("lidar_pc_token", "track_token", "x", "y", "z", "width", "length", "yaw")),
    *(f"ego_pose.{name}" for name in ("timestamp", "x", "y", "z", "qw", "qz")),
    *("lidar_pc.token", "lidar_pc.ego_pose_token", "lidar_pc.timestamp", "scenario_tag.lidar_pc_token"),
    *("track.token", "track.category_token"),
    *("log", "ego_pose", "lidar_pc", "category", "track", "lidar_box", "scenario_tag"),
}
"""Columns that may not be without a value, or hold a word; and tables."""


def write_folder(folder: Path) -> Path:
    """Two logs of two splits; the vehicle drives north at 10 m/s."""
    write_log(folder / "mini", LAS_VEGAS)
    write_log(folder / "val", SINGAPORE)
    return folder


def write_log(folder: Path, log: Log) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    t = log.token
    file = folder / f"{log.name}.db"
    with closing(sqlite3.connect(file)) as db, db:
        db.executescript(SCHEMA)
        about = (
            t(1, 0),
            log.name[20:26],
            log.name[:10],
            log.start_us,
            log.name,
            log.location,
            log.map_version,
        )
        _insert(db, "log", [about])
        _insert(db, "lidar", [(t(2, 0), t(1, 0), "MergedPointCloud", "mixed", b"", b"")])
        _insert(db, "category", [(t(4, i), name, "") for i, name in enumerate(CATEGORIES)])
        tracks = [(t(5, i), t(4, CATEGORIES.index(c)), 2.0, 4.5, 1.5) for i, (c, *_) in enumerate(TRACKS)]
        _insert(db, "track", tracks)
        per_sweep = SWEEP_US // POSE_US
        _insert(db, "ego_pose", [_pose(log, i) for i in range((N_SWEEPS - 1) * per_sweep + 1)])
        _insert(db, "lidar_pc", [_sweep(log, i, per_sweep) for i in range(N_SWEEPS)])
        _insert(db, "lidar_box", [_box(log, i, k) for i in range(N_SWEEPS) for k in range(len(TRACKS))])
        _insert(
            db,
            "scene",
            [(t(8, i), t(1, 0), f"scene-{i:03}", t(3, 0), "1 2") for i in range(2)],
        )
        tags = [(t(9, i), t(6, sweep), kind, None) for i, (sweep, kind) in enumerate(log.tags)]
        _insert(db, "scenario_tag", tags)
        _insert(db, "traffic_light_status", [(t(10, 0), t(6, 0), 7, "red")])
    return file


def _insert(db: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _place(pose: int) -> tuple[float, float, float]:
    return 664_430.0, 3_997_650.0 + SPEED_MPS * pose * POSE_US / 1e6, 600.0


def _pose(log: Log, i: int) -> tuple[object, ...]:
    t = log.token
    half = math.sqrt(0.5)  # a quarter turn to the left: its x axis points north
    moved = (SPEED_MPS, *(0.0,) * 8)
    return (
        t(3, i),
        log.start_us + i * POSE_US,
        *_place(i),
        half,
        0.0,
        0.0,
        half,
        *moved,
        32611,
        t(1, 0),
    )


def _sweep(log: Log, i: int, per_sweep: int) -> tuple[object, ...]:
    t = log.token
    beside = (t(6, i + 1) if i + 1 < N_SWEEPS else None, t(6, i - 1) if i else None)
    own = (
        t(3, i * per_sweep),
        t(2, 0),
        t(8, 2 * i // N_SWEEPS),
        f"{i}.pcd",
        log.start_us + i * SWEEP_US,
    )
    return (t(6, i), *beside, *own)


def _box(log: Log, i: int, k: int) -> tuple[object, ...]:
    t = log.token
    x, y, z = _place(i * SWEEP_US // POSE_US)
    _, ahead, left = TRACKS[k]
    place = (x - left, y + ahead, z + 1.0)  # ahead is north, left is west
    return (
        t(7, i * 10 + k),
        t(6, i),
        t(5, k),
        None,
        None,
        *place,
        2.0,
        4.5,
        1.5,
        *VELOCITIES[k],
        0.0,
        0.0,
        0.9,
    )
