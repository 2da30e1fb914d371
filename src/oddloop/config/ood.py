"""Settings of out-of-distribution scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Count

FeatureMethod = Literal[
    "auto",
    "knn",
    "mahalanobis",
    "mahalanobis_pp",
    "relative_mahalanobis",
    "relative_mahalanobis_pp",
    "vim",
    "react",
    "scale",
    "nnguide",
]
TelemetryMethod = Literal["ecod", "iforest", "lof"]


@dataclass(frozen=True)
class OodConfig:
    """How unlike its training data a scene is: `ood_<method>` of `features`, `ood_telemetry_<method>` of `scenes`."""

    __pydantic_config__ = STRICT
    methods: Annotated[
        tuple[FeatureMethod, ...],
        Field(
            description="methods for `features`; `auto`: `knn` and `mahalanobis`, with `class_column` also "
            "`relative_mahalanobis`, where they can be fitted; empty: none"
        ),
    ] = ("auto",)
    class_column: Annotated[str, Field(description="column of `features` with the true class of each row")] = ""
    max_rows: Annotated[
        Count,
        Field(description="training rows of `features` to fit to, at most; drawn by the seed where there are more"),
    ] = 10_000
    statistics: Annotated[
        str, Field(description="folder or URL of statistics fitted before (`score.ood.to_table`); empty: fit them here")
    ] = ""
    telemetry: Annotated[tuple[TelemetryMethod, ...], Field(description="methods for numeric columns of `scenes`")] = ()
    telemetry_columns: Annotated[
        tuple[str, ...], Field(description="those columns; empty: all that have a number in every scene")
    ] = ()

    def __post_init__(self) -> None:
        if "auto" in self.methods and len(self.methods) > 1:
            raise ValueError("`auto` chooses the methods itself; give it alone, or name methods without it")
        for name in ("methods", "telemetry", "telemetry_columns"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"`{name}` names one twice; got {list(getattr(self, name))}")
