"""Settings of the policy `gap_driven`, and of quotas that it fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, Count, NotNegative

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class QuotaConfig:
    """How many scenes of one segment a round picks."""

    __pydantic_config__ = STRICT
    where: Annotated[
        dict[str, str],
        Field(min_length=1, description="attribute = value, all of them; `scenario` is an attribute too"),
    ]
    minimum: Annotated[int, Field(ge=0, description="scenes to pick in a round")] = 0
    target: Annotated[
        int, Field(ge=0, description="labelled scenes that it should have; what is missing is picked")
    ] = 0
    maximum: Annotated[int | None, Field(ge=0, description="most scenes to pick in a round; empty: no limit")] = None
    back_off: Annotated[
        bool, Field(description="where the pool has too few, pick the rest where all but the rarest condition holds")
    ] = False

    def __post_init__(self) -> None:
        if self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum = {self.minimum} is above maximum = {self.maximum}; a round cannot keep to both")


@dataclass(frozen=True)
class GapDrivenConfig:
    """How the policy `gap_driven` shares out the budget."""

    __pydantic_config__ = STRICT
    control_share: Annotated[Share, Field(description="of the budget, drawn at random: what evidence needs")] = 0.1
    exploration_share: Annotated[Share, Field(description="of the budget, drawn where little is labelled")] = 0.05
    score_power: Annotated[NotNegative, Field(description="how steeply a higher score counts; 0: not at all")] = 3.0
    n_neighbours: Annotated[Count, Field(description="scenes that each can stand for; a tenth of all at most")] = 64
    need: Annotated[bool, Field(description="whether scenes of segments that are short of data count more")] = True
