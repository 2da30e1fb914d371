"""What a frame's tensor is: members x classes x height x width of probabilities or logits, and how it is stored.

    shape    (members, classes, height, width), or (classes, height, width) of one member
    numbers  float16, float32 or float64; or uint8, which stands for `scale * (value - zero_point)`
    kind     `probs`: each pixel's classes sum to 1; `logits`: softmax makes them so

Tensors lie in memory row by row (C order), so that a class's pixels stand together; others are copied once. Constant
time and memory besides.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.score.blocks import SUM_TOLERANCE
from oddloop.score.foreign import to_numpy

Kind = Literal["probs", "logits"]
KINDS = ("probs", "logits")
"""What the numbers of a tensor may be."""
DTYPES = ("float16", "float32", "float64", "uint8")
"""How they may be stored."""
MOST_CLASSES = 65_534
"""The numbers of the classes, and the one after the last, fit into uint16."""
_MOST_TOLERANCE = 0.25
_MOST = 1e30
"""What float32, in which pixels are measured, still holds after a multiplication by a byte."""


class PixelTensor(NamedTuple):
    """A tensor, ready to be measured.

    Attributes:
        values: (M,C,N) numbers as they are stored, pixels in the image's row order; read only.
        height: of the image, in pixels.
        width: of the image, in pixels.
        is_logits: whether they are logits.
        scale: uint8 stands for `scale * (value - zero_point)`.
        zero_point: see there.
        temperature: logits are divided by it.
    """

    values: npt.NDArray[Any]
    height: int
    width: int
    is_logits: bool
    scale: float
    zero_point: float
    temperature: float

    @property
    def tolerance(self) -> float:
        """How far a pixel's sum may be off 1: rounding to uint8 moves each class by half a step."""
        if self.values.dtype != np.uint8:
            return SUM_TOLERANCE
        return float(min(SUM_TOLERANCE + self.values.shape[1] * self.scale / 2, _MOST_TOLERANCE))


def pixel_tensor(
    tensor: npt.ArrayLike,
    *,
    kind: Kind = "probs",
    temperature: float = 1.0,
    scale: float | None = None,
    zero_point: float = 0.0,
) -> PixelTensor:
    """A tensor of any array library, checked; without a copy where it lies row by row.

    Args:
        tensor: (M,C,H,W) or (C,H,W) float16, float32, float64 or uint8.
        kind: `probs` or `logits`.
        temperature: logits are divided by it; above 0.
        scale: of uint8, above 0; None means 1/255, for `probs` only.
        zero_point: of uint8.

    Raises:
        ValueError: another shape, dtype or kind, too many classes, or a temperature or scale that is not positive.

    >>> pixel_tensor(np.zeros((3, 4, 5), np.float16)).values.shape
    (1, 3, 20)
    """
    array = to_numpy(tensor)
    if array.ndim not in (3, 4):
        raise ValueError(f"a tensor must be (members x) classes x height x width; got shape {array.shape}")
    if array.dtype.name not in DTYPES or not array.dtype.isnative:
        raise ValueError(f"a tensor must be {', '.join(DTYPES[:-1])} or {DTYPES[-1]}; got {array.dtype.str}")
    if kind not in KINDS:
        raise ValueError(f"kind must be {' or '.join(KINDS)}; got {kind!r}")
    if array.shape[-3] > MOST_CLASSES:
        raise ValueError(f"at most {MOST_CLASSES:,} classes; got shape {array.shape}")
    if array.dtype == np.uint8 and scale is None and kind == "logits":
        raise ValueError("logits in uint8 need a scale and a zero_point")
    scale = 1 / 255 if scale is None else scale
    for name, number in (("temperature", temperature), ("scale", scale)):
        if not 1 / _MOST <= number <= _MOST:
            raise ValueError(f"{name} must be positive and finite, between 1e-30 and 1e30; got {number}")
    if not abs(zero_point) <= _MOST:
        raise ValueError(f"zero_point must be finite, within 1e30; got {zero_point}")
    n_members = array.shape[0] if array.ndim == 4 else 1
    values = np.ascontiguousarray(array).reshape(n_members, array.shape[-3], math.prod(array.shape[-2:])).view()
    values.flags.writeable = False
    height, width = array.shape[-2:]
    return PixelTensor(values, height, width, kind == "logits", scale, zero_point, temperature)
