"""Settings of risk scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Positive


@dataclass(frozen=True)
class RiskConfig:
    """What counts as near, in the scores of `tracks`."""

    __pydantic_config__ = STRICT
    ttc_s: Annotated[Positive, Field(description="threshold of the time to collision, s")] = 4.0
    thw_s: Annotated[Positive, Field(description="threshold of the time headway, s")] = 2.0
    reach_m: Annotated[Positive, Field(description="threshold of the distance between vehicles, m")] = 5.0
    radius_m: Annotated[Positive, Field(description="how far ahead a lead is looked for, m from centre to centre")] = (
        100.0
    )
    pet_s: Annotated[Positive, Field(description="threshold of the post-encroachment time, s")] = 4.0
    hard_braking_mps2: Annotated[Positive, Field(description="deceleration that counts as hard, m/s²")] = 3.0
    vehicles: Annotated[
        Literal["all", "ego"], Field(description="whose risk counts: every vehicle's, or that of rows with `is_ego`")
    ] = "all"
