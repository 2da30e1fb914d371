"""Settings of the stage `coverage`: the taxonomy, the metrics, and how segments are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Count

AttributeKind = Literal["categorical", "ordered", "binned", "multilabel"]


@dataclass(frozen=True)
class AttributeConfig:
    """One attribute of the taxonomy, read from a column of `scenes`."""

    __pydantic_config__ = STRICT
    kind: Annotated[AttributeKind, Field(description="categorical, ordered, binned or multilabel")] = "categorical"
    column: Annotated[str, Field(description="column of `scenes`; empty: the attribute's own name")] = ""
    values: Annotated[tuple[str, ...], Field(description="allowed values in order; empty: those found")] = ()
    edges: Annotated[tuple[float, ...], Field(description="binned: inner bin edges, each bin closed on the right")] = ()
    unit: Annotated[str, Field(description="unit of a binned column")] = ""

    def __post_init__(self) -> None:
        if (self.kind == "binned") != bool(self.edges):
            raise ValueError('`edges` belongs to kind = "binned", and only to it; give both or neither')
        if self.edges and list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"`edges` must rise strictly; got {list(self.edges)}")
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"`values` names a value twice; got {list(self.values)}")
        if self.edges and len(self.values) != len(self.edges) + 1:
            raise ValueError(
                f"{len(self.edges)} edges make {len(self.edges) + 1} bins, but `values` names {len(self.values)}; "
                "name every bin"
            )


@dataclass(frozen=True)
class CoverageConfig:
    """Which segments are counted and how sure we are of their metrics."""

    __pydantic_config__ = STRICT
    max_way: Annotated[Literal[1, 2], Field(description="attributes in a segment, at most")] = 2
    metric: Annotated[str, Field(description="metric that reports lead with; empty: the first by name")] = ""
    interval: Annotated[
        Literal["bootstrap_by_log", "wilson"], Field(description="interval; Wilson is for rates in [0, 1] only")
    ] = "bootstrap_by_log"
    confidence: Annotated[float, Field(gt=0, lt=1, description="coverage of the interval")] = 0.95
    n_bootstrap: Annotated[Count, Field(description="bootstrap replicates")] = 1000
    min_logs: Annotated[int, Field(ge=2, description="fewer logs than this: no bootstrap interval")] = 5


@dataclass(frozen=True)
class MetricConfig:
    """What is good for one metric, and what is wanted of it."""

    __pydantic_config__ = STRICT
    better: Annotated[Literal["lower", "higher"], Field(description="direction in which the metric improves")]
    target: Annotated[float | None, Field(description="level to reach in every segment")] = None
