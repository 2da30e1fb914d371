"""A score over the time of a scene, and where its images are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from oddloop.lake.scan import open_parquet
from oddloop.lake.workspace import TableFiles
from oddloop.report.columns import finite
from oddloop.web.store import View

MOST_FRAMES = 2000
_NS_PER_S = 1e9


@dataclass(frozen=True)
class FrameScore:
    """A frame: seconds since the scene's first one, its score, null where it is not valid."""

    frame_id: str
    at_s: float
    value: float | None


@dataclass(frozen=True)
class Course:
    """A score of frames, of which that of the scene is made."""

    score: str
    frames: tuple[FrameScore, ...]


@dataclass(frozen=True)
class Image:
    """Where to look at a frame, or at the whole scene ("" then)."""

    frame_id: str
    uri: str


def read_course(view: View, scene_id: str, score: str) -> Course | None:
    """The score over time; None where frames have none."""
    frames = view.workspace.table("frames")
    found = next(_frame_scores(view, score), None) if score and frames.files else None
    if found is None:
        return None
    files, column = found
    # A name from the file's own schema, quoted: what is asked for goes in as a parameter.
    quoted = column.replace('"', '""')
    sql = (
        f'SELECT f.frame_id, f.timestamp_ns, CASE WHEN s."{quoted}_valid" THEN s."{quoted}" END AS score '  # noqa: S608
        "FROM (SELECT * FROM frames WHERE scene_id = ?) f JOIN (SELECT * FROM scores WHERE scene_id = ?) s "
        "ON f.frame_id = s.frame_id ORDER BY f.timestamp_ns LIMIT ?"
    )
    rows = view.query(sql, [scene_id, scene_id, MOST_FRAMES], frames=frames, scores=files).to_pylist()
    if not rows:
        return None
    first = rows[0]["timestamp_ns"]
    told = (FrameScore(r["frame_id"], (r["timestamp_ns"] - first) / _NS_PER_S, finite(r["score"])) for r in rows)
    return Course(column, tuple(told))


def _frame_scores(view: View, score: str) -> Iterator[tuple[TableFiles, str]]:
    """Files with the frame score that a scene score summarizes, and its name."""
    folder = view.stage("score")
    if folder is None or not folder.exists("frame_scores"):
        return
    for kind in folder.list_folders("frame_scores"):
        name = kind.rstrip("/").rpartition("/")[2]
        inside = folder.sub(f"frame_scores/{name}")
        files = tuple(sorted(inside.relative(info.path) for info in inside.list_files(suffix=".parquet")))
        if not files:
            continue
        with open_parquet(inside, files[0]) as parquet:
            columns = parquet.schema_arrow.names
        fitting = [c for c in columns if f"{c}_valid" in columns and score.startswith(f"{c}_")]
        if fitting:
            yield TableFiles("frame_scores", inside, files), max(fitting, key=len)


def read_images(view: View, scene_id: str, whole: str) -> tuple[Image, ...]:
    """Where its images are, as far as the lake says."""
    found = [Image("", whole)] if whole else []
    frames = view.workspace.table("frames")
    if not frames.files or "media_uri" not in _columns(frames):
        return tuple(found)
    sql = (
        "SELECT frame_id, media_uri FROM frames WHERE scene_id = ? AND media_uri IS NOT NULL "
        "ORDER BY timestamp_ns LIMIT ?"
    )
    rows: pa.Table = view.query(sql, [scene_id, MOST_FRAMES], frames=frames)
    return (*found, *(Image(row["frame_id"], row["media_uri"]) for row in rows.to_pylist()))


def _columns(files: TableFiles) -> set[str]:
    with open_parquet(files.storage, files.files[0]) as parquet:
        return set(parquet.schema_arrow.names)
