"""Where the loop stands."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from oddloop.web.answers import API, answer_json, answer_page
from oddloop.web.charts import Mark, draw
from oddloop.web.messages import Messages
from oddloop.web.paging import NothingAsked
from oddloop.web.queries.overview import Overview, read_overview
from oddloop.web.queries.trend import DEPTHS, LiftPoint

router = APIRouter(tags=["overview"])


@router.get("/", include_in_schema=False)
def show(request: Request, _asked: NothingAsked) -> Response:
    """The page."""
    return answer_page(request, "overview.html", "/overview", read_overview, _drawn)


@router.get(f"{API}/overview", response_model=Overview)
def read(request: Request, _asked: NothingAsked) -> Response:
    """Where the loop stands, the worst gaps, coverage over time, lift per round, and what waits for a person."""
    return answer_json(request, read_overview)


def _drawn(page: Overview, t: Messages) -> dict[str, Any]:
    """The charts of the page, and where its waiting work is done."""
    is_paired = any(point.difference is not None for point in page.lift)
    target = page.gaps.lead.target if page.gaps.lead else None
    level = (
        (0.0, t("overview.control")) if is_paired else (target, t("overview.target")) if target is not None else None
    )
    trend = {
        t("overview.at_least", logs=depth): [
            Mark(point.round_id or ("–" if i else t("overview.start")), point.covered[place].n_conditions)
            for i, point in enumerate(page.trend)
        ]
        for place, depth in enumerate(DEPTHS)
    }
    lift = [mark for point in page.lift if (mark := _mark(point, is_paired))]
    return {
        "trend": draw(trend, are_counts=True, shown=lambda value: f"{value:.0f}"),
        "lift": draw({"": lift}, level=level),
        "is_paired": is_paired,
    }


def _mark(point: LiftPoint, is_paired: bool) -> Mark | None:
    if not is_paired:
        ends = point.value, point.ci_low, point.ci_high
    else:
        ends = point.difference, point.difference_low, point.difference_high
    return None if ends[0] is None else Mark(point.round_id, ends[0], ends[1], ends[2])
