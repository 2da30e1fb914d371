"""The compiled loop of projection; imported by `oddloop.compiled.import_loops` only, since it imports numba."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.compiled import compile_loop

Floats = npt.NDArray[np.float64]


@compile_loop
def project_rows(values: Floats, mean: Floats, loadings: Floats, placed: Floats) -> None:
    """Add (values - mean) @ loadings to `placed`, one column of (n, d) `values` after the other, as NumPy does."""
    n, d = values.shape
    k = loadings.shape[1]
    for i in range(n):
        for j in range(d):
            value = values[i, j] - mean[j]
            for c in range(k):
                placed[i, c] += value * loadings[j, c]
