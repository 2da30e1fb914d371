"""The NumPy twin of `loops`: the reference, and what measures pixels where numba is not installed.

All in float64, by the formulas of the module `pixels`, in blocks of pixels that stay in the cache; memory is one block.
"""

from __future__ import annotations

import numpy as np

from oddloop.score.arrays import FloatArray
from oddloop.score.blocks import minus_p_log_q
from oddloop.score.segmentation.tensor import PixelTensor

_BLOCK = 1 << 18


def measure(tensor: PixelTensor, start: int, stop: int) -> dict[str, FloatArray]:
    """(n,) measures of the pixels from `start` to `stop`; NaN where a pixel is not valid, and the class after the last.

    >>> from oddloop.score.segmentation.tensor import pixel_tensor
    >>> found = measure(pixel_tensor([[[0.5, 0.9]], [[0.5, 0.2]]]), 0, 2)
    >>> found["entropy"].round(4), found["classes"]
    (array([0.6931,    nan]), array([0., 2.]))
    """
    n_members, n_classes, _ = tensor.values.shape
    step = max(_BLOCK // (n_members * n_classes), 1)
    parts = [_measure(tensor, at, min(at + step, stop)) for at in range(start, stop, step)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _measure(tensor: PixelTensor, start: int, stop: int) -> dict[str, FloatArray]:
    probs = _distributions(tensor, start, stop)
    mean = probs.mean(axis=0)
    highest = np.log(mean.shape[0])
    entropy = np.clip(minus_p_log_q(mean, mean), 0.0, highest)
    expected = np.minimum(minus_p_log_q(probs, probs).mean(axis=0), entropy) if len(probs) > 1 else entropy
    is_valid = ~np.isnan(entropy)
    ranked = np.sort(mean, axis=0)
    second = ranked[-2] if len(ranked) > 1 else np.zeros_like(entropy)
    return {
        "entropy": entropy,
        "expected_entropy": expected,
        "bald": entropy - expected,
        "margin": 1.0 - (ranked[-1] - second),
        "classes": np.where(is_valid, np.argmax(mean, axis=0), len(mean)).astype(np.float64),
    }


def _distributions(tensor: PixelTensor, start: int, stop: int) -> FloatArray:
    """(M,C,n) probabilities that sum to 1; NaN in all members of a pixel that is not valid."""
    numbers: FloatArray = tensor.values[:, :, start:stop].astype(np.float64)
    if tensor.values.dtype == np.uint8:
        numbers = (numbers - tensor.zero_point) * tensor.scale
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        if tensor.is_logits:
            numbers = np.exp((numbers - numbers.max(axis=1, keepdims=True)) / tensor.temperature)
        sums = numbers.sum(axis=1, keepdims=True)
        is_valid = np.isfinite(sums)
        if not tensor.is_logits:
            is_valid = (np.abs(sums - 1.0) <= tensor.tolerance) & (numbers.min(axis=1, keepdims=True) >= 0)
        distributions: FloatArray = np.where(is_valid.all(axis=0), numbers / sums, np.nan)
    return distributions
