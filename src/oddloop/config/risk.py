"""Settings of risk scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Positive


@dataclass(frozen=True)
class RiskConfig:
    """What counts as near, in the scores of `tracks`, and how large vehicles are where no track says."""

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
    shared_frame: Annotated[
        bool,
        Field(
            description="whether a frame's predicted modes and candidate paths share one frame of reference and step; "
            "only then are collisions of the two scored"
        ),
    ] = False
    agent_length_m: Annotated[Positive, Field(description="length of a predicted agent, m")] = 4.5
    agent_width_m: Annotated[Positive, Field(description="width of a predicted agent, m")] = 1.9
    ego_length_m: Annotated[Positive, Field(description="length of the ego vehicle, m")] = 4.5
    ego_width_m: Annotated[Positive, Field(description="width of the ego vehicle, m")] = 1.9
