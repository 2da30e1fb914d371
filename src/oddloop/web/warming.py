"""What the pages of many scenes are made of, read when the server starts rather than when the first visitor asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pyarrow as pa

from oddloop.errors import OddloopError
from oddloop.web.density import draw_sight
from oddloop.web.queries.clusters import MapAsked, read_sight
from oddloop.web.queries.clusters.whole_map import read_whole_map
from oddloop.web.queries.overview import read_overview
from oddloop.web.queries.scenes import open_index
from oddloop.web.queries.scenes.search import chosen_score, groups_of
from oddloop.web.queries.scenes.similar import read_vectors
from oddloop.web.store import Store, View


class Warming:
    """Reads on a thread of its own; whoever asks for one of these meanwhile waits for that one alone."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._warm, name="warming")
        self._thread.start()

    def close(self) -> None:
        """Stop at the next step, and wait for it."""
        self._is_over.set()
        self._thread.join()

    def _warm(self) -> None:
        try:
            for step in _steps(self._store.view()):
                if self._is_over.is_set():
                    return
                step()
        except (OddloopError, OSError, pa.ArrowException):
            return  # the page that needs it says what is wrong
        pa.default_memory_pool().release_unused()  # half of what reading took is not needed any more


def _steps(view: View) -> Iterator[Callable[[], object]]:
    yield partial(read_overview, view)  # the page that opens first
    index = open_index(view)
    if index is None:
        return
    score = chosen_score(view, "")
    for name in index.attributes:
        yield partial(index.attribute, name)
    yield from (index.logs, index.splits, partial(groups_of, index), partial(read_vectors, index))
    if score:
        yield partial(index.by_score, score, lowest_first=False)
    yield partial(read_whole_map, view)
    yield partial(_draw_once, view)


def _draw_once(view: View) -> bytes:
    """The picture of the whole map, so that its loops are loaded, or compiled where that was never done here."""
    return draw_sight(read_sight(view, MapAsked()), is_marked=False)
