"""The way to the compiled loops over boxes: imported at first use, since numba takes half a second to import."""

from __future__ import annotations

from types import ModuleType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from oddloop.compiled import import_loops

_Number = TypeVar("_Number", bound=np.generic)


def loops() -> ModuleType:
    """The module of loops; compiled where numba is installed, slow but the same where it is not."""
    found = import_loops("oddloop.score.boxes.kernels")
    assert found is not None, "it imports without numba too"  # noqa: S101 # for the type checker
    return found


def frozen(array: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The same numbers, contiguous and read-only, so that a loop is compiled once per dtype."""
    # A view, for the caller's own array must stay writable.
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
