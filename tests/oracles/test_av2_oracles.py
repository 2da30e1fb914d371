"""Forecast metrics agree with the Argoverse 2 API."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.score.trajectory_metrics import forecast_errors
from oracles.peers import load

pytestmark = pytest.mark.system
REASON = "av2 is not installed; `make test-all` installs it into .venv-torch ({error})"


@pytest.fixture(scope="module")
def av2():
    return load("av2.datasets.motion_forecasting.eval.metrics", REASON)


CASES = {
    # random; one mode; one step; modes that tie; all the same; far away; a hit at exactly 2 m; certain of one mode
    "random": lambda rng: (rng.normal(0, 3, (60, 6, 30, 2)), rng.dirichlet(np.ones(6), 60)),
    "one_mode": lambda rng: (rng.normal(size=(20, 1, 12, 2)), np.ones((20, 1))),
    "one_step": lambda rng: (rng.normal(size=(20, 3, 1, 2)), rng.dirichlet(np.ones(3), 20)),
    "tied": lambda rng: (np.repeat(rng.normal(size=(20, 1, 12, 2)), 4, axis=1), np.full((20, 4), 0.25)),
    "exact": lambda rng: (np.zeros((5, 2, 4, 2)), np.full((5, 2), 0.5)),
    "far": lambda rng: (rng.normal(1e6, 1e5, (20, 3, 12, 2)), rng.dirichlet(np.ones(3), 20)),
    "two_metres": lambda rng: (np.tile([2.0, 0.0], (5, 2, 4, 1)), np.full((5, 2), 0.5)),
    "certain": lambda rng: (rng.normal(size=(20, 3, 12, 2)), np.eye(3)[rng.integers(0, 3, 20)]),
}


@pytest.mark.parametrize("k", [None, 1, 3])
@pytest.mark.parametrize("name", list(CASES))
def test_each_forecast(av2, name: str, k: int | None) -> None:
    rng = np.random.default_rng(0)
    modes, probs = (values.astype(np.float32) for values in CASES[name](rng))
    truth = (np.zeros if name in ("exact", "two_metres") else rng.standard_normal)(modes.shape[:1] + modes.shape[2:])
    truth = np.asarray(truth, np.float32)
    found = forecast_errors(modes, probs, truth, k=k)
    for i in range(len(modes)):
        # It has no notion of k: the most probable are handed to it.
        top = np.argsort(-probs[i], kind="stable")[:k]
        paths, true, p = modes[i, top].astype(float), truth[i].astype(float), probs[i, top].astype(float)
        fde = av2.compute_fde(paths, true)
        best = int(np.argmin(fde))  # Argoverse 2 takes every metric of the mode that ends nearest
        wanted = {
            "min_fde_m": fde[best],
            "min_ade_m": av2.compute_ade(paths, true)[best],
            "miss_rate": av2.compute_is_missed_prediction(paths, true)[best],
            "brier_min_fde_m": av2.compute_brier_fde(paths, true, p)[best],
        }
        ours = [float(getattr(found, key)[i]) for key in wanted]
        assert ours == pytest.approx([float(value) for value in wanted.values()], rel=1e-6)
