"""The way to the compiled loops over boxes: imported at first use, since numba takes half a second to import."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from oddloop.score import fast_calls

_Number = TypeVar("_Number", bound=np.generic)


@functools.cache
def loops() -> ModuleType:
    """The module of loops; compiled where numba is installed, slow but the same where it is not."""
    fast_calls.loops()  # which knows how to import numba
    return importlib.import_module("oddloop.score.boxes.kernels")


def frozen(array: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The same numbers, contiguous and read-only, so that a loop is compiled once per dtype."""
    # A view, for the caller's own array must stay writable.
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
