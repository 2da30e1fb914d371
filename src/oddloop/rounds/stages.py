"""The stages, wired to the workspace: which tables go in, which settings they obey, which tables come out.

Each function returns a derived folder, computed only where it is stale. Nothing here knows formulas; see the stage's
own package for those.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop import coverage, discover, score, select
from oddloop.config import SelectConfig
from oddloop.engine import Engine
from oddloop.engine.partitions import PartitionJob, map_partitions
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.fingerprint import digest_of, fingerprint
from oddloop.lake.scan import partitions, read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace, table_files
from oddloop.rounds.model import ModelTables
from oddloop.rounds.shell import Progress
from oddloop.tables import (
    FEATURES,
    LABELS,
    METRICS,
    SCENES,
    TASKS,
    TableSpec,
    is_held_out,
    refuse_unknown_splits,
)

Done = Mapping[str, Derived]
"""Derived folders of the stages that ran before, by stage name."""
AUDITED = "audited"
"""`[select] score` that stands for the score that the audit recommends."""


@dataclass
class Context:
    """What every stage needs: the workspace, the engine, the model, and where to tell of progress."""

    workspace: Workspace
    engine: Engine
    model: ModelTables
    progress: Progress
    _tables: dict[str, pa.Table] = field(default_factory=dict)

    def table(self, name: str, spec: TableSpec) -> pa.Table:
        """A small lake table, read once."""
        if name not in self._tables:
            self._tables[name] = read_table(self.workspace.table(name), spec)
        return self._tables[name]

    def scenes(self) -> pa.Table:
        """The `scenes` table.

        Raises:
            WorkspaceError: there are no scenes.
            TableError: a scene's split is neither `pool` nor `eval`.
        """
        scenes = self.table("scenes", SCENES)
        if not scenes.num_rows:
            place = self.workspace.table("scenes").storage.url
            raise WorkspaceError(f"{place}: no scenes; run `oddloop ingest`, or point [lake] scenes elsewhere")
        refuse_unknown_splits(scenes)
        return scenes

    def labelled_ids(self) -> pa.Array:
        """Ids of all scenes with labels."""
        return self.table("labels", LABELS)["scene_id"].combine_chunks()

    def digests(self, *names: str) -> dict[str, str]:
        """Content digest by lake table."""
        return fingerprint([self.workspace.table(name) for name in names], self.workspace.storage)


def run_score(context: Context, _done: Done) -> Derived:
    """Predictions to frame and scene scores."""
    inputs = fingerprint(context.model.predictions.values(), context.workspace.storage)
    settings = {**asdict(context.workspace.config.score), "model_id": context.model.model_id}
    recipe = Recipe("score", inputs, settings)
    return derive(context.workspace.storage, recipe, lambda out: _write_scores(context, out))


def _write_scores(context: Context, out: Storage) -> dict[str, int]:
    config = context.workspace.config
    rows: dict[str, int] = {}
    summaries = []
    for task, files in sorted(context.model.predictions.items()):
        folder = out.sub(f"frame_scores/{task}")
        folder.fs.create_dir(folder.root, recursive=True)
        kernel = functools.partial(score.KERNELS[task], config=config.score)
        job = PartitionJob(kernel, TASKS[task], folder, config.engine.batch_rows)
        parts = partitions(files, TASKS[task])
        on_done = functools.partial(context.progress, f"score {task}")
        rows[f"frame_scores/{task}"] = map_partitions(context.engine, job, parts, on_done)
        summaries.append(_summarize(folder) if rows[f"frame_scores/{task}"] else _summarize_nothing(task, kernel))
    scene_scores = score.join_scene_scores(summaries)
    out.write_table("scene_scores.parquet", scene_scores)
    return {**rows, "scene_scores": scene_scores.num_rows}


def read_scores(folder: Storage, columns: list[str] | None = None) -> pa.Table:
    """Frame scores of one task, all columns or some, in the order of the partitions."""
    files = table_files(folder, "frame_scores").files
    return pa.concat_tables([folder.read_table(file, columns) for file in files])


def _summarize(folder: Storage) -> pa.Table:
    """Scene scores of one task; one score column is in memory at a time."""
    first = table_files(folder, "frame_scores").files[0]
    with folder.fs.open_input_file(folder.path(first)) as file:
        names = score.score_columns(pq.read_schema(file).empty_table())
    summary = score.summarize_scenes(read_scores(folder, ["scene_id", "n_objects"]))
    for name in names:
        column = score.summarize_scenes(read_scores(folder, ["scene_id", "n_objects", name, f"{name}_valid"]))
        for added in column.column_names:
            if added not in summary.column_names:
                summary = summary.append_column(added, column[added])
    return summary


def _summarize_nothing(task: str, kernel: Callable[[pa.Table], pa.Table]) -> pa.Table:
    return score.summarize_scenes(kernel(TASKS[task].empty()))


def run_coverage(context: Context, _done: Done) -> Derived:
    """Scenes, labels and metrics to segments and their metrics."""
    config = context.workspace.config
    inputs = {**context.digests("scenes", "labels"), **_metrics_digest(context)}
    attributes = {name: asdict(attribute) for name, attribute in config.attributes.items()}
    obeyed = {name: value for name, value in asdict(config.coverage).items() if name != "metric"}  # reports' own
    settings = {**obeyed, "attributes": attributes, "model_id": context.model.model_id}
    recipe = Recipe("coverage", inputs, settings, seed=config.workspace.seed)
    return derive(context.workspace.storage, recipe, lambda out: _write_coverage(context, out))


def _write_coverage(context: Context, out: Storage) -> dict[str, int]:
    config = context.workspace.config
    result = coverage.compute(
        context.scenes(),
        context.labelled_ids(),
        measured_metrics(model_metrics(context.model), context.scenes()),
        config.attributes,
        config.coverage,
        _generator(config.workspace.seed, "coverage"),
    )
    return _write(
        out,
        segments=result.segments,
        segment_metrics=result.segment_metrics,
        scene_values=result.scene_values,
        unmapped=result.unmapped,
    )


def model_metrics(model: ModelTables) -> pa.Table:
    """The model's own rows of its metrics files."""
    metrics = read_table(model.metrics, METRICS)
    return metrics.filter(pc.equal(metrics["model_id"], model.model_id))


