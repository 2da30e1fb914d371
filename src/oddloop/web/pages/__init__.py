"""The pages, in the order of the navigation.

To add one: a module here with `router`, a module of `queries` with the dataclass that it says and the function that
reads it from a `View`, a template, and texts under its name in every file of `messages`; then its line in `PAGES`.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from oddloop.web.pages import clusters, coverage, intake, models, overview, review, rounds, saved, scenes


@dataclass(frozen=True)
class Page:
    """A page of the navigation: its name is the key of its text, `navigation.<name>`."""

    name: str
    path: str
    router: APIRouter


PAGES = (
    Page("overview", "/", overview.router),
    Page("coverage", "/coverage", coverage.router),
    Page("scenes", "/scenes", scenes.router),
    Page("clusters", "/clusters", clusters.router),
    Page("review", "/review", review.router),
    Page("rounds", "/rounds", rounds.router),
    Page("models", "/models", models.router),
)
ROUTERS = (intake.router, *(page.router for page in PAGES), saved.router)
"""All routes, looked through in this order: first what programs send some hundred times a second, then those of the
pages, and what people keep, which stands on the pages of scenes."""
