"""Frame scores to scene scores: frame times are found, thresholds chosen, and columns taken one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop import score
from oddloop.config import SceneScoreConfig
from oddloop.engine import LocalEngine
from oddloop.errors import ConfigError
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace, table_files
from oddloop.rounds.stages.context import Context
from oddloop.rounds.stages.frame_times import times_of_frames


@dataclass(frozen=True)
class SceneSummary:
    """Scene scores of one task, and the thresholds that they are of."""

    scores: pa.Table
    thresholds: pa.Table


def time_inputs(workspace: Workspace) -> tuple[str, ...]:
    """Names of the lake tables that frame times are read from; none where no summary needs them."""
    config = workspace.config.score.scenes
    if not score.needs_times(config):
        return ()
    if config.times == "even":
        return ("scenes",)
    return ("frames",) if workspace.table("frames") else ()


def summarize_frames(context: Context, folder: Storage) -> SceneSummary:
    """Scene scores of the frame scores in a folder.

    Without frame times, one batch of frames is in memory at a time, as long as scenes stand together; else one score
    column per worker.
    """
    config, times = context.workspace.config.score.scenes, _times(context, folder)
    if times is None:
        batches = _score_batches(folder, context.workspace.config.engine.batch_rows)
        if (scores := score.summarize_scene_batches(batches, config)) is not None:
            return SceneSummary(scores, score.threshold_table({}, {}, config))
    frames = score.SceneFrames(read_scores(folder, ["scene_id", "n_objects"]), config, times)
    names, columns = score_names(folder), frames.counts()

    def summarize(name: str) -> tuple[float | None, dict[str, pa.Array]]:
        values = read_scores(folder, [name, f"{name}_valid"])
        threshold = score.find_threshold(values, name, config) if frames.needs_thresholds else None
        return threshold, frames.summarize(values, name, threshold)

    # In threads of this process, whatever the engine: grouped frames are shared, and too large to be sent around.
    found = LocalEngine(context.workspace.config.engine.workers).map(summarize, names)
    thresholds = {name: limit for name, (limit, _) in zip(names, found, strict=True) if limit is not None}
    for _, of_score in found:
        columns |= of_score
    n_valid = {name: columns[f"{name}_n"].sum().as_py() or 0 for name in thresholds}
    return SceneSummary(pa.table(columns), score.threshold_table(thresholds, n_valid, config))


def refuse_unknown_thresholds(config: SceneScoreConfig, scene_scores: pa.Table) -> None:
    """Refuse a fixed threshold of a score that nothing has.

    Raises:
        ConfigError: names them, and the scores that there are.
    """
    known = [name.removesuffix("_n") for name in scene_scores.column_names if name.endswith("_n")]
    if unknown := sorted(set(config.thresholds) - set(known)):
        raise ConfigError(
            f"[score.scenes] thresholds: `{unknown[0]}` is no frame score; there are: {', '.join(known) or 'none'}"
        )


def read_scores(folder: Storage, columns: list[str] | None = None) -> pa.Table:
    """Frame scores of one task, all columns or some, in the order of the partitions."""
    files = table_files(folder, "frame_scores").files
    return pa.concat_tables([folder.read_table(file, columns) for file in files])


def _score_batches(folder: Storage, batch_rows: int) -> Iterator[pa.Table]:
    """Frame scores of one task, batch by batch, in the order of the partitions."""
    columns = ["scene_id", "n_objects"]
    for name in score_names(folder):
        columns += [name, f"{name}_valid"]
    for file in table_files(folder, "frame_scores").files:
        with folder.fs.open_input_file(folder.path(file)) as source:
            for batch in pq.ParquetFile(source).iter_batches(batch_rows, columns=columns):
                yield pa.Table.from_batches([batch])


def score_names(folder: Storage) -> list[str]:
    """Score columns of the frame scores in a folder."""
    first = table_files(folder, "frame_scores").files[0]
    with folder.fs.open_input_file(folder.path(first)) as file:
        return score.score_columns(pq.read_schema(file).empty_table())


def _times(context: Context, folder: Storage) -> pa.Array | None:
    """Time of each frame in ns; None where there are none to be had, or nobody needs them."""
    tables = time_inputs(context.workspace)
    if not tables:
        return None
    if tables == ("scenes",):
        scene_ids = read_scores(folder, ["scene_id"])["scene_id"].combine_chunks()
        return score.even_times(scene_ids, context.scenes())
    return times_of_frames(context.workspace.table("frames"), folder, context.workspace.config.engine.batch_rows)
