"""The basis of scene vectors: fitted once, then frozen, so that more scenes move no vector that there was.

Fitting finds a robust scale per column, a factor per block, and principal components; applying needs nothing else, and
treats every row by itself, to the last bit. Vectors of two bases cannot be compared, and neither can features of two
encoders: the basis keeps the encoder's identity and the columns it was fitted on, and refuses others. Fitting takes
O(n d log n + n d^2), applying O(n d k).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from oddloop.config import Block, VectorsConfig
from oddloop.discover.arrays import Bools, Floats
from oddloop.discover.blocks import Material
from oddloop.discover.maps import FrozenMap
from oddloop.discover.projection import Components, fit_components
from oddloop.discover.scaling import ColumnScale, block_factor, fit_scale
from oddloop.errors import TableError

Columns = dict[Block, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Basis:
    """What scenes are turned into vectors by.

    Attributes:
        encoder: identity of what made the features and scores: another one's mean something else.
        columns: names of the columns by block, in the order of the arrays below.
        weights: weight by block.
        n_components: components asked for.
        n_scenes: scenes that it was fitted on.
        scale: (d,) exponent, centre and spread of the columns.
        factor: (d,) what brings each block to its share of variance.
        components: principal components of the scaled columns.
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
        of_map = self.map.arrays() if self.map else {}
        return {**self.scale._asdict(), "factor": self.factor, **vars(self.components), **of_map}

    @classmethod
    def from_parts(cls, facts: dict[str, Any], arrays: dict[str, Any]) -> Basis:
        """The basis that `facts` and `arrays` tell of."""
        parts = {
            **{name: facts[name] for name in ("encoder", "weights", "n_components", "n_scenes")},
            "columns": {block: tuple(names) for block, names in facts["columns"].items()},
            "scale": ColumnScale(*(arrays[name] for name in ColumnScale._fields)),
            "factor": arrays["factor"],
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
    >>> apply_basis(basis, Material(pa.array(["a", "c"]), (block._replace(values=np.array([[1.0], [2.0]])),), "none"))
    array([[-1.],
           [ 0.]])
    """
    present = is_known(material)
    joined = _join({b.name: b.values[present] for b in material.blocks}, material, int(present.sum()))
    scale = fit_scale(joined)
    scaled = scale.apply(joined)
    factor, start = np.ones(joined.shape[1]), 0
    for block in material.blocks:
        part = slice(start, start := start + len(block.columns))
        factor[part] = block_factor(scaled[:, part], config.weight(block.name))
    columns = {block.name: block.columns for block in material.blocks}
    weights = {block.name: float(config.weight(block.name)) for block in material.blocks}
    components = fit_components(scaled * factor, config.n_components)
    return Basis(material.encoder, columns, weights, config.n_components, len(joined), scale, factor, components)


def apply_basis(basis: Basis, material: Material) -> Floats:
    """Place scenes in a basis.

    Args:
        basis: the basis.
        material: the scenes; a block that it lacks, and a value that is missing, count as average.

    Returns:
        (n, k) float64 without unit, a row per scene; each depends on that scene alone, to the last bit.

    Raises:
        TableError: the material is of another encoder, or has other columns than the basis was fitted on.
    """
    why = other_material(basis, material)
    if why:
        raise TableError(
            f"mixing refused: basis {basis.digest} cannot take these scenes: {why}; their vectors would mean something "
            "else; bring features of the same encoder, or fit anew with `oddloop discover --refit`"
        )
    n = len(material.scene_ids)
    values = {block.name: block.values for block in material.blocks}
    placed = np.zeros((n, len(basis.components.loadings)))
    for start in range(0, n, _ROWS):
        part = slice(start, start + _ROWS)
        joined = _join({name: v[part] for name, v in values.items()}, basis, len(placed[part]))
        placed[part] = basis.components.place(basis.scale.apply(joined) * basis.factor)
    return placed


_ROWS = 65_536
"""Rows scaled at a time."""


def is_known(material: Material) -> Bools:
    """(n,) whether any block knows anything of a scene."""
    known = [np.isfinite(block.values).any(axis=1) for block in material.blocks]
    return np.any(known, axis=0) if known else np.zeros(len(material.scene_ids), dtype=bool)


def other_material(basis: Basis, material: Material) -> str:
    """Why a basis does not suit scenes, in words; "" where it does."""
    if material.blocks and material.encoder != basis.encoder:
        return f"it is of encoder {basis.encoder!r}, they are of encoder {material.encoder!r}"
    for block in material.blocks:
        ours = basis.columns.get(block.name, ())
        if block.columns == ours:
            continue
        if block.name == "features" and ours:
            return f"its features have {len(ours)} numbers, theirs {len(block.columns)} (encoder {basis.encoder!r})"
        new, gone = set(block.columns) - set(ours), set(ours) - set(block.columns)
        named = [f"they have {_few(new)}" if new else "", f"they lack {_few(gone)}" if gone else ""]
        return f"other columns of {block.name}: {' and '.join(filter(None, named))}"
    return ""


def reason_to_refit(basis: Basis, material: Material, config: VectorsConfig) -> str:
    """Why all scenes of a workspace need a new basis, in words; "" where the old one still suits them."""
    why = other_material(basis, material)
    if why:
        return why
    gone = sorted(set(basis.columns) - {block.name for block in material.blocks})
    if gone:
        return f"nothing is known of {', '.join(gone)} any more"
    weights = {block.name: float(config.weight(block.name)) for block in material.blocks}
    if (basis.weights, basis.n_components) != (weights, config.n_components):
        return "other weights or n_components in [discover.vectors]"
    return ""


def _few(names: set[str]) -> str:
    shown = ", ".join(repr(name) for name in sorted(names)[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _join(values: dict[Block, Floats], like: Material | Basis, n: int) -> Floats:
    """(n, d) columns of all blocks side by side; NaN where a block is missing."""
    columns = like.columns
    parts = [values[b] if b in values else np.full((n, len(names)), np.nan) for b, names in columns.items()]
    return np.column_stack(parts) if parts else np.zeros((n, 0))
