"""A score over the time of a scene, and where its images are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from oddloop.lake.find import find_rows
from oddloop.lake.footers import footer_of
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


def read_course(view: View, scene_id: str, score: str, frames: pa.Table) -> Course | None:
    """The score over the time of these frames; None where they have none."""
    found = next(_frame_scores(view, score), None) if score and len(frames) else None
    if found is None:
        return None
    files, column = found
    named = ["frame_id", column, f"{column}_valid"]
    parts = (part for file in files.files for part in find_rows(files.storage, file, [scene_id], named))
    rows = [row for part in parts for row in part.to_pylist()]
    scores = {row["frame_id"]: finite(row[column]) if row[f"{column}_valid"] else None for row in rows}
    times = [row for row in frames.select(["frame_id", "timestamp_ns"]).to_pylist() if row["frame_id"] in scores]
    first = times[0]["timestamp_ns"] if times else 0
    told = ((row["frame_id"], (row["timestamp_ns"] - first) / _NS_PER_S) for row in times[:MOST_FRAMES])
    return Course(column, tuple(FrameScore(name, at_s, scores[name]) for name, at_s in told)) if times else None


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
        columns = footer_of(inside, files[0]).names
        fitting = [c for c in columns if f"{c}_valid" in columns and score.startswith(f"{c}_")]
        if fitting:
            yield TableFiles("frame_scores", inside, files), max(fitting, key=len)


def images_of(frames: pa.Table, whole: str) -> tuple[Image, ...]:
    """Where the images of a scene are, as far as the lake says; `whole` is where all of it is, "" for nowhere."""
    found = (Image("", whole),) if whole else ()
    if "media_uri" not in frames.column_names:
        return found
    known = frames.filter(frames["media_uri"].is_valid()).slice(0, MOST_FRAMES)
    return (*found, *(Image(row["frame_id"], row["media_uri"]) for row in known.to_pylist()))
