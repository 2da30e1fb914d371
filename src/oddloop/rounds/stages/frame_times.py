"""When the scored frames were: read beside them where both tables have the same order, else joined by frame_id."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from oddloop import score
from oddloop.lake.scan import partitions, read_batches, read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, table_files
from oddloop.tables import FRAMES

_COLUMNS = ["frame_id", "timestamp_ns"]


def times_of_frames(frames: TableFiles, scores: Storage, batch_rows: int) -> pa.Array:
    """Time in ns of each scored frame, null where `frames` does not have it.

    Scores of whole scenes bear the scene's id in place of a frame's, and have no time. Both
    tables in one order need the memory of a batch, besides the times; else their ids have to fit into memory.
    """
    if _are_of_scenes(scores):
        n_rows = sum(part.num_rows for part in _parts(scores))
        return pa.nulls(n_rows, pa.int64())
    aligned = _aligned(frames, scores, batch_rows)
    if aligned is not None:
        return aligned
    parts = [part["frame_id"].combine_chunks() for part in _parts(scores)]
    return score.frame_times(pa.concat_arrays(parts), read_table(frames, FRAMES, _COLUMNS))


def _are_of_scenes(scores: Storage) -> bool:
    files = table_files(scores, "frame_scores").files
    parts = (scores.read_table(file, ["frame_id", "scene_id"]) for file in files)
    return all(part["frame_id"].equals(part["scene_id"]) for part in parts)


def _aligned(frames: TableFiles, scores: Storage, batch_rows: int) -> pa.Array | None:
    """The times where both tables hold the same frames in the same order; None where they do not."""
    known = _batches(frames, batch_rows)
    waiting = FRAMES.empty().select(_COLUMNS)
    times: list[pa.Array] = [pa.array([], pa.int64())]
    for part in _parts(scores):
        while waiting.num_rows < part.num_rows and (batch := next(known, None)) is not None:
            waiting = pa.concat_tables([waiting, batch])
        own = waiting.slice(0, part.num_rows)
        if not own["frame_id"].combine_chunks().equals(part["frame_id"].combine_chunks()):
            return None
        times.append(own["timestamp_ns"].combine_chunks())
        waiting = waiting.slice(part.num_rows)
    return pa.concat_arrays(times) if not waiting.num_rows and next(known, None) is None else None


def _batches(frames: TableFiles, batch_rows: int) -> Iterator[pa.Table]:
    for partition in partitions(frames, FRAMES):
        for batch in read_batches(partition, FRAMES, batch_rows=batch_rows, columns=_COLUMNS):
            yield batch.select(_COLUMNS)


def _parts(scores: Storage) -> Iterator[pa.Table]:
    for file in table_files(scores, "frame_scores").files:
        yield scores.read_table(file, ["frame_id"])
