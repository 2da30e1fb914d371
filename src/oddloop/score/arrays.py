"""The array types that the stage passes around, and how probabilities enter it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
AnyFloats = npt.NDArray[np.floating[Any]]
"""Numbers as they come: float16, float32 or float64."""


def as_floats(probs: npt.ArrayLike) -> AnyFloats:
    """The array as it is, without a copy.

    Raises:
        ValueError: it is not of float16, float32 or float64; integers are refused, since they may be quantised.

    >>> as_floats([0.5]).dtype
    dtype('float64')
    """
    array = np.asarray(probs)
    if array.dtype not in (np.float16, np.float32, np.float64):
        raise ValueError(f"probabilities must be float16, float32 or float64; got {array.dtype}; convert them first")
    return array
