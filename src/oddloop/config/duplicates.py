"""Settings of near-duplicates: scenes so alike that they count once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT


@dataclass(frozen=True)
class DuplicatesConfig:
    """When two scenes are near-duplicates."""

    __pydantic_config__ = STRICT
    cosine: Annotated[
        float,
        Field(gt=0, le=1, description="scenes are near-duplicates from this cosine on; 1: only where nothing differs"),
    ] = 0.995
