"""Scene vectors, map and clusters."""

from __future__ import annotations

import fnmatch
import functools
import time
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop import discover
from oddloop.config import DiscoverConfig
from oddloop.discover import Material
from oddloop.lake.derived import Derived, derive
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.scan import optional_columns, read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, table_files
from oddloop.rounds.discovery.basis import load_basis, settle_basis
from oddloop.rounds.shell import Step
from oddloop.rounds.stages.context import Context, Done, write_tables
from oddloop.rounds.stages.kept_neighbours import merged_neighbours
from oddloop.rounds.stages.scene_scores import read_scores, score_names
from oddloop.tables import (
    FEATURES,
)

_HARD = ("*_endpoint_spread_sum", "*_entropy_sum", "*_entropy", "*_entropy_*", "*_spread_*")
"""Frame scores that say how hard a frame is, best first."""


def run_discover(context: Context, done: Done) -> Derived:
    """Scene vectors in the basis in use, map and clusters."""
    scored, config, begun = done["score"], _obeyed(context), time.perf_counter()
    inputs = {**context.digests("scenes"), "score": scored.digest}
    features = context.model.features
    if features is not None:
        inputs |= {"features": fingerprint([features], context.workspace.storage)[features.name]}
    gather = functools.cache(lambda: _gather(context, scored, config))  # dropped once scenes are placed
    made_by = {"encoder": _encoder(context), "vectors": asdict(config.vectors), "map": asdict(config.map)}
    storage = context.workspace.storage
    basis = settle_basis(storage, {**inputs, **made_by}, gather, config, refit=context.refit)
    if basis.is_new or basis.hint:
        told = {"why": f"new basis: {basis.why}"} if basis.is_new else {"hint": basis.hint}
        context.note(Step("basis", basis.digest, basis.is_new, time.perf_counter() - begun, told))
    recipe = context.recipe("discover", {**inputs, "basis": basis.digest}, _settings(config))
    return derive(storage, recipe, lambda out: _write_discover(context, basis.digest, gather, out))


def _encoder(context: Context) -> str:
    """Identity of what made features and scores: those of another model mean something else under the same name."""
    model = context.model
    encoder = model.features.name.removeprefix("features/") if model.features else "no features"
    return f"{encoder}, model {model.model_id} {model.digest}".rstrip()


def _gather(context: Context, scored: Derived, config: DiscoverConfig) -> Material:
    features = context.model.features
    return discover.gather_material(
        context.scenes(),
        read_table(features, FEATURES) if features else None,
        scored.storage.read_table("scene_scores.parquet"),
        config.vectors,
        hardest=_hardest(context, scored) if features and _is_per_frame(features) else None,
        encoder=_encoder(context),
    )


def _obeyed(context: Context) -> DiscoverConfig:
    """The settings; what attributes are read from is left out, for clusters are to find what they do not say."""
    config = context.workspace.config
    read = {column for name, attribute in config.attributes.items() for column in attribute.columns_of(name)}
    vectors = config.discover.vectors
    left_out = (*vectors.left_out, *sorted(read - set(vectors.left_out)))
    return replace(config.discover, vectors=replace(vectors, left_out=left_out))


def _settings(config: DiscoverConfig) -> dict[str, Any]:
    """What the stage obeys: all but what concerns names and the page of cards."""
    return {name: value for name, value in asdict(config).items() if name not in ("names", "page")}


def _write_discover(
    context: Context, digest: str, gather: functools._lru_cache_wrapper[Material], out: Storage
) -> dict[str, int]:
    basis = load_basis(context.workspace.storage, digest)
    made = discover.place_scenes(gather(), basis)
    gather.cache_clear()  # what vectors are made of takes twice their room
    # A seed of its own: another one of the workspace must not give other clusters.
    with merged_neighbours(context.workspace.storage, "discover", out):
        result = discover.discover_in(basis, made, context.scenes(), _obeyed(context), run=context.engine.map)
    rows = write_tables(
        out,
        scene_vectors=result.vectors,
        scene_map=result.scene_map,
        clusters=result.clusters,
        cluster_members=result.members,
        near_duplicates=result.duplicates,
    )
    rows["near_duplicates_of_same_log"] = pc.sum(result.duplicates["same_log"].cast("int64")).as_py() or 0
    missing = {f"without_{block}": n for block, n in result.n_missing.items()}
    return {**rows, "without_vector": result.n_without_vector, **missing}


def _is_per_frame(features: TableFiles) -> bool:
    return any(column.name == "frame_id" for column in optional_columns(features, FEATURES))


def _hardest(context: Context, scored: Derived) -> pa.Table | None:
    """Frames that the model found hardest, by the first frame score of the first task that has one."""
    share = context.workspace.config.discover.vectors.hardest_share
    for task in context.model.predictions if share else ():
        folder = scored.storage.sub(f"frame_scores/{task}")
        if not table_files(folder, "frame_scores"):
            continue
        names = score_names(folder)
        score = next((name for pattern in _HARD for name in fnmatch.filter(names, pattern)), "")
        if score:
            return discover.hardest_frames(read_scores(folder, ["frame_id", "scene_id", score]), score, share)
    return None