def measured_metrics(metrics: pa.Table, scenes: pa.Table) -> pa.Table:
    """Metrics of the held-out scenes, where any scene is held out: others were trained on, and flatter the model."""
    held_out = scenes["scene_id"].filter(is_held_out(scenes)).combine_chunks()
    return metrics.filter(pc.is_in(metrics["scene_id"], held_out)) if len(held_out) else metrics


def run_discover(context: Context, done: Done) -> Derived:
    """Scene vectors, map and clusters."""
    scored = done["score"]
    config = context.workspace.config
    features = context.model.features
    inputs = context.digests("scenes", "labels")
    if features is not None:
        inputs |= {"features": fingerprint([features], context.workspace.storage)[features.name]}
    else:  # only then are scenes compared by their scores
        inputs |= {"score": scored.digest}
    recipe = Recipe("discover", inputs, config.discover)
    return derive(context.workspace.storage, recipe, lambda out: _write_discover(context, scored, out))


def _write_discover(context: Context, scored: Derived, out: Storage) -> dict[str, int]:
    features = context.model.features
    result = discover.discover(
        context.scenes(),
        read_table(features, FEATURES) if features else None,
        scored.storage.read_table("scene_scores.parquet"),
        context.labelled_ids(),
        context.workspace.config.discover,
    )
    rows = _write(out, scene_vectors=result.vectors, scene_map=result.scene_map, clusters=result.clusters)
    return {**rows, "without_vector": result.n_without_vector}


def run_select(context: Context, done: Done) -> Derived:
    """Candidates and picks under the budget."""
    config = context.workspace.config
    chosen = config.select
    audited: dict[str, str] = {}
    if chosen.score == AUDITED:
        from oddloop.rounds.audit import resolve_audited  # it builds on this module

        chosen, audited = resolve_audited(context, done["score"])
    inputs = {
        **context.digests("scenes", "labels"),
        **{name: done[name].digest for name in ("score", "coverage", "discover")},
        **audited,
        "policy_source": policy_source_digest(config.select.policy),
    }
    settings = {"select": asdict(chosen), "cost": asdict(config.cost)}
    recipe = Recipe("select", inputs, settings, seed=config.workspace.seed)
    return derive(context.workspace.storage, recipe, lambda out: _write_select(context, done, chosen, out))


def _write_select(context: Context, done: Done, chosen: SelectConfig, out: Storage) -> dict[str, int]:
    config = context.workspace.config
    result = select.select(
        context.scenes(),
        context.labelled_ids(),
        done["score"].storage.read_table("scene_scores.parquet"),
        done["discover"].storage.read_table("scene_vectors.parquet"),
        done["coverage"].storage.read_table("segments.parquet"),
        chosen,
        config.cost,
        _generator(config.workspace.seed, "select"),
        scene_values=done["coverage"].storage.read_table("scene_values.parquet"),
    )
    rows = _write(out, candidates=result.candidates, picks=result.picks)
    return {**rows, **{f"excluded_{reason}": n for reason, n in result.n_excluded.items()}}


def policy_source_digest(policy: str) -> str:
    """Digest of the code of a policy, so that a changed policy picks anew and every pick can be traced to its code.

    A policy of oddloop is all modules of `oddloop.select`; a policy of the team's own is the module that it stands in.
    """
    select.resolve_policy(policy)  # refuses an unknown one
    module_name = policy.partition(":")[0] if ":" in policy else select.__name__
    if module_name.partition(".")[0] == select.__name__.partition(".")[0]:
        names = sorted(info.name for info in pkgutil.iter_modules(select.__path__))
        modules = [importlib.import_module(f"{select.__name__}.{name}") for name in names]
    else:
        modules = [importlib.import_module(module_name)]
    return digest_of([[m.__name__, inspect.getsource(m)] for m in modules])


def _metrics_digest(context: Context) -> dict[str, str]:
    files = context.model.metrics
    return {"metrics": fingerprint([files], context.workspace.storage)[files.name]}


def _write(out: Storage, **tables: pa.Table) -> dict[str, int]:
    for name, table in tables.items():
        out.write_table(f"{name}.parquet", table)
    return {name: table.num_rows for name, table in tables.items()}


def _generator(seed: int, stage: str) -> np.random.Generator:
    """An independent stream per stage, so that one stage's draws never shift another's."""
    return np.random.default_rng(np.random.SeedSequence([seed, *stage.encode()]))


STAGES: Mapping[str, Callable[[Context, Done], Derived]] = {
    "score": run_score,
    "coverage": run_coverage,
    "discover": run_discover,
    "select": run_select,
}
"""Stages in the order of the data flow."""
