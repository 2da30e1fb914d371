"""Settings of scene vectors: which blocks they are made of, and how much each counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Count, NotNegative

Block = Literal["features", "telemetry", "road", "agents", "uncertainty"]


@dataclass(frozen=True)
class VectorsConfig:
    """What scenes are compared by. A block is left out where nothing is known of it, or where its weight is 0."""

    __pydantic_config__ = STRICT
    n_components: Annotated[Count, Field(description="PCA components kept, at most")] = 32
    weights: Annotated[
        dict[Block, NotNegative], Field(description="block = its share of all variance, relative to the others'")
    ] = field(default_factory=dict)
    road: Annotated[tuple[str, ...], Field(description="columns of `scenes` about road and map, as patterns")] = (
        *("lane*", "road*", "map_*", "junction*", "curvature*", "slope*", "speed_limit*"),
    )
    agents: Annotated[tuple[str, ...], Field(description="columns of `scenes` about other road users, as patterns")] = (
        *("agent*", "n_agents*", "n_objects*", "object*", "*_ttc_*", "gap_*", "headway*"),
    )
    left_out: Annotated[tuple[str, ...], Field(description="columns that say nothing of likeness, as patterns")] = (
        *("start_ns", "n_frames", "duration_s", "*_lat*", "*_lon*", "lat*", "lon*", "*_id"),
    )
    hardest_share: Annotated[
        float, Field(ge=0, lt=1, description="features are pooled once more over this share of hardest frames; 0: not")
    ] = 0.2

    def weight(self, block: Block) -> float:
        """Weight of a block; those that are not named count 1, uncertainty half.

        >>> VectorsConfig().weight("uncertainty"), VectorsConfig(weights={"road": 3.0}).weight("road")
        (0.5, 3.0)
        """
        return self.weights.get(block, 0.5 if block == "uncertainty" else 1.0)
