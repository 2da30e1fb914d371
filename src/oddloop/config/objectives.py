"""Settings of a score that is made of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, Positive


@dataclass(frozen=True)
class ObjectiveConfig:
    """One of several scene scores that are combined."""

    __pydantic_config__ = STRICT
    score: Annotated[str, Field(min_length=1, description="scene score")]
    weight: Annotated[
        Positive, Field(description="exponent in a product, weight in a mean of ranks; larger counts more")
    ] = 1.0
    at_least: Annotated[
        float | None, Field(description="a scene whose score is lower, or not valid, is no candidate; empty: no limit")
    ] = None
