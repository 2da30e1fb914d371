"""Settings of the evidence: what the policy is compared with, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, NotNegative


@dataclass(frozen=True)
class EvidenceConfig:
    """What the policy is compared with, by how many trainings, and how surely."""

    __pydantic_config__ = STRICT
    control: Annotated[
        str,
        Field(description="workspace of a control arm on the same evaluation scenes; a path from this one, or a URL"),
    ] = ""
    within: Annotated[
        bool,
        Field(description="without a control arm: compare the policy's picks with the control share of its own rounds"),
    ] = False
    splits: Annotated[
        int,
        Field(
            ge=0,
            description="random splits of an arm's picks into halves after each round, two trainings each; they show "
            "the luck of picks and trainings. 3 or more are needed to tell much; 0: none, and nothing is claimed",
        ),
    ] = 0
    parallel: Annotated[int, Field(ge=1, description="of these trainings at a time")] = 1
    false_claims: Annotated[
        float,
        Field(gt=0, lt=0.5, description="chance that picks by chance are said to have helped in any of the rounds"),
    ] = 0.05
    smallest_lift: Annotated[
        NotNegative,
        Field(description="it did not help where so large a lift is ruled out, in the metric's unit; 0: any lift"),
    ] = 0.0
