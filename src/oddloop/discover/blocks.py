"""The blocks that scene vectors are made of: learned features, telemetry, road, other road users, uncertainty.

Attributes of the ODD are none of them: what clusters find must not be what the taxonomy already says.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from oddloop.config import Block, VectorsConfig
from oddloop.discover.arrays import Bools, Floats, row_of, sorted_ids
from oddloop.discover.pooling import mean_by_scene
from oddloop.ids import id_array

_SCORE_SUFFIXES = ("_mean", "_max")


class BlockValues(NamedTuple):
    """One block: its name, (n, d) values with NaN for what is missing, and the names of its columns."""

    name: Block
    values: Floats
    columns: tuple[str, ...]


class Material(NamedTuple):
    """What is known of scenes: (n,) sorted ids, blocks of n rows, and who made the features and scores."""

    scene_ids: pa.Array
    blocks: tuple[BlockValues, ...]
    encoder: str

    @property
    def columns(self) -> dict[Block, tuple[str, ...]]:
        """Names of the columns by block."""
        return {block.name: block.columns for block in self.blocks}


def gather_material(
    scenes: pa.Table,
    features: pa.Table | None,
    scene_scores: pa.Table | None,
    config: VectorsConfig,
    *,
    hardest: pa.Table | None = None,
    encoder: str = "",
) -> Material:
    """Gather what vectors are made of; arguments and errors are those of `build_scene_vectors`."""
    ids = sorted_ids(scenes)
    return Material(ids, tuple(gather_blocks(scenes, features, scene_scores, hardest, ids, config)), encoder)


def gather_blocks(
    scenes: pa.Table,
    features: pa.Table | None,
    scene_scores: pa.Table | None,
    hardest: pa.Table | None,
    scene_ids: pa.Array,
    config: VectorsConfig,
) -> list[BlockValues]:
    """Gather every block of which something is known and whose weight is not 0.

    Args:
        scenes: scene_id and any numeric columns; ids, text and booleans are left out.
        features: FEATURES of one encoder, per frame or per scene; None where there are none.
        scene_scores: SCENE_SCORES; None where nothing was scored.
        hardest: `frame_id` of the frames that the model found hardest; None where frames have no score.
        scene_ids: (n,) the scenes wanted, in this order.
        config: which column belongs where, and weights.

    Returns:
        blocks, columns in the order of their names, so that neither row nor column order of the tables matters.
    """
    named = _columns_of_blocks(scenes, config)
    blocks = [_features(features, hardest, scene_ids)] if features is not None else []
    blocks += [_numbers(name, scenes, columns, scene_ids) for name, columns in named.items()]
    if scene_scores is not None:
        columns = [f.name for f in scene_scores.schema if _is_score(f)]
        blocks.append(_numbers("uncertainty", scene_scores, columns, scene_ids))
    return [b for b in blocks if config.weight(b.name) > 0 and np.isfinite(b.values).any()]


def _features(features: pa.Table, hardest: pa.Table | None, scene_ids: pa.Array) -> BlockValues:
    """Means over all frames and, where frames have scores, over the hardest: no hard moment is averaged away."""
    parts = [_pooled(features, scene_ids)]
    if hardest is not None and "frame_id" in features.column_names:
        _, is_hard = row_of(id_array(hardest["frame_id"]), id_array(features["frame_id"]))
        parts.append(_pooled(features.filter(pa.array(is_hard)), scene_ids))
    values = np.column_stack(parts)
    return BlockValues("features", values, tuple(f"feature_{i}" for i in range(values.shape[1])))


def _pooled(features: pa.Table, scene_ids: pa.Array) -> Floats:
    values, present = mean_by_scene(features, scene_ids)
    values[~present] = np.nan
    return values


def _columns_of_blocks(scenes: pa.Table, config: VectorsConfig) -> dict[Block, list[str]]:
    named: dict[Block, list[str]] = {"telemetry": [], "road": [], "agents": []}
    for field in scenes.schema:
        if not _is_number(field) or _matches(field.name, config.left_out):
            continue
        is_road, is_agents = _matches(field.name, config.road), _matches(field.name, config.agents)
        named["agents" if is_agents else "road" if is_road else "telemetry"].append(field.name)
    return named


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _is_number(field: pa.Field) -> bool:
    return bool(pa.types.is_integer(field.type) or pa.types.is_floating(field.type))


def _is_score(field: pa.Field) -> bool:
    return bool(pa.types.is_floating(field.type)) and field.name.endswith(_SCORE_SUFFIXES)


def _numbers(name: Block, table: pa.Table, columns: list[str], scene_ids: pa.Array) -> BlockValues:
    rows, found = row_of(id_array(table["scene_id"]), scene_ids)
    names = tuple(sorted(columns))
    if not table.num_rows or not names:
        return BlockValues(name, np.full((len(scene_ids), len(names)), np.nan), names)
    values = np.column_stack([_where(found, table[column], rows) for column in names])
    return BlockValues(name, values, names)


def _where(found: Bools, column: pa.ChunkedArray, rows: np.ndarray) -> Floats:
    values = column.cast(pa.float64(), safe=False).to_numpy()[rows]
    kept: Floats = np.where(found & np.isfinite(values), values, np.nan)
    return kept
