"""Which scenes meet the conditions of an address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from oddloop.rounds.saved import SET, read_set
from oddloop.web.queries.saved import kept_of
from oddloop.web.queries.scenes.asked import ScenesAsked
from oddloop.web.queries.scenes.column import Bools
from oddloop.web.queries.scenes.index import Index
from oddloop.web.store import NothingThereError

MOST_VALUES = 8
"""Values of an attribute that are shown; the rarer ones are its rest."""


@dataclass(frozen=True)
class Kept:
    """Scenes that meet the conditions: those on attributes, by attribute, and all others together."""

    others: Bools
    by_attribute: Mapping[str, Bools]

    def all_but(self, attribute: str = "") -> Bools:
        """(n,) scenes that meet every condition but those on one attribute, whose values one chooses among."""
        kept = self.others
        for name, mask in self.by_attribute.items():
            kept = kept & mask if name != attribute else kept
        return kept


def keep_scenes(index: Index, asked: ScenesAsked, score: str) -> Kept:
    """Which scenes meet the conditions.

    Raises:
        NothingThereError: there is no such attribute or set.
    """
    stranger = next((name for name in asked.conditioned if name not in index.attributes), None)
    if stranger is not None:
        raise NothingThereError(f"there is no attribute {stranger!r}; there are: {', '.join(index.attributes)}")
    masks = [np.ones(index.n, dtype=bool), *_by_state(index, asked), *_by_score(index, asked, score)]
    masks += [
        *_by_cluster(index, asked),
        *_by_set(index, asked),
        *(_with_word(index, word) for word in asked.text.lower().split()),
    ]
    return Kept(np.logical_and.reduce(masks), {name: _by_value(index, asked, name) for name in asked.conditioned})


def frequent(index: Index, name: str) -> tuple[str, ...]:
    """Values that are shown of an attribute: the most frequent ones; one that would be alone is no rest."""
    column = index.attribute(name)
    if len(column.values) <= MOST_VALUES + 1:
        return column.values
    return index.view.cached(("frequent values", index.digest, name), lambda: column.by_frequency()[:MOST_VALUES])


def _by_value(index: Index, asked: ScenesAsked, name: str) -> Bools:
    column = index.attribute(name)
    wanted = set(asked.values_of(name))
    if name in asked.rest:
        wanted |= set(column.values) - set(frequent(index, name))
    return column.keep(wanted)


def _by_state(index: Index, asked: ScenesAsked) -> Iterable[Bools]:
    if asked.labelled:
        yield index.labelled == (asked.labelled == "yes")
    if asked.split:
        yield index.splits().keep([asked.split])


def _by_score(index: Index, asked: ScenesAsked, score: str) -> Iterable[Bools]:
    if asked.at_least is None and asked.at_most is None:
        return
    values = index.score(score) if score else np.full(index.n, np.nan)
    # What is not known is neither above nor below.
    if asked.at_least is not None:
        yield values >= asked.at_least
    if asked.at_most is not None:
        yield values <= asked.at_most


def _by_cluster(index: Index, asked: ScenesAsked) -> Iterable[Bools]:
    wanted = [[asked.cluster]] if asked.cluster else []
    if asked.scenario:
        wanted.append([said.cluster_id for said in index.names().values() if said.name == asked.scenario])
    clusters = index.clusters() if wanted else None
    for groups in wanted:
        yield clusters.keep(groups) if clusters else np.zeros(index.n, dtype=bool)


def _by_set(index: Index, asked: ScenesAsked) -> Iterable[Bools]:
    if not asked.set:
        return
    kept = kept_of(index.view, SET)
    if asked.set not in kept:
        raise NothingThereError(f"there is no set of scenes {asked.set!r}; there are: {', '.join(kept) or 'none yet'}")

    def find() -> Bools:
        ids = read_set(index.view.workspace, kept[asked.set])
        found: Bools = pc.is_in(index.ids, value_set=ids).to_numpy(zero_copy_only=False)
        return found

    yield index.view.cached(("set", index.digest, kept[asked.set].digest), find)


def _with_word(index: Index, word: str) -> Bools:
    found: Bools = pc.match_substring(index.folded(), word).to_numpy(zero_copy_only=False)
    logs = index.logs()
    found |= logs.keep_where(np.fromiter((word in log.lower() for log in logs.values), np.bool_, len(logs.values)))
    named = [said.cluster_id for said in index.names().values() if word in _told(said.name, said.notes)]
    clusters = index.clusters() if named else None
    return found | clusters.keep(named) if clusters else found


def _told(name: str, notes: Iterable[object]) -> str:
    return " ".join([name, *(getattr(note, "text", "") for note in notes)]).lower()
