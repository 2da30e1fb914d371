"""From a map of pixels to one number of the frame.

    mean                mean over all pixels
    top_share           mean of the most unsure share of the pixels, rounded up to a whole pixel
    class_balanced      mean over the predicted classes of the mean over each one's pixels: a small class counts as much
    boundary_excluded   mean over the pixels that have no other predicted class within r pixels (also diagonally)
    region              sum over the connected region (4 neighbours) above a threshold that has the largest sum
    region_share        the share of all pixels that this region takes

**Values without pixels**: a region where no pixel is above the threshold is 0, with share 0: the model is sure
everywhere. A mean over no pixel (an empty map, or nothing left away from boundaries) is NaN. A NaN pixel makes every
reduction NaN: part of a mean is not the mean. Time and memory grow with the pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from oddloop.score.arrays import BoolArray


class Region(NamedTuple):
    """The most unsure connected region of a map: the sum over it, and its share of all pixels."""

    total: float
    share: float


def map_mean(values: npt.ArrayLike) -> float:
    """Mean over all pixels.

    Args:
        values: (H,W) floats.

    Returns:
        Their mean; NaN where there is none, or one is NaN.

    >>> map_mean([[1.0, 2.0]])
    1.5
    """
    pixels = _pixels(values)
    return float(pixels.mean(dtype=np.float64)) if pixels.size else float("nan")


def top_share_mean(values: npt.ArrayLike, share: float = 0.05) -> float:
    """Mean of the most unsure share of the pixels, at least one pixel.

    Args:
        values: (H,W) floats.
        share: of the pixels, in (0, 1].

    Raises:
        ValueError: the share is not in (0, 1].

    >>> top_share_mean([[1.0, 2.0, 3.0, 4.0]], share=0.5)
    3.5
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1]; got {share}")
    pixels = _pixels(values)
    if not pixels.size or np.isnan(pixels).any():
        return float("nan")
    # What a share of a whole number gains by rounding must not ask for a pixel more.
    n = max(int(np.ceil(share * pixels.size - 1e-9)), 1)
    return float(np.partition(pixels, pixels.size - n)[pixels.size - n :].mean(dtype=np.float64))


def class_balanced_mean(values: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """Mean over the classes that are there of the mean over each one's pixels.

    Args:
        values: (H,W) floats.
        classes: (H,W) whole numbers, the predicted class of each pixel.

    Raises:
        ValueError: the shapes differ.

    >>> class_balanced_mean([[1.0, 1.0, 1.0, 4.0]], [[0, 0, 0, 7]])
    2.5
    """
    pixels, labels = _with_classes(values, classes)
    if not pixels.size:
        return float("nan")
    counts = np.bincount(labels.ravel())
    sums = np.bincount(labels.ravel(), pixels.ravel())
    return float((sums[counts > 0] / counts[counts > 0]).mean())


def boundary_excluded_mean(values: npt.ArrayLike, classes: npt.ArrayLike, radius_px: int = 2) -> float:
    """Mean over the pixels that are not near another predicted class.

    Args:
        values: (H,W) floats.
        classes: (H,W) whole numbers, the predicted class of each pixel.
        radius_px: a pixel is left out where another class lies within so many rows and columns; 0 leaves out none.

    Raises:
        ValueError: the shapes differ, or the radius is negative.

    >>> boundary_excluded_mean([[1.0, 5.0, 5.0, 3.0]], [[0, 0, 1, 1]], radius_px=1)
    2.0
    """
    if radius_px < 0:
        raise ValueError(f"radius_px must be 0 or more; got {radius_px}")
    pixels, labels = _with_classes(values, classes)
    if not pixels.size or np.isnan(pixels).any():
        return float("nan")
    kept = pixels[_is_far(labels, radius_px)]
    return float(kept.mean(dtype=np.float64)) if kept.size else float("nan")


def largest_region(values: npt.ArrayLike, threshold: float) -> Region:
    """The connected region above a threshold that has the largest sum.

    Args:
        values: (H,W) floats.
        threshold: a pixel belongs to a region where it is above it.

    Returns:
        Its sum and its share of all pixels; both 0 where no pixel is above, both NaN where a pixel is NaN.

    >>> largest_region([[3.0, 0.0, 2.0, 2.0]], threshold=1.0)
    Region(total=4.0, share=0.5)
    """
    pixels = np.asarray(values)
    if not pixels.size or np.isnan(pixels).any():
        return Region(float("nan"), float("nan"))
    regions, n_regions = ndimage.label(pixels > threshold)
    if not n_regions:
        return Region(0.0, 0.0)
    sums = np.bincount(regions.ravel(), pixels.ravel(), n_regions + 1)
    best = 1 + int(np.argmax(sums[1:]))
    return Region(float(sums[best]), int(np.count_nonzero(regions == best)) / pixels.size)


def _is_far(classes: npt.NDArray[np.integer], radius_px: int) -> BoolArray:
    """(H,W) whether all classes within the radius are the pixel's own."""
    if not radius_px:
        return np.ones(classes.shape, np.bool_)
    size = 2 * radius_px + 1
    far: BoolArray = ndimage.maximum_filter(classes, size, mode="nearest") == ndimage.minimum_filter(
        classes, size, mode="nearest"
    )
    return far


def _pixels(values: npt.ArrayLike) -> npt.NDArray[np.floating]:
    return np.asarray(values).ravel()


def _with_classes(
    values: npt.ArrayLike, classes: npt.ArrayLike
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.integer]]:
    pixels, labels = np.asarray(values), np.asarray(classes)
    if pixels.ndim != 2 or pixels.shape != labels.shape:
        raise ValueError(f"a map and its classes must be (H,W) alike; got {pixels.shape} and {labels.shape}")
    return pixels, labels
