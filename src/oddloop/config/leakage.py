"""Settings of the guard that keeps held-out scenes out of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, NotNegative

LeakageRule = Literal["refuse", "leave_out", "warn", "allow"]
"""Train not at all; train without those scenes; train and say so; do not look."""


@dataclass(frozen=True)
class LeakageConfig:
    """What happens where a scene to train on is too close to one that is held out for evaluation."""

    __pydantic_config__ = STRICT
    logs: Annotated[
        LeakageRule,
        Field(description="both are of one log: `refuse` to train, `leave_out` the scene, `warn`, or `allow`"),
    ] = "refuse"
    neighbours: Annotated[
        LeakageRule, Field(description="both are of one log or one vehicle, and lie within `gap_s`; the same four")
    ] = "refuse"
    near_duplicates: Annotated[
        LeakageRule, Field(description="both look alike by `cosine`, whichever their logs; the same four")
    ] = "refuse"
    gap_s: Annotated[
        NotNegative, Field(description="time between the end of one and the start of the other, in s; 0: they touch")
    ] = 5.0
    cosine: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="scenes are alike from this cosine on: at first, copies only; "
            "below [discover.duplicates] cosine, that counts",
        ),
    ] = 0.99999
