"""nuPlan: one SQLite file per log.

    **/<log>.db        as in nuplan-v1.1/splits/<split>/

A sweep of the merged lidars (`lidar_pc`) is a frame; its boxes are those of the data set's offline perception. Files
are opened without locks, so that nothing is written beside them; one that was not closed is refused. Memory: one log
with its boxes.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import Fault, SourceError
from oddloop.exchange.attributes import sun
from oddloop.exchange.attributes.agents import categories_present, is_agent
from oddloop.exchange.attributes.derived import mark_derived
from oddloop.exchange.attributes.motion import Poses
from oddloop.exchange.sources.agents import agents_of
from oddloop.exchange.sources.base import Part, PartError, Tables, pick_columns, reading, refuse_twice
from oddloop.exchange.sources.drive import RULES, Drive, drive_tables
from oddloop.exchange.sources.left_out import LEFT_OUT, as_table
from oddloop.exchange.sources.nuplan_tracks import box_states, ego_states, tracks_of
from oddloop.exchange.sources.rotation import QUATERNION, heading_of_quaternions, seen_from
from oddloop.exchange.sources.splits import split_columns

PLACES_DEG = {
    "boston": (42.34, -71.04),
    "las_vegas": (36.11, -115.17),
    "pittsburgh": (40.41, -79.95),
    "singapore": (1.30, 103.79),
}
"""Latitude and longitude of the four cities; their maps reach a few km around."""
MAPS = {
    "us-ma-boston": "boston",
    "us-nv-las-vegas-strip": "las_vegas",
    "us-pa-pittsburgh-hazelwood": "pittsburgh",
    "sg-one-north": "singapore",
}
SUN_RULES = {
    "sun_elevation_deg": f"{sun.ELEVATION_RULE}; the place is the city",
    "time_of_day": f"{sun.RULE}; the place is the city",
}
_JOURNAL = bytes.fromhex("d9d505f920a163d7")
_BESIDE = {"-wal": b"", "-journal": _JOURNAL}
"""Files of SQLite with changes, and how they begin then; a journal that is done with has zeros there."""
_BATCH = 100_000
"""Rows that are Python objects at a time."""


def _numbers(*names: str) -> dict[str, pa.DataType]:
    return dict.fromkeys(names, pa.float64())


_TOKEN, _TEXT = pa.binary(), pa.string()
_TABLES: dict[str, dict[str, pa.DataType]] = {
    "log": {"vehicle_name": _TEXT, "location": _TEXT, "map_version": _TEXT},
    "lidar_pc": {"token": _TOKEN, "ego_pose_token": _TOKEN, "timestamp": pa.int64()},
    "ego_pose": {"token": _TOKEN, "timestamp": pa.int64(), **_numbers("x", "y", "z", *QUATERNION, "vx")},
    "category": {"token": _TOKEN, "name": _TEXT},
    "track": {"token": _TOKEN, "category_token": _TOKEN},
    "lidar_box": {
        "lidar_pc_token": _TOKEN,
        "track_token": _TOKEN,
        **_numbers("x", "y", "z", "width", "length", "height", "yaw", "vx", "vy"),
    },
    "scenario_tag": {"lidar_pc_token": _TOKEN, "type": _TEXT},
}
"""The columns that are read; those of `log`, and velocities, may be empty."""
_VELOCITIES = ("vx", "vy")


class NuPlan:
    """Logs below a folder; see the module for the layout."""

    def __init__(self, folder: Path, scene_s: float) -> None:
        self.folder, self.scene_s = folder, scene_s
        self.agents = agents_of("nuplan")

    def parts(self) -> Iterator[Part]:
        """One part per log."""
        files = sorted(self.folder.glob("**/*.db"))
        if not files:
            raise SourceError(f"{self.folder}: no .db file below it; give the folder of a split, such as splits/mini")
        name, n = Counter(file.stem for file in files).most_common(1)[0]
        if n > 1:
            raise SourceError(f"{self.folder}: log {name} is in several of its folders; give the folder of one split")
        return (Part(file.stem, (file,)) for file in files)

    def read(self, part: Part) -> Tables:
        """Tables of one log."""
        log = _Log(part.files[0])
        drive = Drive(
            log_id=part.name,
            timestamp_ns=log.times_us * 1000,
            frame_id=log.names("lidar_pc"),
            poses=log.poses,
            boxes=log.boxes(),
            agents=self.agents,
            attributes={
                "vehicle_id": log.said("vehicle_name"),
                "location": log.said("location"),
                **_split(part.files[0].parent.name),
            },
        )
        tables = drive_tables(drive, self.scene_s)
        tables["scenes"] = log.described(tables["scenes"])
        tables["tracks"], n_unknown = log.tracks(tables["frames"], self.agents)
        if n_unknown:
            fault = Fault("tracks", str(log.file), -1, "no-velocity", "states without a velocity", n_unknown)
            tables[LEFT_OUT] = as_table([fault])
        return tables


class _Log:
    """The tables of one file, sweeps in order of time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.tables = _read_tables(file)
        self.tables["lidar_pc"] = self.tables["lidar_pc"].sort_by("timestamp")
        self.times_us = self.tables["lidar_pc"]["timestamp"].to_numpy()
        if not len(self.times_us) or (np.diff(self.times_us) == 0).any():
            raise self._fault("not-in-order", "it has no row in `lidar_pc`, or two of one time")
        poses = self.tables["ego_pose"]
        place, rotation = _matrix(poses, "x", "y", "z"), _matrix(poses, *QUATERNION)
        of_sweep = self._rows("lidar_pc", "ego_pose_token", "ego_pose")
        self.place, self.rotation = place[of_sweep], rotation[of_sweep]
        self.speed_mps = poses["vx"].to_numpy()[of_sweep]
        self.poses = self._poses(place, heading_of_quaternions(rotation))

    def said(self, name: str) -> str | None:
        """What `log` says of the whole file."""
        rows = self.tables["log"]
        return rows[name][0].as_py() if rows.num_rows else None

    def names(self, table: str) -> pa.Array:
        """Tokens of a table as the data set's own code writes them."""
        return pa.array([token.hex() for token in self.tables[table]["token"].to_pylist()], pa.string())

    @cached_property
    def frame_of_box(self) -> np.ndarray:
        """Row of the sweep that each box is of."""
        return self._rows("lidar_box", "lidar_pc_token", "lidar_pc")

    @cached_property
    def track_of_box(self) -> np.ndarray:
        """Row of the track that each box is of."""
        return self._rows("lidar_box", "track_token", "track")

    @cached_property
    def kind_of_box(self) -> pa.ChunkedArray:
        """Category of each box."""
        kind = self._rows("track", "category_token", "category")[self.track_of_box]
        return self.tables["category"]["name"].take(pa.array(kind))

    @cached_property
    def track_names(self) -> pa.Array:
        """Names of the tracks."""
        return self.names("track")

    def boxes(self) -> pa.Table:
        """Boxes as seen from the vehicle at their sweep."""
        rows, frame, track, names = self.tables["lidar_box"], self.frame_of_box, self.track_of_box, self.track_names
        refuse_twice(
            pa.table({"track": track, "frame": frame}),
            ["track", "frame"],
            self.file,
            "duplicate-track",
            lambda one, at: f"track {names[one]} has two boxes at {self.times_us[at]} us",
        )
        seen = seen_from(self.place[frame], self.rotation[frame], _matrix(rows, "x", "y", "z"), rows["yaw"].to_numpy())
        sides = {f"{side}_m": rows[side].to_numpy() for side in ("length", "width", "height")}
        speed = {"speed_mps": np.hypot(rows["vx"].to_numpy(), rows["vy"].to_numpy())}
        return pa.table(
            {
                "frame": frame,
                "object_id": names.take(pa.array(track)),
                "category": self.kind_of_box,
                **{
                    name: pa.array(values, pa.float32(), from_pandas=True)
                    for name, values in {**seen, **sides, **speed}.items()
                },
            }
        )

    def tracks(self, frames: pa.Table, agents: Collection[str]) -> tuple[pa.Table, int]:
        """Road users and the ego vehicle at each sweep, and how many states have no velocity."""
        mine = np.flatnonzero(is_agent(self.kind_of_box, agents))
        return tracks_of(
            frames,
            ego_states(self.place, heading_of_quaternions(self.rotation), self.speed_mps),
            box_states(self.tables["lidar_box"].take(pa.array(mine))),
            self.frame_of_box[mine],
            self.track_names.take(pa.array(self.track_of_box[mine])),
        )

    def described(self, scenes: pa.Table) -> pa.Table:
        """Scenes with what happens in them, and with the sun."""
        start_ns = scenes["start_ns"].to_numpy()
        city = MAPS.get(self.said("map_version") or "", self.said("location") or "")
        latitude, longitude = PLACES_DEG.get(city, (np.nan, np.nan))
        columns = {
            **sun.sun_columns(start_ns, np.array([latitude]), np.array([longitude])),
            "scenario_types": self._scenario_types(start_ns),
        }
        for name, values in columns.items():
            scenes = scenes.append_column(name, values)
        return mark_derived(scenes, {**RULES, **SUN_RULES})

    def _poses(self, place: np.ndarray, heading: np.ndarray) -> Poses:
        """All poses, which are more than the sweeps, one of a time."""
        if n_bad := int(np.isnan(heading).sum()):
            raise self._fault("bad-rotation", "a quaternion of `ego_pose` is all zeros", n_bad)
        time_us, first = np.unique(self.tables["ego_pose"]["timestamp"].to_numpy(), return_index=True)
        return Poses(time_us * 1000, place[first, 0], place[first, 1], heading[first])

    def _scenario_types(self, start_ns: np.ndarray) -> pa.Array:
        """Types of the tags in each scene; null where there are none, as nearly all of a log is not tagged."""
        at_ns = self.times_us[self._rows("scenario_tag", "lidar_pc_token", "lidar_pc")] * 1000
        scene = np.searchsorted(start_ns, at_ns, side="right") - 1
        types = categories_present(scene, self.tables["scenario_tag"]["type"], len(start_ns))
        return pc.if_else(pc.greater(pc.list_value_length(types), 0), types, None)

    def _rows(self, table: str, column: str, of: str) -> np.ndarray:
        """Rows of another table that a column of tokens leads to."""
        tokens = self.tables[table][column]
        found = pc.index_in(tokens, value_set=self.tables[of]["token"].combine_chunks())
        if found.null_count:
            lost = tokens.filter(pc.is_null(found))[0].as_py().hex()
            raise self._fault("dangling", f"`{column}` {lost} of `{table}` is not in `{of}`", found.null_count)
        rows: np.ndarray = found.to_numpy().astype(np.int64)
        return rows

    def _fault(self, code: str, message: str, n_rows: int = 1) -> PartError:
        return PartError.of(self.file, code, message, n_rows)


