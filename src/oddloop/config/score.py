"""Settings of the stage `score`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Count, Positive

Reduction = Literal["max", "mean", "sum", "topk"]
MeanMeasure = Literal["entropy", "least_confidence", "margin", "ratio"]
MemberMeasure = Literal["expected_entropy", "bald", "variance", "variation_ratio", "vote_entropy", "consensus"]
Measure = Literal[MeanMeasure, MemberMeasure]


@dataclass(frozen=True)
class ScoreConfig:
    """How predictions become frame and scene scores."""

    __pydantic_config__ = STRICT
    reductions: Annotated[
        tuple[Reduction, ...], Field(min_length=1, description="how the boxes or agents of a frame become one number")
    ] = ("max", "mean", "sum", "topk")
    top_k: Annotated[Count, Field(description="k of the `topk` reduction: mean of the k largest")] = 5
    labels: Annotated[tuple[str, ...], Field(description="score only boxes of these classes; empty: all")] = ()
    measures: Annotated[
        tuple[Measure, ...],
        Field(min_length=1, description="measures of a classification, each a column; of the mean, or between members"),
    ] = ("entropy", "least_confidence", "margin")
    temperature: Annotated[
        Positive,
        Field(description="a classification's logits are divided by it; `score.fit_temperature` finds it"),
    ] = 1.0
