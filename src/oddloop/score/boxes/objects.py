"""How unsure an ensemble is of each object: what it is, where it is, and whether it is there at all.

An object is a group of boxes (`grouping`) that k of M members found. Its class distribution q is the mean of its
boxes': class probabilities, each divided by its sum, or, of boxes that have a score s and a label, s for that label and
1 - s for the rest, over all labels of the group and the rest. With p_i that of box i, and H the entropy in nats:

    entropy, least_confidence, margin   of q; of one box as `measures` and `binary` have them
    class_disagreement      H(q) - mean_i H(p_i), BALD among the members that found it           [0, ln k]
    box_disagreement        1 - mean_ij IoU(i, j), two boxes drawn with replacement              [0, 1 - 1/k)
    box_spread              sqrt(mean over sides and boxes of ((side - mean side) / size)²),     [0, inf)
                            size the width or height of the mean box: a share of the object
    existence_disagreement  H(k/M): of members that found it against those that did not          [0, ln 2]

Members that did not find the object have no say in its class or place: they count in its existence, and only there.
**One member gives 0 for all four disagreements**, valid; so does an ensemble that agrees. Every member counted twice
changes nothing.

**NaN, not valid**: all measures, where a box cannot be grouped (`Detections.is_placed`), a box's probabilities are not
a distribution, or those of a group have not the same number of classes; the disagreements too where a box has some
sides but no area.

Time grows with the boxes, for `box_disagreement` with boxes x members; memory with the boxes.

References:
    Class: Houlsby et al., Bayesian active learning for classification and preference learning, 2011. Box: Kao et al.,
    Localization-aware active learning for object detection, ACCV 2018 (localisation stability under noise).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

import numpy as np

from oddloop.config import BoxMeasure, ObjectMeasure
from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.binary import BINARY_MEASURES
from oddloop.score.boxes.calls import frozen, loops
from oddloop.score.boxes.detections import Detections
from oddloop.score.boxes.grouping import BoxGroups
from oddloop.score.fast import ragged_measures
from oddloop.score.ragged import group_mean

BOX_MEASURES: tuple[str, ...] = get_args(BoxMeasure)
"""Measures of a single box, and of an object's mean distribution."""
OBJECT_MEASURES: tuple[str, ...] = (*BOX_MEASURES, *get_args(ObjectMeasure))
"""All measures of an object, by name."""


def measure_objects(
    found: Detections,
    groups: BoxGroups,
    names: Collection[str] = OBJECT_MEASURES,
    of_boxes: Mapping[str, FloatArray] | None = None,
) -> dict[str, FloatArray]:
    """(G,) measures of each object, by name; NaN where not valid.

    Args:
        found: the boxes; see `make_detections`.
        groups: the objects; see `group_boxes`.
        names: names of `OBJECT_MEASURES`.
        of_boxes: (N,) the `BOX_MEASURES` of each box by itself; None: measured here.

    Raises:
        ValueError: there is no such measure.

    >>> from oddloop.score.boxes import group_boxes, make_detections
    >>> corners = [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 8.0]]
    >>> found = make_detections(corners, [0.9, 0.9], [0, 2], labels=["car", "van"], members=[0, 1], n_members=4)
    >>> measures = measure_objects(found, group_boxes(found))
    >>> [round(float(measures[f"{name}_disagreement"][0]), 4) for name in ("class", "box", "existence")]
    [0.6238, 0.1, 0.6931]
    """
    if unknown := sorted(set(names) - set(OBJECT_MEASURES)):
        raise ValueError(f"no such measure: {', '.join(unknown)}; there are: {', '.join(OBJECT_MEASURES)}")
    results = _measure_classes(found, groups, measure_alone(found) if of_boxes is None else of_boxes)
    disagreements = {
        "box_disagreement": lambda: _measure_boxes("box_disagreements", found, groups),
        "box_spread": lambda: _measure_boxes("box_spreads", found, groups),
        "existence_disagreement": lambda: _measure_existence(found, groups),
    }
    results |= {name: disagreements[name]() for name in disagreements if name in names}
    is_known = _has_known_place(found, groups) & ~np.isnan(results["entropy"])
    for name in get_args(ObjectMeasure):
        if name in results:
            results[name] = np.where(is_known, results[name], np.nan)
    return {name: results[name] for name in names}


def measure_alone(found: Detections) -> dict[str, FloatArray]:
    """(N,) the `BOX_MEASURES` of each box by itself: of its class probabilities, or of its score where it has none.

    NaN where these are not a distribution.

    >>> from oddloop.score.boxes import make_detections
    >>> measure_alone(make_detections([[0.0, 0.0, 1.0, 1.0]], [0.5], [0, 1]))["margin"]
    array([1.])
    """
    of_probs = ragged_measures(found.probs, found.classes)
    has_probs = np.diff(found.classes) > 0
    return {name: np.where(has_probs, of_probs[name], BINARY_MEASURES[name](found.scores)) for name in BOX_MEASURES}


def _measure_classes(found: Detections, groups: BoxGroups, alone: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """What the mean distribution of each object says, and how far its boxes are from it."""
    strongest = groups.strongest
    results = {name: alone[name][strongest] for name in BOX_MEASURES}
    several = np.flatnonzero(groups.n_boxes > 1)
    if len(several):
        of_means = ragged_measures(*mean_distributions(found, groups, several))
        for name in BOX_MEASURES:
            results[name][several] = of_means[name]
    expected = group_mean(alone["entropy"][groups.order], groups.bounds)
    # Dividing by a sum hides that it is none, but then a box by itself has no entropy.
    is_valid = found.is_placed[strongest] & ~np.isnan(expected)
    results = {name: np.where(is_valid, values, np.nan) for name, values in results.items()}
    return results | {"class_disagreement": np.maximum(results["entropy"] - expected, 0.0)}


def mean_distributions(found: Detections, groups: BoxGroups, chosen: IntArray) -> tuple[FloatArray, IntArray]:
    """The mean distributions of some objects, as values and the bounds of each; empty where boxes do not match."""
    about = frozen(found.classes), frozen(groups.order), frozen(groups.bounds), frozen(chosen)
    lengths, labels = np.empty(len(chosen), np.int64), frozen(found.labels)
    loops().count_outcomes(labels, *about, lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = np.empty(offsets[-1])
    loops().mean_outcomes(found.scores, labels, found.probs, *about, frozen(offsets), values)
    return values, offsets


def _measure_boxes(loop: str, found: Detections, groups: BoxGroups) -> FloatArray:
    result = np.empty(len(groups.bounds) - 1)
    getattr(loops(), loop)(found.sides, frozen(groups.order), frozen(groups.bounds), result)
    return result


def _measure_existence(found: Detections, groups: BoxGroups) -> FloatArray:
    """Entropy of the share of members that found each object."""
    n_members = np.repeat(found.n_members, np.diff(groups.frames))
    with np.errstate(divide="ignore"):
        return BINARY_MEASURES["entropy"](groups.n_boxes / n_members)


def _has_known_place(found: Detections, groups: BoxGroups) -> BoolArray:
    """(G,) whether an object's boxes could be grouped, and are either whole or without any side."""
    known: BoolArray = found.is_placed & (found.is_whole | found.is_bare)
    return known[groups.strongest]
