"""Settings of the scores of detected boxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, NotNegative, Positive

BoxMeasure = Literal["entropy", "least_confidence", "margin"]
ObjectMeasure = Literal["class_disagreement", "box_disagreement", "box_spread", "existence_disagreement"]
DetectionMeasure = Literal[BoxMeasure, ObjectMeasure]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class DetectionConfig:
    """How detected boxes are measured, made into objects where several members found them, and weighed by class."""

    __pydantic_config__ = STRICT
    measures: Annotated[
        tuple[DetectionMeasure, ...],
        Field(min_length=1, description="measures of an object, each with every reduction; or between members"),
    ] = ("entropy", "least_confidence", "margin")
    group_iou: Annotated[
        float, Field(gt=0, le=1, description="boxes of different members that overlap by this IoU may be one object")
    ] = 0.5
    group_across_classes: Annotated[
        bool, Field(description="whether boxes of different classes may be one object, so that members can disagree")
    ] = True
    class_difficulty: Annotated[
        dict[str, Share],
        Field(
            description="class = how badly the model does on it, 0 to 1 (`score.boxes.estimate_difficulty`); where any "
            "is given, the reduction `weighted_sum` is added, in which a class not named counts as 1"
        ),
    ] = field(default_factory=dict)
    weighted_min_score: Annotated[Share, Field(description="`weighted_sum` leaves out boxes with a lower score")] = 0.05
    weighted_min_size_px: Annotated[
        NotNegative, Field(description="... and those whose √(width x height) is not above this, in pixels")
    ] = 16.0
    weighted_max_aspect: Annotated[
        Positive, Field(description="... and those whose longer side is this many times the shorter, or more")
    ] = 5.0
    second_model: Annotated[
        str,
        Field(
            description="model_id whose detections of the same frames are set against those of the model: "
            "`detection_model_disagreement`; empty: none"
        ),
    ] = ""
