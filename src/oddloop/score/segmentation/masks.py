"""Instance masks: how sure a model is of a mask, and how little it moves between members or thresholds.

    confidence           mean probability over the mask's own pixels, those above a threshold          [threshold, 1]
    threshold stability  IoU of the masks above threshold + delta and above threshold - delta          [0, 1]
    member stability     mean IoU of each two members' masks of an object                              [0, 1]

Small values are the unsure ones: a score is one minus any of them. Two empty masks are alike: their IoU is 1. Memory
grows with the pixels of one object's masks.

References:
    Kirillov et al., Segment Anything, 2023 (threshold stability). Morrison et al., Uncertainty-aware instance
    segmentation using dropout sampling, 2019 (masks of several members).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import BoolArray, FloatArray


def mask_confidence(probs: npt.ArrayLike, threshold: float = 0.5) -> FloatArray:
    """Mean probability inside each mask.

    Args:
        probs: (N,H,W) probability of each pixel to be of the object.
        threshold: the mask is where the probability is above it.

    Returns:
        (N,) float64; NaN where the mask is empty, or a probability is not in [0, 1].

    Raises:
        ValueError: `probs` has other than three axes.

    >>> mask_confidence([[[0.9, 0.7, 0.1]]])
    array([0.8])
    """
    flat, valid = _flat(probs, 1)
    inside = flat > threshold
    with np.errstate(invalid="ignore"):
        found = np.where(inside, flat, 0.0).sum(axis=-1) / inside.sum(axis=-1)
    return np.where(valid, found, np.nan)


def threshold_stability(probs: npt.ArrayLike, threshold: float = 0.5, delta: float = 0.1) -> FloatArray:
    """How little each mask changes with its threshold; arguments and errors as `mask_confidence`.

    Args:
        probs: (N,H,W) probability of each pixel to be of the object.
        threshold: the middle.
        delta: how far to either side, above 0.

    Returns:
        (N,) in [0, 1]; 1 where both masks are empty; NaN where a probability is not in [0, 1].

    >>> threshold_stability([[[0.9, 0.5, 0.1]]])
    array([0.5])
    """
    if not delta > 0:
        raise ValueError(f"delta must be above 0; got {delta}")
    flat, valid = _flat(probs, 1)
    inner, outer = flat > threshold + delta, flat > threshold - delta
    # The inner mask lies within the outer one, so that they are intersection and union.
    n_outer = outer.sum(axis=-1)
    found = np.where(n_outer > 0, inner.sum(axis=-1) / np.maximum(n_outer, 1), 1.0)
    return np.where(valid, found, np.nan)


def mask_iou(a: npt.ArrayLike, b: npt.ArrayLike) -> FloatArray:
    """Intersection over union of masks, pair by pair.

    Args:
        a: (...,H,W) booleans.
        b: (...,H,W) booleans.

    Returns:
        (...) float64 in [0, 1]; 1 where both are empty.

    Raises:
        ValueError: the shapes differ, or they are no booleans.

    >>> mask_iou([[True, True, False]], [[False, True, True]]).round(3)
    np.float64(0.333)
    """
    one, other = np.asarray(a), np.asarray(b)
    if one.shape != other.shape or one.ndim < 2 or one.dtype != np.bool_ or other.dtype != np.bool_:
        raise ValueError(
            f"masks must be booleans of one shape; got {one.dtype} {one.shape}, {other.dtype} {other.shape}"
        )
    union = (one | other).sum(axis=(-2, -1))
    shares: FloatArray = np.where(union > 0, (one & other).sum(axis=(-2, -1)) / np.maximum(union, 1), 1.0)
    return shares


def member_stability(probs: npt.ArrayLike, threshold: float = 0.5) -> FloatArray:
    """Mean IoU of each two members' masks of an object; 1 of a single member.

    Args:
        probs: (N,M,H,W) probability of each pixel, by object and member.
        threshold: the mask is where the probability is above it.

    Returns:
        (N,) in [0, 1]; NaN where a probability is not in [0, 1], or there is no member.

    Raises:
        ValueError: `probs` has other than four axes.

    >>> member_stability([[[[0.9, 0.1]], [[0.9, 0.9]]]])
    array([0.5])
    """
    flat, valid = _flat(probs, 2)
    n_members = flat.shape[1]
    if not n_members:
        return np.full(len(flat), np.nan)
    masks = flat > threshold
    pairs = [(i, j) for i in range(n_members) for j in range(i)]
    if not pairs:
        return np.where(valid.all(axis=1), 1.0, np.nan)
    total = np.zeros(len(flat))
    for i, j in pairs:  # of members, which are few
        total += mask_iou(masks[:, i, None], masks[:, j, None])
    return np.where(valid.all(axis=1), total / len(pairs), np.nan)


def _flat(probs: npt.ArrayLike, n_outer: int) -> tuple[npt.NDArray[Any], BoolArray]:
    """Masks with their pixels in one axis, and whether all of them are probabilities."""
    values = np.asarray(probs)
    if values.ndim != n_outer + 2 or not np.issubdtype(values.dtype, np.floating):
        axes = "(N,H,W)" if n_outer == 1 else "(N,M,H,W)"
        raise ValueError(f"mask probabilities must be {axes} floats; got {values.dtype} {values.shape}")
    flat = values.reshape(*values.shape[:n_outer], values.shape[-2] * values.shape[-1])
    with np.errstate(invalid="ignore"):
        valid: BoolArray = np.asarray(((flat >= 0) & (flat <= 1)).all(axis=-1))
    return flat, valid
