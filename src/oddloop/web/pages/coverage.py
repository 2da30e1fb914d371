"""Coverage: a grid of two attributes, volume against performance, and a page per segment."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from oddloop.web.answers import API, answer_json, answer_page
from oddloop.web.charts import Mark, draw
from oddloop.web.learning import lay_out as lay_out_curve
from oddloop.web.messages import Messages
from oddloop.web.queries.coverage import (
    Coverage,
    CoverageAsked,
    SegmentAsked,
    SegmentPage,
    read_coverage,
    read_segment,
)
from oddloop.web.scatter import lay_out

router = APIRouter(tags=["coverage"])
Asked = Annotated[CoverageAsked, Query()]
AskedSegment = Annotated[SegmentAsked, Query()]


@router.get("/coverage", include_in_schema=False)
def show(request: Request, asked: Asked) -> Response:
    """The page."""
    return answer_page(request, "coverage.html", "/coverage", lambda view: read_coverage(view, asked), _drawn)


@router.get("/coverage/segment", include_in_schema=False)
def show_segment(request: Request, asked: AskedSegment) -> Response:
    """The page of a segment."""
    api = "/coverage/segment"
    return answer_page(request, "segment.html", api, lambda view: read_segment(view, asked), _drawn_segment)


@router.get(f"{API}/coverage", response_model=Coverage)
def read(request: Request, asked: Asked) -> Response:
    """A grid of two attributes with one number per cell, and labelled volume against the leading metric by segment."""
    return answer_json(request, lambda view: read_coverage(view, asked))


@router.get(f"{API}/coverage/segment", response_model=SegmentPage)
def read_one(request: Request, asked: AskedSegment) -> Response:
    """A segment: exposure, metrics with intervals, verdicts with evidence, how it learned, and what lies in it."""
    return answer_json(request, lambda view: read_segment(view, asked))


def _drawn(page: Coverage, _t: Messages) -> dict[str, Any]:
    return {"chart": lay_out(page.quadrant) if page.quadrant else None}


def _drawn_segment(page: SegmentPage, t: Messages) -> dict[str, Any]:
    """How the segment learned, by labelled scenes."""
    level = (page.target, t("overview.target")) if page.target is not None else None
    marks = [Mark(f"{p.n_scenes:,}", p.value, p.ci_low, p.ci_high) for p in page.learned if p.value is not None]
    learned = lay_out_curve(page.curve, page.target) if page.curve else None
    return {"chart": draw({"": marks}, level=level) if len(marks) > 1 else None, "learned": learned}
