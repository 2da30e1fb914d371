"""The way to the compiled loops: imported at first use, and None where numba is not installed.

Each function gives what its NumPy twin gives but for the last bits, or None where there is no numba; the caller then
takes the twin.
"""

from __future__ import annotations

from collections.abc import Collection
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from oddloop.compiled import import_loops
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray

_Number = TypeVar("_Number", bound=np.generic)

ROW_MEASURES = ("entropy", "least_confidence", "margin", "ratio")
"""What `measure_rows` measures, in its order."""
MEMBER_MEASURES = (*ROW_MEASURES, "expected_entropy")
"""What `measure_members` measures, in its order."""
REDUCTIONS = ("sum", "mean", "max", "topk", "p95", "n")
"""What `reduce_groups` reduces to, in its order."""


def loops() -> ModuleType | None:
    """The module of the most used compiled loops, or None where numba cannot be imported."""
    return _loops("fast_kernels")


def _loops(name: str) -> ModuleType | None:
    return import_loops(f"oddloop.score.{name}")


def measure_rows(values: AnyFloats, offsets: IntArray, names: Collection[str]) -> dict[str, FloatArray] | None:
    """Those of `ROW_MEASURES` of rows given as offsets + values; see `fast.ragged_measures`."""
    if (compiled := loops()) is None:
        return None
    out = np.empty((len(ROW_MEASURES), len(offsets) - 1))
    compiled.measure_rows(_frozen(values), _frozen(offsets), _parts(names), out)
    return {name: out[ROW_MEASURES.index(name)] for name in names}


def measure_members(cube: AnyFloats, names: Collection[str]) -> dict[str, FloatArray] | None:
    """Those of `MEMBER_MEASURES` of an (N,M,K) array, M and K at least 1; see `ensembles`."""
    if loops() is None or (compiled := _loops("fast_members")) is None:
        return None
    out = np.empty((len(MEMBER_MEASURES), len(cube)))
    compiled.measure_members(_frozen(cube), (*_parts(names), "expected_entropy" in names), out)
    return {name: out[MEMBER_MEASURES.index(name)] for name in names}


def measure_consensus(cube: AnyFloats) -> FloatArray | None:
    """Consensus disagreement of an (N,M,K) array, M and K at least 1; see `disagreement`."""
    if loops() is None or (compiled := _loops("fast_members")) is None:
        return None
    out = np.empty(len(cube))
    compiled.measure_consensus(_frozen(cube), out)
    return out


def mean_rows(cube: AnyFloats) -> FloatArray | None:
    """(N,K) means of the members of an (N,M,K) array of distributions, M at least 1; see `measures.mean_members`."""
    if (compiled := loops()) is None:
        return None
    out = np.empty((cube.shape[0], cube.shape[2]))
    compiled.mean_rows(_frozen(cube), out)
    return out


def binary_entropies(values: AnyFloats) -> FloatArray | None:
    """(N,) entropies of (p, 1 - p); see `binary.binary_entropy`."""
    if loops() is None or (compiled := _loops("fast_boxes")) is None:
        return None
    out = np.empty(len(values))
    compiled.binary_entropies(_frozen(values), out)
    return out


def measure_scores(
    scores: AnyFloats, offsets: IntArray, names: Collection[str], k: int
) -> dict[str, dict[str, FloatArray]] | None:
    """By binary measure, reductions of the boxes of each frame, which have a score alone; see `detection`."""
    if loops() is None or (compiled := _loops("fast_boxes")) is None:
        return None
    out = np.empty((2, len(REDUCTIONS), len(offsets) - 1))
    compiled.measure_frames(_frozen(scores), _frozen(offsets), k if "topk" in names else 0, out)
    least_confidence, entropy = ({name: rows[REDUCTIONS.index(name)] for name in names} for rows in out)
    margin = {how: 2.0 * values for how, values in least_confidence.items()}
    return {"entropy": entropy, "least_confidence": least_confidence, "margin": margin}


def reduce_groups(
    values: FloatArray, offsets: IntArray, names: Collection[str], *, k: int, known_only: bool
) -> dict[str, FloatArray] | None:
    """Those of `REDUCTIONS` of groups given as offsets + values; see `ragged.reduce_groups`."""
    if loops() is None or (compiled := _loops("fast_groups")) is None:
        return None
    out = np.empty((len(REDUCTIONS), len(offsets) - 1))
    q = 0.95 if "p95" in names else -1.0
    compiled.reduce_groups(_frozen(values), _frozen(offsets), known_only, k if "topk" in names else 0, q, out)
    return {name: out[REDUCTIONS.index(name)] for name in names}


def is_even(offsets: npt.NDArray[np.integer[Any]]) -> bool:
    """Whether all groups of some (G+1,) offsets, G at least 1, are of one length."""
    if loops() is None or (compiled := _loops("fast_groups")) is None:
        lengths = np.diff(offsets)
        return bool((lengths == lengths[0]).all())
    return bool(compiled.is_even(_frozen(offsets)))


def _parts(names: Collection[str]) -> tuple[bool, bool]:
    """Whether the entropy is wanted, and whether what needs the likeliest classes is."""
    return not {"entropy", "expected_entropy"}.isdisjoint(names), not set(ROW_MEASURES[1:]).isdisjoint(names)


def _frozen(values: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The same numbers, contiguous, read-only and not of half precision, so that a loop is compiled once per dtype."""
    # A view, for the caller's own array must stay writable.
    view = np.ascontiguousarray(values, np.float32 if values.dtype == np.float16 else values.dtype).view()
    view.flags.writeable = False
    return view
