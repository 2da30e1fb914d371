"""Classes that a model does badly on count more: the difficulty-calibrated uncertainty of PPAL, as weights of boxes.

With d in [0, 1] how badly the model does on a class (1 - its quality q):

    weight = 1 + αβ ln(b d + 1), b = e^(1/α) - 1           [1, 1 + β], α = 0.3, β = 0.2
    frame  = sum of weight x measure over the boxes that count

where a box counts with a score >= 0.05, √(width x height) > 16 px and a longer side of less than 5 times the shorter,
so that a frame full of easy cars does not outrank one with a hard pedestrian, and a tiny, sure or odd box counts for
nothing. A box without any side is kept or left out by its score alone. A class of unknown difficulty counts as 1, the
hardest, as a class of which PPAL's training has not yet seen an object.

    d = 1 - mean over labelled objects of score^ξ IoU^(1 - ξ), ξ = 0.6, of the detection that found it; missed: 0

PPAL takes this mean over the anchors of a training run, as it runs; here it is taken over saved detections, and an
object that no detection found lowers the quality of its class. Time and memory grow with the boxes.

References:
    Yang, Huang and Crowley, Plug and play active learning for object detection, CVPR 2024.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.boxes.detections import Detections
from oddloop.score.foreign import to_floats

ALPHA, BETA, XI = 0.3, 0.2, 0.6
UNKNOWN_DIFFICULTY = 1.0
"""Of a class that is not named."""


def class_weight(difficulty: npt.ArrayLike, *, alpha: float = ALPHA, beta: float = BETA) -> FloatArray:
    """Weight of a class by its difficulty.

    Args:
        difficulty: (...) floats in [0, 1].
        alpha: how early the weight rises; at least 0.002.
        beta: what the hardest class weighs beyond 1; 0 or more.

    Returns:
        (...) float64 in [1, 1 + beta]; NaN where the difficulty is out of range.

    Raises:
        ValueError: no floats, or a parameter out of range.

    >>> class_weight([0.0, 0.5, 1.0]).round(4)
    array([1.    , 1.1605, 1.2   ])
    """
    if not (alpha >= 0.002 and math.isfinite(alpha) and beta >= 0 and math.isfinite(beta)):
        raise ValueError(f"alpha must be at least 0.002 and beta at least 0; got {alpha} and {beta}")
    d = to_floats(difficulty).astype(np.float64)
    with np.errstate(invalid="ignore"):
        weight: FloatArray = 1.0 + alpha * beta * np.log1p(np.expm1(1.0 / alpha) * np.where(d >= 0, d, np.nan))
    return np.where(d <= 1, weight, np.nan)[()]


def weigh_boxes(
    found: Detections,
    difficulty: Mapping[str, float],
    *,
    min_score: float = 0.05,
    min_size_px: float = 16.0,
    max_aspect: float = 5.0,
) -> FloatArray:
    """(N,) weight of each box by its class; 0 for a box that does not count.

    Args:
        found: the boxes; see `make_detections`.
        difficulty: class -> difficulty in [0, 1]; a class not named has 1.
        min_score: a box needs this score or more.
        min_size_px: a box needs √(width x height) above this.
        max_aspect: a box needs a longer side of less than this many times the shorter.

    Returns:
        (N,) float64, 0 or in [1, 1.2]; NaN where a score is not in [0, 1], or a box has some sides but no area.

    >>> from oddloop.score import group_sum
    >>> from oddloop.score.boxes import make_detections
    >>> corners = [[0.0, 0.0, 20.0, 20.0], [0.0, 0.0, 20.0, 20.0], [0.0, 0.0, 9.0, 9.0]]
    >>> found = make_detections(corners, [0.5, 0.5, 0.5], [0, 3], labels=["car", "cyclist", "cyclist"])
    >>> weights = weigh_boxes(found, {"car": 0.0, "cyclist": 1.0})
    >>> weights.round(4), group_sum(np.array([0.5, 0.5, 0.5]) * weights, found.offsets).round(4)
    (array([1. , 1.2, 0. ]), array([1.1]))
    """
    by_label = [difficulty.get(name, UNKNOWN_DIFFICULTY) for name in found.label_names]
    weights = class_weight(np.array([*by_label, UNKNOWN_DIFFICULTY]))[found.labels]
    x_min, y_min, x_max, y_max = (side.astype(np.float64) for side in found.sides)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        width, height = x_max - x_min, y_max - y_min
        long_enough = np.sqrt(width * height) > min_size_px
        is_counted = long_enough & (np.maximum(width, height) / np.minimum(width, height) < max_aspect)
        is_known = (found.scores >= 0) & (found.scores <= 1) & (found.is_whole | found.is_bare)
    weights = np.where((found.scores >= min_score) & (is_counted | found.is_bare), weights, 0.0)
    return np.where(is_known, weights, np.nan)


def estimate_difficulty(
    categories: Sequence[str], scores: npt.ArrayLike, ious: npt.ArrayLike, *, xi: float = XI
) -> dict[str, float]:
    """How badly a model does on each class, from labelled objects and the detections that found them.

    Args:
        categories: (N,) class of each labelled object.
        scores: (N,) floats in [0, 1], score of the detection that found it; 0 where none did.
        ious: (N,) floats in [0, 1], overlap of that detection; 0 where none did.
        xi: weight of the score against the overlap, in [0, 1].

    Returns:
        Difficulty in [0, 1] by class, in the order of the names; nothing for no objects.

    Raises:
        ValueError: shapes that do not fit together, a number out of range, or wrong dtypes.

    >>> estimate_difficulty(["car", "car", "van"], [1.0, 0.0, 0.5], [1.0, 0.0, 0.5])
    {'car': 0.5, 'van': 0.5}
    """
    p, iou = to_floats(scores).astype(np.float64), to_floats(ious).astype(np.float64)
    names, codes = np.unique(np.asarray(categories, np.str_), return_inverse=True)
    if not (p.shape == iou.shape == codes.shape) or p.ndim != 1:
        raise ValueError(f"need one score and one IoU per object; got {codes.shape}, {p.shape} and {iou.shape}")
    if not (((p >= 0) & (p <= 1) & (iou >= 0) & (iou <= 1)).all() and 0 <= xi <= 1):
        raise ValueError("scores, IoUs and xi must be in [0, 1]; drop objects for which they are not known")
    quality = np.bincount(codes, p**xi * iou ** (1.0 - xi), len(names)) / np.bincount(codes, minlength=len(names))
    return dict(zip(names.tolist(), (1.0 - np.minimum(quality, 1.0)).tolist(), strict=True))
