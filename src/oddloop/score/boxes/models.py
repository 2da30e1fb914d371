"""How far the detections of two models differ, object by object; neither is taken to be right.

The boxes of both models are grouped as those of two members (`grouping`): an object is a pair, or a box that only one
model has. With s and t the scores of the two (0 where a model has no box):

    model_disagreement             max(s, t) - [same class] IoU min(s, t): what the surer model says that      [0, 1]
                                   the other does not
    model_disagreement_unmatched   score of a box that the other model does not have; 0 for a pair             [0, 1]
    model_disagreement_box         1 - IoU of a pair; 0 for a single box                                       [0, 1)
    model_disagreement_class       (s + t) / 2 for a pair of different classes; else 0                         [0, 1]
    model_disagreement_score       Jensen-Shannon divergence of (s, 1 - s) and (t, 1 - t) of a pair, in nats;  [0, ln 2]
                                   0 for a single box

The first is all of it in one number, and is the others' reason to be looked at. All are 0 where the models agree, and
do not change when the models change places. Classes are compared by name: class probabilities are not looked at, for
nothing says that two models list their classes in the same order. Scores are compared as they are: rescale them first
where one model's 0.5 is another's 0.9. Of an ensemble, the strongest box of each object speaks for it.

NaN, not valid: a box without area, or a score outside [0, 1]. Time and memory grow as for `grouping`.

References:
    Divergence: Lin, Divergence measures based on the Shannon entropy, 1991.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import numpy as np

from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.binary import BINARY_MEASURES
from oddloop.score.boxes.calls import frozen
from oddloop.score.boxes.detections import Detections, as_sides
from oddloop.score.boxes.grouping import BoxGroups, box_iou, group_boxes

MODEL_MEASURES = tuple(f"model_disagreement{part}" for part in ("", "_unmatched", "_box", "_class", "_score"))
"""All measures of a difference between models, by name."""


class ModelDifferences(NamedTuple):
    """The objects of two models.

    Attributes:
        boxes: all boxes, those of the first model as member 0, of the second as member 1.
        groups: the objects.
        measures: (G,) values of each object, by the names of `MODEL_MEASURES`.
    """

    boxes: Detections
    groups: BoxGroups
    measures: dict[str, FloatArray]


def compare_detections(
    first: Detections, second: Detections, *, iou_floor: float = 0.5, across_classes: bool = True
) -> ModelDifferences:
    """Compare two models' detections of the same frames.

    Args:
        first: boxes of one model; see `make_detections`.
        second: boxes of the other, in the same F frames.
        iou_floor: as for `group_boxes`.
        across_classes: as for `group_boxes`.

    Raises:
        ValueError: the models have other numbers of frames, or `iou_floor` is out of range.

    >>> from oddloop.score.boxes import make_detections
    >>> one = make_detections([[0.0, 0.0, 10.0, 10.0], [50.0, 0.0, 60.0, 10.0]], [0.9, 0.4], [0, 2])
    >>> two = make_detections([[0.0, 0.0, 10.0, 5.0]], [0.8], [0, 1])
    >>> compare_detections(one, two).measures["model_disagreement"]  # 0.9 - 0.5 x 0.8, and 0.4
    array([0.5, 0.4])
    """
    group = functools.partial(group_boxes, iou_floor=iou_floor, across_classes=across_classes)
    both = side_by_side(*(speakers(found, group(found)) for found in (first, second)))
    groups = group(both)
    return ModelDifferences(both, groups, _measure(both, groups))


def _measure(both: Detections, groups: BoxGroups) -> dict[str, FloatArray]:
    strongest = groups.strongest
    is_pair = groups.n_boxes == 2
    high, (low, iou), is_same = both.scores[strongest].astype(np.float64), np.zeros((2, len(strongest))), is_pair.copy()
    pair = groups.pairs()
    low[is_pair] = both.scores[pair[1]]
    iou[is_pair] = box_iou(both.corners[pair[0]], both.corners[pair[1]])
    is_same[is_pair] = both.labels[pair[0]] == both.labels[pair[1]]
    values = (
        high - is_same * iou * low,
        np.where(is_pair, 0.0, high),
        np.where(is_pair, 1.0 - iou, 0.0),
        np.where(is_pair & ~is_same, (high + low) / 2, 0.0),
        np.where(is_pair, _divergence(high, low), 0.0),
    )
    is_placed = both.is_placed[strongest]
    return {name: np.where(is_placed, v, np.nan) for name, v in zip(MODEL_MEASURES, values, strict=True)}


def _divergence(p: FloatArray, q: FloatArray) -> FloatArray:
    """Jensen-Shannon divergence of (p, 1 - p) and (q, 1 - q)."""
    entropy = BINARY_MEASURES["entropy"]
    return np.maximum(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, 0.0)


def speakers(found: Detections, groups: BoxGroups) -> Detections:
    """The strongest box of each object; one that could not be grouped is of no member, so that it stays apart."""
    chosen = groups.strongest
    return dataclasses.replace(
        found,
        offsets=groups.frames,
        sides=as_sides(*(side[chosen] for side in found.sides)),
        scores=found.scores[chosen],
        labels=found.labels[chosen],
        members=np.where(found.is_placed[chosen], 0, -1),
        n_members=np.ones_like(found.n_members),
        probs=found.probs[:0],
        classes=np.zeros(len(chosen) + 1, np.int64),
    )


def side_by_side(first: Detections, second: Detections) -> Detections:
    """The boxes of both in each frame, as those of members 0 and 1, with class numbers in common."""
    if len(first.offsets) != len(second.offsets):
        n_frames = len(first.offsets) - 1, len(second.offsets) - 1
        raise ValueError(f"two models need the same frames; got {n_frames[0]:,} and {n_frames[1]:,}")
    frame = np.concatenate([np.repeat(np.arange(len(x.offsets) - 1), np.diff(x.offsets)) for x in (first, second)])
    order = np.argsort(frame, kind="stable")
    names = sorted({*first.label_names, *second.label_names})
    members = np.concatenate([first.members, np.where(second.members < 0, -1, 1)])
    return Detections(
        first.offsets + second.offsets,
        as_sides(*(np.concatenate(pair)[order] for pair in zip(first.sides, second.sides, strict=True))),
        frozen(np.concatenate([first.scores, second.scores])[order]),
        np.concatenate([_renumbered(x, names) for x in (first, second)])[order],
        tuple(names),
        members[order],
        np.full(len(first.n_members), 2),
        frozen(np.empty(0, np.float32)),
        np.zeros(len(order) + 1, np.int64),
    )


def _renumbered(found: Detections, names: list[str]) -> IntArray:
    places = np.array([*(names.index(name) for name in found.label_names), -1], np.int64)
    return places[found.labels]
