"""Settings of the stage `score`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.detection import DetectionConfig
from oddloop.config.ood import OodConfig
from oddloop.config.risk import RiskConfig
from oddloop.config.segmentation import SegmentationConfig
from oddloop.config.types import STRICT, Count, Positive

Reduction = Literal["max", "mean", "sum", "topk"]
MeanMeasure = Literal["entropy", "least_confidence", "margin", "ratio"]
MemberMeasure = Literal["expected_entropy", "bald", "variance", "variation_ratio", "vote_entropy", "consensus"]
Measure = Literal[MeanMeasure, MemberMeasure]
TrajectoryMeasure = Literal[
    "mode_entropy",
    "endpoint_spread",
    "mode_displacement",
    "member_displacement",
    "spread_along",
    "spread_across",
    "off_mode_risk",
]
SceneSummary = Literal[
    "mean", "max", "p95", "sum", "topk", "per_object", "time_above", "share_above", "longest_above", "change", "trend"
]


@dataclass(frozen=True)
class SceneScoreConfig:
    """How the frame scores of a scene become scene scores."""

    __pydantic_config__ = STRICT
    summaries: Annotated[
        tuple[SceneSummary, ...],
        Field(
            min_length=1,
            description="each a column per frame score; `per_object` only of scores that are sums over objects, "
            "`..._sum`; those from `time_above` on need frame times",
        ),
    ] = ("mean", "max", "p95", "sum", "topk", "per_object", "time_above", "longest_above", "change")
    top_k: Annotated[Count, Field(description="k of `topk`: mean of the scene's k largest frame scores")] = 5
    threshold_quantile: Annotated[
        float,
        Field(gt=0, lt=1, description="`..._above`: the threshold is this quantile of the model's valid frame scores"),
    ] = 0.9
    thresholds: Annotated[
        dict[str, float], Field(description="fixed thresholds by frame score column, instead of the quantile")
    ] = field(default_factory=dict)
    times: Annotated[
        Literal["frames", "even"],
        Field(
            description="frame times: `frames`: those of the table `frames`, and without it no column that needs them; "
            "`even`: the scene's `duration_s` spread evenly over its frames in the order of the predictions"
        ),
    ] = "frames"
    pause_steps: Annotated[
        float, Field(ge=1, description="a step longer than this many median steps of its scene is a pause")
    ] = 3.0


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
        Field(description="logits of classes and of pixels are divided by it; `score.fit_temperature` finds it"),
    ] = 1.0
    trajectory_measures: Annotated[
        tuple[TrajectoryMeasure, ...],
        Field(min_length=1, description="measures of predicted trajectories, each reduced over the agents of a frame"),
    ] = ("mode_entropy", "endpoint_spread", "mode_displacement", "member_displacement")
    normalise: Annotated[
        Literal["none", "rank", "calibrated"],
        Field(
            description="a further column per scene score, on one scale for all models: `rank`: `..._rank` among the "
            "held-out scenes; `calibrated`: `..._expected_errors`, fitted to the measured ones"
        ),
    ] = "none"
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    segmentation: SegmentationConfig = field(default_factory=SegmentationConfig)
    ood: OodConfig = field(default_factory=OodConfig)
    risk: RiskConfig = field(default_factory=RiskConfig)
    scenes: SceneScoreConfig = field(default_factory=SceneScoreConfig)
