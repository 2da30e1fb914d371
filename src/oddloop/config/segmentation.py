"""Settings of scores of segmentations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT

PixelMeasure = Literal["entropy", "expected_entropy", "bald", "margin"]
MapReduction = Literal["mean", "top_share", "class_balanced", "boundary_excluded", "region"]


@dataclass(frozen=True)
class SegmentationConfig:
    """How the pixels of a frame become one number."""

    __pydantic_config__ = STRICT
    measures: Annotated[
        tuple[PixelMeasure, ...], Field(min_length=1, description="measures of a pixel; `bald` compares members")
    ] = ("entropy", "bald")
    reductions: Annotated[
        tuple[MapReduction, ...], Field(min_length=1, description="each a column per measure; `region` gives two")
    ] = ("mean", "top_share", "class_balanced")
    top_share: Annotated[
        float, Field(gt=0, le=1, description="`top_share`: mean over this share of the pixels, the most unsure ones")
    ] = 0.05
    boundary_px: Annotated[
        int, Field(ge=0, description="`boundary_excluded`: pixels this near to another predicted class are left out")
    ] = 2
    region_level: Annotated[
        float, Field(ge=0, lt=1, description="`region`: pixels above this share of the measure's upper bound")
    ] = 0.5
