"""The basis of scene vectors: fitted once, then frozen, so that more scenes move no vector that there was.

Fitting finds a robust scale per column, a factor per block, and principal components; applying needs nothing else, and
treats every row by itself, to the last bit. Vectors of two bases cannot be compared, and neither can features of two
encoders: the basis keeps the encoder's identity and the columns it was fitted on, and refuses others. Fitting takes
O(n d log n + n d^2), applying O(n d k).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.config import Block, VectorsConfig
from oddloop.discover.arrays import Bools, Floats
from oddloop.discover.blocks import Material
from oddloop.discover.maps import FrozenMap
from oddloop.discover.projection import Components, fit_components
from oddloop.discover.scaling import ColumnScale, block_factor, fit_scale

_ROWS = 2048
_OWN_ARRAYS = ("factor", "seen_ids", "seen")
_SEEN = 64
"""Scenes whose features are kept, at most."""
Columns = dict[Block, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Basis:
    """What scenes are turned into vectors by.

    Attributes:
        encoder: identity of what made the features and scores: another one's mean something else.
        columns: names of the columns by block, in the order of the arrays below.
        weights: weight by block.
        n_components: components asked for.
        n_scenes: scenes that it was fitted on; those of which nothing is known do not count.
        scale: (d,) exponent, centre and spread of the columns.
        factor: (d,) what brings each block to its share of variance.
        components: principal components of the scaled columns.
        seen_ids: (s,) text: some of the scenes that it was fitted on.
        seen: (s, f) their features, by which it shows that features of one name are others now.
        map: the map fitted to vectors of this basis; None where it is their first two components.
    """

    encoder: str
    columns: Columns
    weights: dict[Block, float]
    n_components: int
    n_scenes: int
    scale: ColumnScale
    factor: Floats
    components: Components
    seen_ids: npt.NDArray[np.str_]
    seen: Floats
    map: FrozenMap | None = None

    @cached_property
    def digest(self) -> str:
        """Digest of the contents, 32 hex digits: who has the same digest has the same basis."""
        state = hashlib.blake2b(json.dumps(self.facts(), sort_keys=True).encode(), digest_size=16)
        for name, array in sorted(self.arrays().items()):
            state.update(f"{name} {array.dtype.str} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return state.hexdigest()

    def facts(self) -> dict[str, Any]:
        """All but the arrays, as plain content for JSON."""
        return {
            "encoder": self.encoder,
            "columns": {block: list(names) for block, names in self.columns.items()},
            "weights": dict(self.weights),
            "n_components": self.n_components,
            "n_scenes": self.n_scenes,
            "map": self.map.settings if self.map else None,
        }

    def arrays(self) -> dict[str, Any]:
        """The arrays by name; none holds objects."""
        own = {name: getattr(self, name) for name in _OWN_ARRAYS}
        of_map = self.map.arrays() if self.map else {}
        return {**self.scale._asdict(), **vars(self.components), **own, **of_map}

    @classmethod
    def from_parts(cls, facts: dict[str, Any], arrays: dict[str, Any]) -> Basis:
        """The basis that `facts` and `arrays` tell of."""
        parts = {
            **{name: facts[name] for name in ("encoder", "weights", "n_components", "n_scenes")},
            "columns": {block: tuple(names) for block, names in facts["columns"].items()},
            "scale": ColumnScale(*(arrays[name] for name in ColumnScale._fields)),
            **{name: arrays[name] for name in _OWN_ARRAYS},
            "components": Components(*(arrays[name] for name in Components.__dataclass_fields__)),
            "map": FrozenMap.from_parts(facts["map"], arrays) if facts["map"] else None,
        }
        return cls(**parts)


def fit_basis(material: Material, config: VectorsConfig) -> Basis:
    """Fit a basis to scenes; a scene of which no block knows anything counts for nothing.

    >>> from oddloop.discover.blocks import BlockValues, Material
    >>> import pyarrow as pa
    >>> block = BlockValues("telemetry", np.array([[1.0], [3.0]]), ("speed_mps",))
    >>> basis = fit_basis(Material(pa.array(["a", "b"]), (block,), "none"), VectorsConfig())
    >>> basis.scale.centre * 2, basis.components.explained  # the median is 2; numbers are kept near 1
    (array([1.]), array([1.]))
    """
    present = is_known(material)
    joined = join_columns({b.name: b.values[present] for b in material.blocks}, material, int(present.sum()))
    scale = fit_scale(joined)
    for rows in parts_of(len(joined)):  # in place, and a few rows at a time: all scenes times all columns are much
        joined[rows] = scale.apply(joined[rows])
    factor, start = np.ones(joined.shape[1]), 0
    for block in material.blocks:
        part = slice(start, start := start + len(block.columns))
        factor[part] = block_factor(joined[:, part], config.weight(block.name))
    joined *= factor
    return Basis(
        material.encoder,
        material.columns,
        {block.name: float(config.weight(block.name)) for block in material.blocks},
        config.n_components,
        len(joined),
        scale,
        factor,
        fit_components(joined, config.n_components),
        *_some_seen(material),
    )


def _some_seen(material: Material) -> tuple[npt.NDArray[np.str_], Floats]:
    """Ids and features of some scenes that have features, evenly spread over the ids."""
    values = features_of(material)
    rows = np.flatnonzero(np.isfinite(values).all(axis=1) & (values.shape[1] > 0))
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(_SEEN, len(rows))).round().astype(int))]
    return np.array(material.scene_ids.take(pa.array(rows)).to_pylist(), dtype=np.str_), values[rows]


def features_of(material: Material) -> Floats:
    """(n, f) features of scenes, NaN where there are none; f is 0 without features."""
    found = [block.values for block in material.blocks if block.name == "features"]
    return found[0] if found else np.zeros((len(material.scene_ids), 0))


def is_known(material: Material) -> Bools:
    """(n,) whether any block knows anything of a scene."""
    known = [np.isfinite(block.values).any(axis=1) for block in material.blocks]
    return np.any(known, axis=0) if known else np.zeros(len(material.scene_ids), dtype=bool)


def parts_of(n: int) -> Iterator[slice]:
    """Slices of n rows, as many at a time as stay in the processor's cache."""
    return (slice(start, start + _ROWS) for start in range(0, n, _ROWS))


def join_columns(values: dict[Block, Floats], like: Material | Basis, n: int) -> Floats:
    """(n, d) columns of all blocks side by side; NaN where a block is missing."""
    columns = like.columns
    parts = [values[b] if b in values else np.full((n, len(names)), np.nan) for b, names in columns.items()]
    return np.column_stack(parts) if parts else np.zeros((n, 0))
