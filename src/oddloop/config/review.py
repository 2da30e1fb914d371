"""Settings of the review of picks by people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT


@dataclass(frozen=True)
class ReviewConfig:
    """Whether picks must be reviewed, and how long a deferred scene stays away."""

    __pydantic_config__ = STRICT
    required: Annotated[
        bool, Field(description="whether picks are sent, and their labels taken, only once the review is finished")
    ] = False
    deferred_for_rounds: Annotated[
        int, Field(ge=0, description="rounds after its own in which a deferred scene is no candidate")
    ] = 1
