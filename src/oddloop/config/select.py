"""Settings of the stages `discover` and `select`, and of what a scene costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.clusters import ClusterConfig
from oddloop.config.duplicates import DuplicatesConfig
from oddloop.config.funnel import FunnelConfig
from oddloop.config.map import MapConfig
from oddloop.config.names import NamesConfig
from oddloop.config.objectives import ObjectiveConfig
from oddloop.config.page import PageConfig
from oddloop.config.quotas import GapDrivenConfig, QuotaConfig
from oddloop.config.redundancy import RedundancyConfig
from oddloop.config.types import STRICT, Count, NotNegative, Positive
from oddloop.config.vectors import VectorsConfig


@dataclass(frozen=True)
class DiscoverConfig:
    """How scene vectors are made and grouped."""

    __pydantic_config__ = STRICT
    vectors: VectorsConfig = field(default_factory=VectorsConfig)
    duplicates: DuplicatesConfig = field(default_factory=DuplicatesConfig)
    map: MapConfig = field(default_factory=MapConfig)
    clusters: ClusterConfig = field(default_factory=ClusterConfig)
    names: NamesConfig = field(default_factory=NamesConfig)
    page: PageConfig = field(default_factory=PageConfig)


@dataclass(frozen=True)
class SelectConfig:
    """Which policy picks, and how much it may spend."""

    __pydantic_config__ = STRICT
    policy: Annotated[
        str,
        Field(
            description="`gap_driven`, `uncertainty`, `margin`, `funnel`, `power`, `kcenter`, `facility_location`, "
            "`maxherding`, `probcover`, `logdet`, `typiclust`, `kmeans`, `kmeans_plus_plus`, `random`, or your own as "
            "`package.module:function`, which may also lead to a strategy of another library, such as "
            "`modAL.uncertainty:margin_sampling`"
        ),
    ] = "gap_driven"
    score: Annotated[
        str, Field(description="scene score to rank by; empty: the policy's own; `audited`: the audit's")
    ] = ""
    objectives: Annotated[
        tuple[ObjectiveConfig, ...], Field(description="several scene scores to rank by, instead of `score`")
    ] = ()
    combine: Annotated[
        Literal["product", "ranks"],
        Field(description="how objectives become one: their product with exponents, or the weighted mean of ranks"),
    ] = "product"
    budget: Annotated[Positive, Field(description="budget of one round, in the cost unit")] = 100.0
    parts: Annotated[
        Count,
        Field(
            description="deal candidates into so many parts, pick from each, and then from what they picked; for pools "
            "that one machine cannot compare at once, or to use several; 1: in one piece"
        ),
    ] = 1
    gap_driven: GapDrivenConfig = field(default_factory=GapDrivenConfig)
    funnel: FunnelConfig = field(default_factory=FunnelConfig)
    quotas: Annotated[
        tuple[QuotaConfig, ...], Field(description="what each round must, or may, pick of a segment")
    ] = ()
    redundancy: RedundancyConfig = field(default_factory=RedundancyConfig)
    exclude: Annotated[
        tuple[str, ...], Field(description="true-or-false columns of `scenes`; a scene with one true is never picked")
    ] = ()

    def __post_init__(self) -> None:
        if self.score and self.objectives:
            raise ValueError("give either `score` or `objectives`")


@dataclass(frozen=True)
class CostConfig:
    """What labelling a scene costs: per_scene + per_frame x frames + per_object x objects that the model reported."""

    __pydantic_config__ = STRICT
    unit: Annotated[str, Field(description="unit of every cost")] = "cost units"
    per_scene: Annotated[NotNegative, Field(description="fixed cost of a scene")] = 0.0
    per_frame: Annotated[NotNegative, Field(description="cost of a frame (Liang et al. 2022: 0.12)")] = 0.12
    per_object: Annotated[NotNegative, Field(description="cost of an object in a frame (ibid.: 0.04)")] = 0.04
    frames_per_scene: Annotated[
        Count | None, Field(description="label only so many key frames of a scene; empty: all frames")
    ] = None
    refit: Annotated[
        bool, Field(description="predict with the prices that fit what labels really cost, once they surely differ")
    ] = False

    def __post_init__(self) -> None:
        if self.per_scene + self.per_frame + self.per_object <= 0:
            raise ValueError("`per_scene`, `per_frame` and `per_object` are all 0, so every scene is free; set one")
