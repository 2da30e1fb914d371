"""The compiled loops draw and count what NumPy does, and the order in which places stand shows nowhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oddloop.lake.storage import Storage
from oddloop.report.palette import COLOURS
from oddloop.web import density
from oddloop.web.density import draw_sight
from oddloop.web.queries.clusters import Sight, places
from oddloop.web.queries.clusters.colours import Key
from oddloop.web.queries.clusters.places import MAX_DOTS
from oddloop.web.queries.clusters.whole_map import Places, WholeMap, near_each_other
from web.test_web_clusters import pixels_of

N = 2 * MAX_DOTS
KEYS = tuple(Key(f"c{i}", "", "cluster", COLOURS[i % len(COLOURS)]) for i in range(9))


def make_sight(folder: Path, low: list[float], high: list[float]) -> Sight:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, N)).round(3)  # so that many share a pixel, and some lie on the ends of the part
    label = rng.integers(-1, len(KEYS) + 3, N).astype(np.int32)
    order = near_each_other(x, y)
    names = tuple(f"own {i}" for i in range(len(KEYS) + 3))
    known = Places(order, x[order], y[order], names, label[order])
    whole = WholeMap(Storage.open(folder), known, np.array([-5.0, -5.0]), np.array([5.0, 5.0]))
    place = np.array([*range(len(KEYS)), -1, -1, -1, -1])
    return Sight(whole, np.array(low), np.array(high), known.cluster, place, KEYS)


@pytest.mark.parametrize("is_marked", [False, True])
@pytest.mark.parametrize(("low", "high"), [([-5.0, -5.0], [5.0, 5.0]), ([-1.0, -1.234], [1.25, 1.0])])
def test_loops_do_what_numpy_does(
    tmp_path: Path, low: list[float], high: list[float], is_marked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, plain = (make_sight(tmp_path, low, high) for _ in range(2))
    drawn, counts = pixels_of(draw_sight(fast, is_marked=is_marked)), fast.counts
    for module in (density, places):
        monkeypatch.setattr(module, "import_loops", lambda _name: None)
    assert fast.is_dense
    assert counts.tolist() == plain.counts.tolist()
    # Sums of a fiftieth end elsewhere in the last digit.
    assert np.abs(drawn.astype(int) - pixels_of(draw_sight(plain, is_marked=is_marked))).max() <= is_marked


def test_scenes_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    sight = make_sight(tmp_path, [-1.0, -1.0], [1.0, 1.0])
    rows = sight.whole.rows_within(sight.low, sight.high)
    assert 0 < len(rows) < N
    assert (np.diff(sight.whole.places.order[rows]) > 0).all()
    xy, colour = sight.dots()
    assert len(xy) == sight.n == len(rows)
    assert np.bincount(colour[colour >= 0]).tolist() == sight.counts[:-1].tolist()
