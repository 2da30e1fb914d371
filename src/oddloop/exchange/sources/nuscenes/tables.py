"""The tables of nuScenes in DuckDB, as far as they are needed, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from oddloop.exchange.sources.json_tables import Connection, add_array, refuse_faults

_TEXT, _VECTOR = "VARCHAR", "DOUBLE[]"
TABLES = {
    "log": {"token": _TEXT, "logfile": _TEXT, "vehicle": _TEXT, "location": _TEXT},
    "scene": {"token": _TEXT, "log_token": _TEXT, "name": _TEXT, "description": _TEXT},
    "sample": {"token": _TEXT, "timestamp": "BIGINT", "scene_token": _TEXT},
    "sensor": {"token": _TEXT, "channel": _TEXT},
    "calibrated_sensor": {"token": _TEXT, "sensor_token": _TEXT},
    "sample_data": {
        "token": _TEXT,
        "sample_token": _TEXT,
        "ego_pose_token": _TEXT,
        "calibrated_sensor_token": _TEXT,
        "is_key_frame": "BOOLEAN",
    },
    "ego_pose": {"token": _TEXT, "timestamp": "BIGINT", "rotation": _VECTOR, "translation": _VECTOR},
    "category": {"token": _TEXT, "name": _TEXT},
    "visibility": {"token": _TEXT, "level": _TEXT},
    "instance": {"token": _TEXT, "category_token": _TEXT},
    "sample_annotation": {
        "token": _TEXT,
        "sample_token": _TEXT,
        "instance_token": _TEXT,
        "visibility_token": _TEXT,
        "translation": _VECTOR,
        "size": _VECTOR,
        "rotation": _VECTOR,
        "num_lidar_pts": "BIGINT",
        "num_radar_pts": "BIGINT",
    },
}
"""Columns by table; every file of them must be there."""
OPTIONAL = {"description", "visibility_token", "num_lidar_pts", "num_radar_pts", "vehicle"}
REFERENCES = [
    ("scene", "log_token", "log"),
    ("sample", "scene_token", "scene"),
    ("calibrated_sensor", "sensor_token", "sensor"),
    ("sample_data", "sample_token", "sample"),
    ("sample_data", "ego_pose_token", "ego_pose"),
    ("sample_data", "calibrated_sensor_token", "calibrated_sensor"),
    ("instance", "category_token", "category"),
    ("sample_annotation", "sample_token", "sample"),
    ("sample_annotation", "instance_token", "instance"),
    ("sample_annotation", "visibility_token", "visibility"),
]
VECTORS = [
    ("ego_pose", "translation", 3),
    ("ego_pose", "rotation", 4),
    ("sample_annotation", "translation", 3),
    ("sample_annotation", "rotation", 4),
    ("sample_annotation", "size", 3),
]


def load_tables(con: Connection, version: Path) -> None:
    """Load the tables of a version, and keep of sensor data what the lidar has, with its poses.

    Raises:
        PartError: a file is missing or damaged, a token is twice or leads nowhere, a number is missing or not finite.
    """
    for name, columns in TABLES.items():
        add_array(con, name, version / f"{name}.json", columns)
    refuse_faults(con, [*_keys(), *_references(), *_vectors()])
    _keep_lidar(con)


def _keys() -> Iterator[tuple[str, str, str]]:
    for name, columns in TABLES.items():
        for column in columns:
            if column not in OPTIONAL:
                query = f"SELECT file, token AS what FROM {name} WHERE {column} IS NULL"
                yield "null-value", f"`{column}` of {{}} is missing", query
        query = f"SELECT max(file) AS file, token AS what FROM {name} GROUP BY token HAVING count(*) > 1"
        yield "duplicate-token", "token {} is there twice", query


def _references() -> Iterator[tuple[str, str, str]]:
    for table, column, other in REFERENCES:
        query = (
            f"SELECT file, {column} AS what FROM {table} WHERE {column} IS NOT NULL AND {column} <> '' "
            f"AND {column} NOT IN (SELECT token FROM {other} WHERE token IS NOT NULL)"
        )
        yield "no-such-token", f"`{column}` {{}} is not in {other}.json", query


def _vectors() -> Iterator[tuple[str, str, str]]:
    for table, column, n in VECTORS:
        query = (
            f"SELECT file, token AS what FROM {table} WHERE len({column}) <> {n} "
            f"OR NOT list_bool_and(list_transform({column}, lambda x: coalesce(isfinite(x), false)))"
        )
        yield "bad-vector", f"`{column}` of {{}} is not {n} finite numbers", query


def _keep_lidar(con: Connection) -> None:
    """`pose`: every ego pose of the lidar with its scene; `sample` with the one of its key frame as columns."""
    con.execute(
        """CREATE TABLE pose AS SELECT s.scene_token, d.sample_token, d.is_key_frame, p.timestamp, p.translation,
        p.rotation FROM sample_data d JOIN calibrated_sensor c ON d.calibrated_sensor_token = c.token
        JOIN sensor ON c.sensor_token = sensor.token JOIN ego_pose p ON d.ego_pose_token = p.token
        JOIN sample s ON d.sample_token = s.token WHERE sensor.channel = 'LIDAR_TOP'
        ORDER BY scene_token, p.timestamp"""
    )
    query = (
        "SELECT file, token AS what FROM sample WHERE token NOT IN (SELECT sample_token FROM pose WHERE is_key_frame "
        "GROUP BY sample_token HAVING count(*) = 1)"
    )
    message = "sample {} has not one key frame of LIDAR_TOP, so where the vehicle was is not known"
    refuse_faults(con, [("no-key-frame", message, query)])
    for table in ("sample_data", "ego_pose"):
        con.execute(f"DROP TABLE {table}")
