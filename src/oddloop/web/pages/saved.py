"""Kept searches and sets of scenes: listed, made, deleted; a set's scenes are found by `set` of the search."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from oddloop.rounds.saved import SEARCH, SET, Saved
from oddloop.rounds.saved.saved import What
from oddloop.web.answers import API, answer_json, answer_recorded
from oddloop.web.decisions import Text
from oddloop.web.forms import form_of, read_form
from oddloop.web.paging import Asked, Paged, Part, part_of
from oddloop.web.problems import DESCRIBED
from oddloop.web.queries.saved import list_kept
from oddloop.web.saving import KeptName, SearchAsked, SetAsked, forget, record_search, record_set
from oddloop.web.site import site_of, writer_of

router = APIRouter(tags=["scenes"])
Form = Annotated[dict[str, str], Depends(form_of)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
_PAIR = r"\d(\.\d{1,9})?,\d(\.\d{1,9})?"
_REFUSED: dict[int | str, dict[str, Any]] = {409: DESCRIBED[409]}


class Forgotten(Asked):
    """What to delete."""

    name: KeptName
    seen: Annotated[
        int | None, Field(ge=0, le=2**53, description="`seq` of what you have seen; null: whatever it is")
    ] = None


class AreaAsked(Asked):
    """A part of the map by a form: an outline, else a rectangle in per cent of its width and height."""

    name: KeptName
    note: Text = ""
    left: Percent
    right: Percent
    top: Percent
    bottom: Percent
    corners: Annotated[str, Field(max_length=100_000, pattern=rf"^({_PAIR}( {_PAIR})*)?$")] = ""

    def as_set(self) -> dict[str, object]:
        """The same as `SetAsked` wants it."""
        sides = [(self.left, self.top), (self.right, self.top), (self.right, self.bottom), (self.left, self.bottom)]
        drawn = [tuple(map(float, pair.split(","))) for pair in self.corners.split()]
        corners = drawn or [(x / 100, y / 100) for x, y in sides]
        return {"name": self.name, "note": self.note, "area": {"corners": corners}}


class ForgottenOfKind(Forgotten):
    """The same by a form, which says of which kind it is."""

    what: What


AskedForgotten = Annotated[Forgotten, Query()]


@router.get(f"{API}/searches", response_model=Part[Saved])
def read_searches(request: Request, asked: Paged) -> Response:
    """The searches that people keep; the query belongs behind `/api/v1/scenes?`."""
    return answer_json(request, lambda view: part_of(list_kept(view, SEARCH), asked))


@router.get(f"{API}/scene-sets", response_model=Part[Saved])
def read_sets(request: Request, asked: Paged) -> Response:
    """The sets of scenes that people keep; `/api/v1/scenes?set=<name>` has their scenes."""
    return answer_json(request, lambda view: part_of(list_kept(view, SET), asked))


@router.post(f"{API}/searches", response_model=Saved, responses=_REFUSED)
def write_search(request: Request, said: SearchAsked) -> Response:
    """Keep a search under a name; 409: the name is taken."""
    return answer_recorded(record_search(site_of(request).store, said, writer_of(request)))


@router.post(f"{API}/scene-sets", response_model=Saved, responses=_REFUSED)
def write_set(request: Request, said: SetAsked) -> Response:
    """Keep scenes under a name: listed ones, all of a search, or all in a part of the map; 409: the name is taken."""
    return answer_recorded(record_set(site_of(request).store, said, writer_of(request)))


@router.delete(f"{API}/searches", response_model=Saved, responses=_REFUSED)
def delete_search(request: Request, said: AskedForgotten) -> Response:
    """Delete a search, which is answered once more; the ledger keeps what it was."""
    return _forget(request, SEARCH, said)


@router.delete(f"{API}/scene-sets", response_model=Saved, responses=_REFUSED)
def delete_set(request: Request, said: AskedForgotten) -> Response:
    """Delete a set of scenes; the ledger keeps what it was, and the scenes stay as they are."""
    return _forget(request, SET, said)


@router.post("/scenes/searches", include_in_schema=False)
def send_search(request: Request, form: Form) -> Response:
    """Keep a search by a form."""
    said = {name: value for name, value in form.items() if name != "first"}  # of the button beside it
    kept = record_search(site_of(request).store, read_form(SearchAsked, said), writer_of(request))
    return RedirectResponse(f"/scenes?{kept.query}#saved", 303)


@router.post("/scenes/sets", include_in_schema=False)
def send_set(request: Request, form: Form) -> Response:
    """Keep what a search finds by a form."""
    said = read_form(SetAsked, {"query": "", **form})
    kept = record_set(site_of(request).store, said, writer_of(request))
    return _to_set(kept)


@router.post("/clusters/map/sets", include_in_schema=False)
def send_area(request: Request, form: Form) -> Response:
    """Keep the scenes in a part of the map by a form."""
    said = read_form(SetAsked, read_form(AreaAsked, form).as_set())
    return _to_set(record_set(site_of(request).store, said, writer_of(request)))


@router.post("/scenes/forget", include_in_schema=False)
def send_forget(request: Request, form: Form) -> Response:
    """Delete by a form."""
    said = read_form(ForgottenOfKind, form)
    _forget(request, said.what, said)
    return RedirectResponse("/scenes#saved", 303)


def _to_set(kept: Saved) -> Response:
    return RedirectResponse(f"/scenes?{urlencode({'set': kept.name})}#saved", 303)


def _forget(request: Request, what: What, said: Forgotten) -> Response:
    return answer_recorded(forget(site_of(request).store, what, said.name, said.seen, writer_of(request)))
