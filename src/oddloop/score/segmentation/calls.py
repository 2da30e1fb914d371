"""The way to the loops over pixels: compiled where numba is installed (imported at first use), else their twin."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.score import fast_calls
from oddloop.score.segmentation import reference
from oddloop.score.segmentation.tensor import PixelTensor

MAPS = {"entropy": "f4", "expected_entropy": "f4", "bald": "f4", "margin": "f4", "classes": "u2"}
"""Dtype by name of what the loops measure, in their order."""
Maps = Mapping[str, npt.NDArray[Any]]
Part = Callable[[int, int], None]


@functools.cache
def loops() -> ModuleType | None:
    """The module of compiled loops, or None where numba cannot be imported."""
    if fast_calls.loops() is None:  # which knows how to import numba
        return None
    return importlib.import_module("oddloop.score.segmentation.loops")


def measure_into(tensor: PixelTensor, maps: Maps) -> Part:
    """What measures the pixels from one to another, into (N,) maps by name; of threads, each may take a part."""
    compiled = loops()
    if compiled is None:
        return functools.partial(_measure_plainly, tensor, maps)
    stored = tensor.values.view(np.uint16) if tensor.values.dtype == np.float16 else tensor.values
    all_maps = tuple(maps.get(name, np.empty(0, dtype)) for name, dtype in MAPS.items())
    how = _how(tensor)
    if tensor.is_logits:
        return lambda start, stop: compiled.measure_logits(stored, start, stop, how, all_maps)
    is_exact = stored.dtype == np.uint16
    return lambda start, stop: compiled.measure_probs(stored, start, stop, how, is_exact, all_maps)


def _how(tensor: PixelTensor) -> tuple[np.float32, ...]:
    """Numbers for the loops; the highest entropy is rounded down, so that no entropy is above it."""
    highest = math.log(tensor.values.shape[1])
    rounded = np.float32(highest)
    if rounded > highest:
        rounded = np.nextafter(rounded, np.float32(0))
    third = 1 / tensor.temperature if tensor.is_logits else tensor.tolerance
    return np.float32(tensor.scale), np.float32(tensor.zero_point), np.float32(third), rounded


def _measure_plainly(tensor: PixelTensor, maps: Maps, start: int, stop: int) -> None:
    found = reference.measure(tensor, start, stop)
    for name, values in maps.items():
        values[start:stop] = found[name]
