"""Scene vectors, map and clusters."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from oddloop import discover
from oddloop.config import DiscoverConfig
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.rounds.stages.context import Context, Done, write_tables
from oddloop.tables import (
    FEATURES,
)


def run_discover(context: Context, done: Done) -> Derived:
    """Scene vectors, map and clusters."""
    scored = done["score"]
    config = context.workspace.config
    features = context.model.features
    inputs = context.digests("scenes")
    if features is not None:
        inputs |= {"features": fingerprint([features], context.workspace.storage)[features.name]}
    else:  # only then are scenes compared by their scores
        inputs |= {"score": scored.digest}
    recipe = Recipe("discover", inputs, _settings(config.discover))
    return derive(context.workspace.storage, recipe, lambda out: _write_discover(context, scored, out))


def _settings(config: DiscoverConfig) -> dict[str, Any]:
    """What the stage obeys: all but what concerns names."""
    return {name: value for name, value in asdict(config).items() if name != "names"}


def _write_discover(context: Context, scored: Derived, out: Storage) -> dict[str, int]:
    features = context.model.features
    result = discover.discover(
        context.scenes(),
        read_table(features, FEATURES) if features else None,
        scored.storage.read_table("scene_scores.parquet"),
        context.workspace.config.discover,
        context.workspace.config.workspace.seed,
    )
    rows = write_tables(
        out,
        scene_vectors=result.vectors,
        scene_map=result.scene_map,
        clusters=result.clusters,
        cluster_members=result.members,
    )
    return {**rows, "without_vector": result.n_without_vector}
