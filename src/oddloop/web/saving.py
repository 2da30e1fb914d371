"""Searches and sets of scenes that people keep, written to the ledger under their name."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from oddloop.rounds.saved import Saved, delete_saved, save_search, save_set
from oddloop.rounds.saved.saved import What
from oddloop.web.decisions import Number, Text
from oddloop.web.forms import read_form
from oddloop.web.queries.clusters.area import Area, scenes_within
from oddloop.web.queries.scenes import ScenesAsked, open_index, scenes_of
from oddloop.web.store import NothingThereError, Store, View

MOST_LISTED = 50_000
KeptName = Annotated[str, Field(min_length=1, max_length=200, description="no other of its kind has it")]
Query = Annotated[str, Field(max_length=20_000, pattern=r"^[^\x00]*$", description="the query of a search's address")]
Replaces = Annotated[Number | None, Field(description="`seq` of what is kept under that name and shall be replaced")]
_LISTS = ("where", "rest", "all", "like", "unlike")


class SearchAsked(BaseModel):
    """A search to keep."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: KeptName
    query: Query = ""
    note: Text = ""
    seen: Replaces = None


class SetAsked(BaseModel):
    """Scenes to keep as a set: those that are listed, or that a search finds, or that lie in a part of the map."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: KeptName
    scene_ids: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...] | None, Field(max_length=MOST_LISTED)
    ] = None
    query: Annotated[Query | None, Field(description="all scenes of this search")] = None
    first: Annotated[int | None, Field(ge=1, le=10**9, description="only so many, the first in its order")] = None
    area: Annotated[Area | None, Field(description="all scenes in this part of the map")] = None
    note: Text = ""
    seen: Replaces = None

    @model_validator(mode="after")
    def _says_which(self) -> SetAsked:
        if sum(said is not None for said in (self.scene_ids, self.query, self.area)) != 1:
            raise ValueError("say which scenes: one of scene_ids, query and area")
        if self.first is not None and self.query is None:
            raise ValueError("`first` needs a query, which has an order")
        return self


def search_of(query: str) -> ScenesAsked:
    """The search of an address's query.

    Raises:
        RequestValidationError: it is none.

    >>> search_of("where=rain%3Dlight&where=rain%3Dheavy&offset=50").where
    ('rain=light', 'rain=heavy')
    """
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=1000)
    lists = {name: [value for key, value in pairs if key == name] for name in _LISTS}
    plain = {name: value for name, value in pairs if name not in _LISTS}
    return read_form(ScenesAsked, plain | {name: values for name, values in lists.items() if values})


def query_of(asked: ScenesAsked) -> str:
    """The query of a search's address, always the same for the same search; without the part of the list.

    >>> query_of(search_of("sort=high&offset=50&text=&where=rain%3Dlight"))
    'where=rain%3Dlight'
    """
    said = asked.model_dump(exclude_defaults=True, exclude={"limit", "offset"})
    return urlencode([(name, one) for name, value in said.items() for one in _each(value)])


def _each(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def record_search(store: Store, asked: SearchAsked, author: str) -> Saved:
    """Keep a search; it is durable when this returns.

    Raises:
        ConflictError: something else is kept under that name.
        RequestValidationError: the query is no search.
    """
    query = query_of(search_of(asked.query))
    kept = save_search(store.ledger, asked.name, query, store.author(author), note=asked.note, seen=asked.seen)
    store.renew()
    return kept


def record_set(store: Store, asked: SetAsked, author: str) -> Saved:
    """Keep scenes as a set; it is durable when this returns.

    Raises:
        ConflictError: something else is kept under that name.
        LedgerError: no scene is like that.
        NothingThereError: there is no such scene, attribute, score or example.
    """
    view = store.view()
    ids, how = _scenes(view, asked)
    kept = save_set(
        view.workspace, store.ledger, asked.name, ids, store.author(author), query=how, note=asked.note, seen=asked.seen
    )
    store.renew()
    return kept


def _scenes(view: View, asked: SetAsked) -> tuple[pa.Array, str]:
    """The scenes, and how they were found."""
    if asked.query is not None:
        search = search_of(asked.query)
        first = "" if asked.first is None else f" (the first {asked.first:,})"
        return scenes_of(view, search, asked.first), f"{query_of(search)}{first}"
    if asked.area is not None:
        return scenes_within(view, asked.area), "map"
    ids = pa.array(asked.scene_ids or (), pa.string())
    index = open_index(view)
    known = pc.is_in(ids, value_set=index.ids) if index else pa.array([False] * len(ids))
    if stranger := ids.filter(pc.invert(known)).to_pylist():
        raise NothingThereError(f"there is no scene {stranger[0]!r}, one of {len(stranger):,} that are not there")
    return ids, ""


def forget(store: Store, what: What, name: str, seen: int | None, author: str) -> Saved:
    """Delete what is kept under a name; returns what it was.

    Raises:
        ConflictError: it was changed since `seen`.
        LedgerError: nothing is kept under that name.
    """
    kept = delete_saved(store.ledger, what, name, store.author(author), seen=seen)
    store.renew()
    return kept
