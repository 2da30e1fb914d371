"""The ensemble: deterministic, right where the answer is known, and honest about its frames of reference."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.demo.forecaster import HIDDEN, N_MEMBERS, fit_ensemble, forecast, into_frame, out_of_frame, straight_ahead

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(300, 10)).astype(np.float32)
STRAIGHT = straight_ahead(INPUTS)


def test_frames_of_reference_undo_each_other() -> None:
    xy_m, pose = RNG.uniform(-500, 500, (50, 6, 2)), RNG.uniform(-3, 3, (50, 3))
    np.testing.assert_allclose(out_of_frame(into_frame(xy_m, pose), pose), xy_m, atol=1e-9)


def test_straight_driving_is_learned_exactly() -> None:
    # The ensemble learns the offset from straight driving, which is 0 here.
    predicted = forecast(fit_ensemble(INPUTS, STRAIGHT, seed=0, n_members=2), INPUTS)
    assert np.abs(predicted.xy_m - STRAIGHT).max() < 0.5


def test_a_bend_that_depends_on_an_input_is_learned() -> None:
    bend = STRAIGHT.copy()
    bend[..., 1] += 4.0 * (INPUTS[:, 3:4] > 0)
    predicted = forecast(fit_ensemble(INPUTS, bend, seed=0, n_members=2), INPUTS)
    assert np.abs(predicted.xy_m.mean(axis=0) - bend).mean() < 0.5 * np.abs(bend - STRAIGHT).mean()


def test_same_seed_same_ensemble_other_seed_other_ensemble() -> None:
    runs = [forecast(fit_ensemble(INPUTS, STRAIGHT, seed=seed, n_members=1), INPUTS).xy_m for seed in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_members_differ_and_features_are_activations() -> None:
    predicted = forecast(fit_ensemble(INPUTS, STRAIGHT, seed=3), INPUTS)
    assert predicted.xy_m.shape == (N_MEMBERS, 300, 6, 2)
    assert predicted.hidden.shape == (300, HIDDEN[-1])
    assert (predicted.hidden >= 0).all()
    assert (predicted.xy_m.std(axis=0) > 0).any()


def test_nothing_to_forecast_and_nothing_to_train_on() -> None:
    ensemble = fit_ensemble(INPUTS, STRAIGHT, seed=4, n_members=1)
    assert forecast(ensemble, INPUTS[:0]).xy_m.shape == (1, 0, 6, 2)
    with pytest.raises(ValueError, match="no rows to train on"):
        fit_ensemble(INPUTS[:0], STRAIGHT[:0], seed=0)
