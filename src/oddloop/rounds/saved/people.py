"""Keep a search or a list of scenes under a name, or delete what is kept; the ledger says who did it, and when."""

from __future__ import annotations

import unicodedata
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.errors import ConflictError, LedgerError
from oddloop.ids import Ids, id_array
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.saved.saved import EVENT, SEARCH, SET, Saved, What, fold_saved, saved_of, set_file
from oddloop.rounds.state import SAVED, Event

MAX_NAME = 200


def save_search(
    ledger: Ledger, name: str, query: str, author: Author, *, note: str = "", seen: int | None = None
) -> Saved:
    """Keep a search under a name.

    Args:
        ledger: where it is recorded, durably, before this returns.
        name: what to call it.
        query: what is searched for, as the query of an address.
        author: who keeps it, and when.
        note: what it is for.
        seen: `seq` of what is kept under the name and shall be replaced; None or 0: nothing may be there yet.

    Raises:
        ConflictError: something else is kept under that name.
        LedgerError: the name is empty, too long, or holds what cannot be read.
    """
    return _keep(ledger, SEARCH, name, {"query": query, "note": note.strip()}, author, seen)


def save_set(
    workspace: Workspace,
    ledger: Ledger,
    name: str,
    scene_ids: Ids,
    author: Author,
    *,
    query: str = "",
    note: str = "",
    seen: int | None = None,
) -> Saved:
    """Keep a list of scenes under a name; they are written down before the ledger says so.

    Args:
        workspace: where they are written.
        ledger: where it is recorded.
        name: what to call it.
        scene_ids: the scenes; one that is there twice counts once.
        author: who keeps it, and when.
        query: how they were found.
        note: what it is for.
        seen: as in `save_search`.

    Raises:
        ConflictError: something else is kept under that name.
        LedgerError: there is no scene, or the name is not good.
    """
    ids = pc.unique(id_array(scene_ids)).drop_null()
    if not len(ids):
        raise LedgerError("a set needs a scene at least, and no scene is like that")
    ids = ids.take(pc.sort_indices(ids))
    _refuse_taken(ledger.events(SAVED), SET, _good(name), seen)
    digest = digest_of(ids.to_pylist())
    if not workspace.storage.exists(set_file(digest)):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"scene_id": ids}), sink, compression="zstd")
        workspace.storage.write_bytes(set_file(digest), sink.getvalue().to_pybytes())
    payload = {"digest": digest, "n_scenes": len(ids), "query": query, "note": note.strip()}
    return _keep(ledger, SET, name, payload, author, seen)


def delete_saved(ledger: Ledger, what: What, name: str, author: Author, *, seen: int | None = None) -> Saved:
    """Forget a name; the ledger still says what was kept under it, and a set's scenes stay where they are.

    Returns:
        what was kept, so that it can be kept again.

    Raises:
        ConflictError: it was changed since `seen`.
        LedgerError: nothing is kept under that name.
    """
    events = ledger.events(SAVED)
    kept = fold_saved(events, what).get(name)
    if kept is None:
        raise LedgerError(f"there is no {what} {name!r}; perhaps somebody else has deleted it")
    if seen is not None and kept.seq != seen:
        raise _overtaken(kept)
    _record(ledger, events, {"what": what, "name": name, "deleted": True}, author)
    return kept


def _keep(ledger: Ledger, what: What, name: str, payload: dict[str, Any], author: Author, seen: int | None) -> Saved:
    name = _good(name)
    events = ledger.events(SAVED)
    _refuse_taken(events, what, name, seen)
    return saved_of(_record(ledger, events, {"what": what, "name": name, "deleted": False, **payload}, author))


def _good(name: str) -> str:
    """The name as it is kept.

    Raises:
        LedgerError: it is empty, too long, or holds what cannot be read.
    """
    shown = unicodedata.normalize("NFC", " ".join(name.split()))
    if not 0 < len(shown) <= MAX_NAME or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in shown):
        raise LedgerError(f"a name has from 1 to {MAX_NAME} letters that can be read, not {name[:40]!r}")
    return shown


def _refuse_taken(events: list[Event], what: What, name: str, seen: int | None) -> None:
    kept = fold_saved(events, what).get(name)
    if kept is not None and kept.seq != seen:
        raise _overtaken(kept)
    if kept is None and seen:
        raise ConflictError(f"there is no {what} {name!r} any more that could be replaced; somebody has deleted it")


def _record(ledger: Ledger, events: list[Event], payload: dict[str, Any], author: Author) -> Event:
    """Append the next word on a name; of two who speak at once, the second is told."""
    what, name = payload["what"], payload["name"]
    n = sum((event.payload["what"], event.payload["name"]) == (what, name) for event in events)
    # The number of words so far names the next one, so that both cannot be recorded under it.
    event = ledger.append(SAVED, EVENT, payload, key=f"{what}-{digest_of(name)}-{n}", author=author)
    if (event.author, event.at_ns, dict(event.payload)) != (author.name, author.at_ns, payload):
        raise ConflictError(f"{event.author} has changed the {what} {name!r} meanwhile; look at it and try again")
    return event


def _overtaken(kept: Saved) -> ConflictError:
    return ConflictError(
        f"{kept.author} keeps a {kept.what} called {kept.name!r} already; choose another name, or delete it first"
    )
