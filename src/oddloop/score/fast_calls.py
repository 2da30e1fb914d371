"""The way to the compiled loops: imported at first use, and None where numba is not installed.

Each function gives what its NumPy twin gives but for the last bits, or None where there is no numba; the caller then
takes the twin.
"""

from __future__ import annotations

from collections.abc import Collection
from types import ModuleType

import numpy as np

from oddloop.compiled import import_loops
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray

ROW_MEASURES = ("entropy", "least_confidence", "margin", "ratio")
"""What `measure_rows` measures, in its order."""


def loops() -> ModuleType | None:
    """The module of compiled loops, or None where numba cannot be imported."""
    return import_loops("oddloop.score.fast_kernels")


def measure_rows(values: AnyFloats, offsets: IntArray, names: Collection[str]) -> dict[str, FloatArray] | None:
    """Those of `ROW_MEASURES` of rows given as offsets + values; see `fast.ragged_measures`."""
    if (compiled := loops()) is None:
        return None
    out = np.empty((len(ROW_MEASURES), len(offsets) - 1))
    compiled.measure_rows(_frozen(values), offsets, ("entropy" in names, not {"entropy"}.issuperset(names)), out)
    return {name: out[ROW_MEASURES.index(name)] for name in names}


def mean_rows(cube: AnyFloats) -> FloatArray | None:
    """(N,K) means of the members of an (N,M,K) array of distributions, M at least 1; see `measures.mean_members`."""
    if (compiled := loops()) is None:
        return None
    out = np.empty((cube.shape[0], cube.shape[2]))
    compiled.mean_rows(_frozen(cube), out)
    return out


def binary_entropies(values: AnyFloats) -> FloatArray | None:
    """(N,) entropies of (p, 1 - p); see `binary.binary_entropy`."""
    if (compiled := loops()) is None:
        return None
    out = np.empty(len(values))
    compiled.binary_entropies(_frozen(values), out)
    return out


def _frozen(values: AnyFloats) -> AnyFloats:
    """The same numbers, contiguous, read-only and not of half precision, so that a loop is compiled once per dtype."""
    # A view, for the caller's own array must stay writable.
    view = np.ascontiguousarray(values, np.float32 if values.dtype == np.float16 else values.dtype).view()
    view.flags.writeable = False
    return view