def _read_tables(file: Path) -> dict[str, pa.Table]:
    """The tables as far as they are read.

    Raises:
        PartError: the file is damaged, lacks a table or a column, or a value is missing, of another kind or infinite.
    """
    _refuse_unmerged(file)
    uri = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
    with reading(file):
        try:
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                return {name: _read_table(connection, name, file) for name in _TABLES}
        except sqlite3.Error as error:
            raise ValueError(str(error)) from error


def _refuse_unmerged(file: Path) -> None:
    """Refuse a file beside which SQLite keeps changes of its own: to read them it would have to write there."""
    for ending, magic in _BESIDE.items():
        beside = file.with_name(file.name + ending)
        if not beside.exists():
            continue
        with reading(beside), beside.open("rb") as stream:
            head = stream.read(len(_JOURNAL))
        if head and head.startswith(magic):
            cure = "copy both, open the copy once, as by `sqlite3 <copy> .tables`, and ingest that"
            message = f"{beside.name} beside it holds changes that are not in it yet, as it was not closed; {cure}"
            raise PartError.of(file, "not-closed", message)


def _read_table(connection: sqlite3.Connection, name: str, file: Path) -> pa.Table:
    kinds = _TABLES[name]
    cursor = connection.execute(f"SELECT {', '.join(f'[{column}]' for column in kinds)} FROM [{name}]")
    batches = [pa.schema(list(kinds.items())).empty_table()]
    while rows := cursor.fetchmany(_BATCH):
        columns = zip(kinds.items(), zip(*rows, strict=True), strict=True)
        batches.append(pa.table([_column(name, c, values, kind, file) for (c, kind), values in columns], list(kinds)))
    may_lack = set(kinds) if name == "log" else set(_VELOCITIES)
    wanted = pa.schema([pa.field(column, kind, nullable=column in may_lack) for column, kind in kinds.items()])
    return pick_columns(pa.concat_tables(batches), wanted, f"{file}, table {name}")


def _column(table: str, name: str, values: tuple[object, ...], kind: pa.DataType, file: Path) -> pa.Array:
    """A column of SQLite, which keeps a value of any kind anywhere."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        message = f"column `{name}` of `{table}` holds something that is not {kind}: {str(error).splitlines()[0]}"
        raise PartError.of(file, "wrong-type", message) from error


def _matrix(table: pa.Table, *names: str) -> np.ndarray:
    return np.column_stack([table[name].to_numpy() for name in names])


def _split(folder: str) -> dict[str, str | None]:
    """Splits are folders, and some are in pieces, such as train_boston."""
    return split_columns(folder, {folder} if folder.startswith(("train", "val", "test", "mini")) else ())
