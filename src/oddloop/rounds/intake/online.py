"""Scores of scenes that are not in the lake (yet), as the run would score them with what it knows of the model now.

What a run fits to all scenes is taken from the newest scores of the current model, and not fitted anew: thresholds of
times above them, normalisers, out-of-distribution statistics. So a scene that is posted whole gets the scene scores
that it had, had it been among them. Time and memory grow with the rows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from oddloop import score
from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.lake.derived import read_manifest
from oddloop.lake.scan import conform
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace, table_files
from oddloop.rounds.intake.statistics import newest_scores
from oddloop.rounds.model import ModelTables
from oddloop.score import ood
from oddloop.tables import FEATURES, TASKS, TableSpec

FEATURE_TASK = "features"
TIMES = "timestamp_ns"
"""Column of posted rows that summaries over time need."""
UNPOSTABLE = ("segmentation",)
"""Tasks whose rows may point to files, which nobody may ask a server to open."""


@dataclass(frozen=True)
class Known:
    """What is known of a model.

    Attributes:
        model: the model.
        config: `[score]`.
        digest: of the scores that the rest was fitted to; "" where there are none.
        thresholds: by frame score.
        normalisers: of scene scores.
        statistics: of features.
        encoder: encoder_id of the features.
    """

    model: score.ScoredModel
    config: ScoreConfig
    digest: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    normalisers: Mapping[str, score.Normaliser] = field(default_factory=dict)
    statistics: Sequence[ood.Statistics] = ()
    encoder: str = ""

    @property
    def source(self) -> ood.Source:
        """What made the features."""
        return ood.Source(self.model.model_id, self.encoder, self.model.model_digest)

    @property
    def tasks(self) -> list[str]:
        """What can be scored."""
        tasks = [task for task in TASKS if task not in UNPOSTABLE]
        return [*tasks, *([FEATURE_TASK] if self.statistics else [])]


def read_known(workspace: Workspace, model: ModelTables) -> Known:
    """What is known of the current model now.

    Raises:
        WorkspaceError: a file is damaged.
        TableError: statistics are of another model, encoder or weights.
    """
    scored, config = score.ScoredModel(model.model_id, model.digest), workspace.config.score
    folder = newest_scores(workspace, model.model_id)
    if folder is None:
        return Known(scored, config, thresholds=config.scenes.thresholds)
    manifest = read_manifest(folder) or {}
    encoder = model.features.name.partition("/")[2] if model.features else ""
    statistics = _statistics(workspace, manifest.get("inputs", {}))
    known = Known(
        scored, config, str(manifest["digest"]), _thresholds(folder), _normalisers(folder), statistics, encoder
    )
    for one in statistics:
        one.check(known.source)
    return known


def score_online(rows: pa.Table, task: str, known: Known) -> pa.Table:
    """Scene scores of posted rows, as `derived_tables.SCENE_SCORES`, normalised where the run normalises.

    Args:
        rows: rows of the task's table, or of `features`; with `timestamp_ns`, summaries over time are made, too.
        task: the task, or `features`.
        known: what is known of the model.

    Raises:
        TableError: the task is not known, or the rows are not what its table declares.
    """
    if task not in known.tasks:
        raise TableError(f"task {task!r} cannot be scored online; these can: {', '.join(known.tasks)}")
    spec = spec_of(task)
    frames = _kernel(task, known)(conform(rows, spec, "rows"))
    times = rows[TIMES].combine_chunks().cast(pa.int64()) if TIMES in rows.column_names else None
    if times is not None and len(times) != frames.num_rows:
        raise TableError(f"rows: `{TIMES}` needs one row per frame; {len(times)} rows are of {frames.num_rows} frames")
    # Never those of the posted rows themselves: a single scene says nothing of what is high for the model.
    limits = {name: known.thresholds.get(name, math.nan) for name in score.score_columns(frames)}
    scenes = score.summarize_scenes(frames, known.config.scenes, timestamps_ns=times, thresholds=limits)
    mine = [one for name, one in known.normalisers.items() if name in scenes.column_names]
    return score.add_normalised(scenes, mine, known.model)


def spec_of(task: str) -> TableSpec:
    """Declaration of the rows of a task."""
    return FEATURES if task == FEATURE_TASK else TASKS[task]


def _kernel(task: str, known: Known) -> functools.partial[pa.Table]:
    if task == FEATURE_TASK:
        return functools.partial(ood.score_ood_features, stats=known.statistics, source=known.source)
    return functools.partial(score.KERNELS[task], config=known.config)


def _thresholds(folder: Storage) -> dict[str, float]:
    table = folder.read_table("scene_thresholds.parquet", ["score", "threshold"]).drop_null()
    return dict(zip(table["score"].to_pylist(), table["threshold"].to_pylist(), strict=True))


def _normalisers(folder: Storage) -> dict[str, score.Normaliser]:
    if not folder.exists("normalisers.parquet"):
        return {}
    return score.read_normalisers(folder.read_table("normalisers.parquet"))


def _statistics(workspace: Workspace, inputs: Mapping[str, str]) -> list[ood.Statistics]:
    config = workspace.config.score.ood
    if config.statistics:
        files = workspace.files_at(config.statistics, "score.ood.statistics")
    elif "ood" in inputs:
        files = table_files(workspace.storage.sub(f"derived/ood/{inputs['ood']}"), "ood")
    else:
        return []
    return [ood.from_table(files.storage.read_table(file)) for file in files.files]
