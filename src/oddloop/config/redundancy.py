"""Settings of how much less a scene is worth beside one that is labelled or picked already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, Positive

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class RedundancyConfig:
    """Part of its worth that a scene loses beside a labelled or picked one, for policies by worth or by score."""

    __pydantic_config__ = STRICT
    log: Annotated[Share, Field(description="lost with each scene of the same log")] = 0.0
    time: Annotated[Share, Field(description="lost where a scene of the same vehicle ends as this one begins")] = 0.0
    time_s: Annotated[Positive, Field(description="time apart after which 1/e of that loss is left")] = 30.0
    place: Annotated[
        Share, Field(description="lost where a scene begins at the same latitude_deg and longitude_deg")
    ] = 0.0
    place_m: Annotated[Positive, Field(description="distance at which 1/e of that loss is left")] = 50.0

    def __bool__(self) -> bool:
        return bool(self.log or self.time or self.place)
