"""What labelling costs."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.config import CostConfig
from oddloop.errors import TableError
from oddloop.select import predict_cost


@pytest.mark.parametrize(
    ("prices", "n_frames", "n_objects", "cost"),
    [
        # per_scene + per_frame * frames + per_object * objects
        ((1.0, 0.5, 0.25), 10, 4, 1.0 + 5.0 + 1.0),
        ((0.0, 0.5, 0.0), 10, 4, 5.0),
        # nothing in it: the fixed price
        ((3.0, 0.5, 0.25), 0, 0, 3.0),
        # the defaults, Liang et al.: 100 frames with 7 boxes each
        (None, 100, 700, 0.12 * 100 + 0.04 * 700),
        # very many
        ((0.0, 1.0, 0.0), 2**53, 0, float(2**53)),
    ],
)
def test_cost_is_linear(prices, n_frames, n_objects, cost) -> None:
    config = CostConfig(*("hours", *prices)) if prices else CostConfig()
    assert predict_cost([n_frames], [n_objects], config).tolist() == [pytest.approx(cost, rel=1e-15)]


def test_no_scenes_cost_nothing() -> None:
    assert predict_cost([], [], CostConfig()).tolist() == []


def test_two_scenes_cost_the_sum_of_one_each() -> None:
    rng = np.random.default_rng(0)
    frames, objects, config = rng.integers(0, 99, 50), rng.integers(0, 99, 50), CostConfig(per_scene=0.0)
    together = predict_cost([frames.sum()], [objects.sum()], config)
    assert predict_cost(frames, objects, config).sum() == pytest.approx(together[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
@pytest.mark.parametrize("name", ["n_frames", "n_objects"])
def test_a_count_that_cannot_be_is_refused(bad: float, name: str) -> None:
    counts = {"n_frames": [1.0, 2.0], "n_objects": [1.0, 2.0], name: [1.0, bad]}
    with pytest.raises(TableError, match=rf"{name} must be 0 or more; row 1 is {bad:g} \(1 such rows\)"):
        predict_cost(counts["n_frames"], counts["n_objects"], CostConfig())
