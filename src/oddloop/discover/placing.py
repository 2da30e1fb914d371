"""Place scenes in a basis that is there, and say when it does not suit them.

Features and scores of another model mean something else, so they are refused: by the encoder's identity, by the length
of vectors, by names of columns, and where scenes that were seen before have other features now. Time O(n d k).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.config import VectorsConfig
from oddloop.discover.arrays import Floats, row_of
from oddloop.discover.basis import Basis, features_of, is_known, join_columns, parts_of
from oddloop.discover.blocks import Material
from oddloop.discover.scaling import fit_scale
from oddloop.errors import TableError

_TOO_FEW = 30
"""Quartiles and components of fewer scenes than this are not worth freezing."""


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
    placed = np.zeros((len(material.scene_ids), len(basis.components.loadings)))
    place_into(placed, basis, material)
    return placed


def place_into(placed: npt.NDArray[np.floating], basis: Basis, material: Material) -> None:
    """As `apply_basis`, into rows that are there, rounded to their type: many scenes then need no second copy."""
    why = other_material(basis, material)
    if why:
        raise TableError(
            f"mixing refused: basis {basis.digest} cannot take these scenes: {why}; their vectors would mean something "
            "else; bring features of the same encoder, or fit anew with `oddloop discover --refit`"
        )
    values = {block.name: block.values for block in material.blocks}
    for part in parts_of(len(placed)):
        joined = join_columns({name: v[part] for name, v in values.items()}, basis, len(placed[part]))
        placed[part] = basis.components.place(basis.scale.apply(joined) * basis.factor)


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
    return _other_features(basis, material)


def _other_features(basis: Basis, material: Material) -> str:
    """Whether most of the scenes that were seen before have other features now, in words."""
    rows, found = row_of(material.scene_ids, pa.array(basis.seen_ids.tolist(), pa.string()))
    values = features_of(material)
    if not found.any() or values.shape[1] != basis.seen.shape[1]:
        return ""
    # A scene may get more frames, so that some change says nothing; pooling may round the last bit in another way.
    alike = np.isclose(values[rows[found]], basis.seen[found], rtol=1e-6, atol=1e-9).all(axis=1)
    n, n_other = alike.size, int((~alike).sum())
    return f"{n_other} of {n} scenes that it was fitted on have other features now" if n_other > n / 2 else ""


def mute_columns(basis: Basis, material: Material) -> list[str]:
    """Columns that said nothing when the basis was fitted, so that it is deaf to them, and would say something now."""
    values, found, start = {block.name: block.values for block in material.blocks}, [], 0
    for block, names in basis.columns.items():
        mute = np.flatnonzero(basis.scale.spread[start : start + len(names)] == 0)
        start += len(names)
        if len(mute) and block in values:
            found += [names[i] for i in mute[fit_scale(values[block][:, mute]).spread > 0]]
    return found


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
    n = int(is_known(material).sum())
    if basis.n_scenes < _TOO_FEW and n > 2 * basis.n_scenes:
        return f"the old one was fitted on {basis.n_scenes} scenes only, there are {n:,} now"
    return ""


def _few(names: set[str]) -> str:
    shown = ", ".join(repr(name) for name in sorted(names)[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
