"""Weak evidence: what can be known without a training, one vote each; only votes that agree decide, and they hedge.

- the error on scenes that the model was trained on: above the target, the model cannot do it even there (model);
  at or below it, the model can, but not on new scenes (data);
- held-out scenes lie `FAR` times as far from training scenes as those from each other, or farther (data);
- mutual information makes up `MOSTLY` of the entropy or more: members disagree, as they do where data are few (data);
  `HARDLY` or less: they agree that it is ambiguous (model).

Two votes for one side and none for the other make a hedged verdict. Labels that disagree by most of the error itself
make a hedged `label_noise_limited`, whatever the votes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddloop.coverage.arrays import BoolArray, FloatArray

FAR, MOSTLY, HARDLY = 2.0, 0.5, 0.1
_ENOUGH = 2


@dataclass(frozen=True, eq=False)
class Hints:
    """(R,) what is known of each gap, NaN where it is not; errors and target in the unit of the error.

    Attributes:
        error: measured error.
        target: error to reach.
        train_error: error on scenes that the model was trained on.
        distance_ratio: distance of held-out to training scenes, over that of training scenes to each other.
        epistemic_share: mutual information / entropy.
        disagreement: error of the labels against a careful second labelling.
    """

    error: FloatArray
    target: FloatArray
    train_error: FloatArray
    distance_ratio: FloatArray
    epistemic_share: FloatArray
    disagreement: FloatArray


@dataclass(frozen=True, eq=False)
class Votes:
    """(R,) which way the hints point; at most one is true."""

    data: BoolArray
    model: BoolArray
    labels: BoolArray


def count_votes(hints: Hints, label_share: float) -> Votes:
    """Which verdict the hints agree on.

    >>> one = lambda value: np.array([value])
    >>> hints = Hints(one(0.3), one(0.1), one(0.05), one(3.0), one(np.nan), one(np.nan))
    >>> count_votes(hints, 0.8).data.tolist()
    [True]
    """
    with np.errstate(invalid="ignore"):
        for_data = sum(
            np.asarray(vote, np.int64)
            for vote in (
                hints.train_error <= hints.target,
                hints.distance_ratio >= FAR,
                hints.epistemic_share >= MOSTLY,
            )
        )
        for_model = sum(
            np.asarray(vote, np.int64) for vote in (hints.train_error > hints.target, hints.epistemic_share <= HARDLY)
        )
        labels = hints.disagreement >= label_share * hints.error
    labels = np.asarray(labels, np.bool_)
    data = (np.asarray(for_data) >= _ENOUGH) & (np.asarray(for_model) == 0) & ~labels
    model = (np.asarray(for_model) >= _ENOUGH) & (np.asarray(for_data) == 0) & ~labels
    return Votes(data, model, labels)
