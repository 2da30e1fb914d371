"""Which kernel scores which task."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.score.classification import score_classification
from oddloop.score.detection import score_detection
from oddloop.score.risk.candidates import score_planning
from oddloop.score.risk.given import score_risk
from oddloop.score.segmentation.kernel import score_segmentation
from oddloop.score.trajectory import score_trajectory


class Kernel(Protocol):
    """A batch of a prediction table to a table of frame scores; a frame's row depends on that frame only."""

    def __call__(self, batch: pa.Table, config: ScoreConfig) -> pa.Table:
        """Score the frames of a batch."""


KERNELS: dict[str, Kernel] = {
    "classification": score_classification,
    "detection": score_detection,
    "segmentation": score_segmentation,
    "trajectory": score_trajectory,
    "risk": score_risk,
    "planning": score_planning,
}
"""Kernels by task, the same names as `tables.TASKS`."""
