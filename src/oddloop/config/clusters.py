"""Settings of how scenes are grouped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Count, Positive


@dataclass(frozen=True)
class ClusterConfig:
    """How scenes are grouped, and how small a cluster may be."""

    __pydantic_config__ = STRICT
    method: Annotated[
        Literal["auto", "kmeans", "dbscan", "hdbscan"],
        Field(description="`auto` looks at all scales at once, for rare groups; or a method by name"),
    ] = "auto"
    min_scenes: Annotated[int, Field(ge=2, description="smallest cluster, in scenes")] = 5
    min_logs: Annotated[Count, Field(description="smallest cluster, in distinct logs")] = 3
    neighbours: Annotated[int, Field(ge=3, description="auto: nearest scenes that each is compared with")] = 15
    n_clusters: Annotated[Count, Field(description="kmeans: how many")] = 50
    eps: Annotated[Positive, Field(description="dbscan: distance within which scenes are neighbours")] = 1.0
    min_samples: Annotated[Count, Field(description="dbscan, hdbscan: neighbours that make a scene dense")] = 5
