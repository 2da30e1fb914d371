"""Cards of the clusters: facts from vectors, metrics, scores, labels and attributes."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from oddloop import discover
from oddloop.discover.cards import Known, Measured
from oddloop.errors import ConfigError, WorkspaceError
from oddloop.lake.derived import Derived, derive
from oddloop.lake.storage import Storage
from oddloop.rounds.discovery.lasting import Lasting
from oddloop.rounds.stages.audit import resolve_audited
from oddloop.rounds.stages.context import Context, Done, write_tables
from oddloop.rounds.stages.coverage import measured_metrics
from oddloop.rounds.stages.measured import audited_metric
from oddloop.rounds.stages.metrics import metrics_inputs, model_metrics
from oddloop.rounds.stages.select import AUDITED
from oddloop.select.scores import UNCERTAINTY, resolve_score, score_columns


def run_cards(context: Context, done: Done, lasting: Lasting) -> Derived:
    """Cards of the clusters, by lasting id; made anew where anything that they tell of has changed."""
    score = _score(context, done)
    inputs = {
        **context.digests("scenes", "labels"),
        **metrics_inputs(context),
        **{name: done[name].digest for name in ("score", "coverage", "discover")},
        "clusters": lasting.digest,
    }
    settings = {
        "model_id": context.model.model_id,
        "score": score,
        "metric": context.workspace.config.coverage.metric,
        "better": {name: metric.better for name, metric in context.workspace.config.metrics.items()},
    }
    recipe = context.recipe("cards", inputs, settings)
    return derive(context.workspace.storage, recipe, lambda out: _write(context, done, lasting, score, out))


def _write(context: Context, done: Done, lasting: Lasting, score: str, out: Storage) -> dict[str, int]:
    groups = done["discover"].storage.read_table("clusters.parquet")
    ids = dict(zip(*(lasting.ids[name].to_pylist() for name in ("own", "cluster_id")), strict=True))
    known = Known(
        labelled_ids=context.labelled_ids(),
        trained_ids=context.trained_ids(),
        error=_error(context),
        score=_measured_score(done, score),
        values=_values(context, done),
        persistence={ids[row["cluster_id"]]: row["persistence"] for row in groups.to_pylist()},
        parents={ids[r["cluster_id"]]: ids[r["parent_id"]] for r in groups.to_pylist() if r["parent_id"]},
    )
    vectors = done["discover"].storage.read_table("scene_vectors.parquet")
    return write_tables(out, cluster_cards=discover.make_cards(lasting.members, vectors, context.scenes(), known))


def _score(context: Context, done: Done) -> str:
    """The scene score that stands for uncertainty: the one that picks go by; "" where there is none."""
    chosen = context.workspace.config.select
    try:
        if chosen.score == AUDITED:
            chosen = resolve_audited(context, done["score"])[0]
        columns = score_columns(done["score"].storage.read_table("scene_scores.parquet"))
        return resolve_score("uncertainty", chosen.score, UNCERTAINTY, columns)
    except (ConfigError, WorkspaceError):  # selection says so; a card only has one reason less
        return ""


def _measured_score(done: Done, score: str) -> Measured | None:
    if not score:
        return None
    table = done["score"].storage.read_table("scene_scores.parquet", ["scene_id", score, f"{score}_valid"])
    table = table.filter(table[f"{score}_valid"]).select(["scene_id", score]).rename_columns(["scene_id", "value"])
    return Measured(score, table)


def _error(context: Context) -> Measured | None:
    """The metric that reports lead with, on scenes that the model was not trained on; None where there is none."""
    config = context.workspace.config
    metrics = measured_metrics(model_metrics(context), context.scenes())
    try:
        name, better = audited_metric(metrics, "", config, context.model.model_id)
    except (ConfigError, WorkspaceError):
        return None
    rows = metrics.filter(pc.equal(metrics["metric"], name))
    # Scenes count alike: a card is about scenes, and a long scene is no more evidence of its kind than a short one.
    return Measured(name, rows.select(["scene_id", "value"]), "higher" if better == "lower" else "lower")


def _values(context: Context, done: Done) -> pa.Table:
    """Attribute values of every scene, without the names of clusters, which would explain themselves."""
    values = done["coverage"].storage.read_table("scene_values.parquet")
    drop = [n for n in ("labelled", context.workspace.config.discover.names.attribute) if n in values.column_names]
    own = context.workspace.config.attributes
    return values.drop_columns([n for n in drop if n not in own])
