"""The model of the demo: an ensemble of small neural networks that correct a constant-velocity forecast.

Each member is a scikit-learn `MLPRegressor` with two hidden layers, trained for a fixed number of steps from its own
random start (Lakshminarayanan et al. 2017, deep ensembles; without their adversarial training). It learns the offset
of the true future from straight driving at the fitted velocity, in the road user's own frame. A training takes about
half a second per member on one core, whatever the number of rows; memory is that of the design matrix.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

N_MEMBERS = 5
HIDDEN = (64, 48)
"""Units of the two hidden layers; the second layer's activations are the features of a frame."""
N_STEPS = 6
"""Steps of a forecast: 3 s at 2 Hz."""
STEP_S = 0.5
_TRAINING_STEPS = 1_000
_BATCH_ROWS = 256
_LEARNING_RATE = 2e-3
_WEIGHT_DECAY = 1.0
_OFFSET_SCALE_M = 5.0
_CLIP = 5.0

Floats = npt.NDArray[np.float32]
Layer = tuple[Floats, Floats]


@dataclass(frozen=True)
class Ensemble:
    """A trained ensemble.

    Attributes:
        mean: (D,) float32 mean of each input over the training rows.
        scale: (D,) float32 spread of each input over the training rows, above 0.
        members: per member three layers of weights (in,out) and biases (out,).
    """

    mean: Floats
    scale: Floats
    members: tuple[tuple[Layer, ...], ...]


@dataclass(frozen=True)
class Forecast:
    """Forecasts of R road users.

    Attributes:
        xy_m: (M,R,6,2) float32 future positions per member in the road user's own frame, in metres.
        hidden: (R,48) float32 activations of the last hidden layer, averaged over members; 0 or more.
    """

    xy_m: Floats
    hidden: Floats


def straight_ahead(inputs: Floats) -> Floats:
    """Constant-velocity forecast of the rows of a design matrix: (R,6,2) float32 in their own frame, in metres.

    >>> straight_ahead(np.array([[1.0, 0.0]], dtype=np.float32))[0, -1].tolist()
    [30.0, 0.0]
    """
    time_s = STEP_S * np.arange(1, N_STEPS + 1, dtype=np.float32)
    velocity_mps = inputs[:, None, :2] * np.float32(10.0)
    straight: Floats = velocity_mps * time_s[None, :, None]
    return straight


def fit_ensemble(inputs: Floats, future_m: Floats, seed: int, n_members: int = N_MEMBERS) -> Ensemble:
    """Train an ensemble; the same arguments give the same ensemble, bit for bit.

    Args:
        inputs: (R,D) float32 rows of a design matrix, R >= 1.
        future_m: (R,6,2) float32 true futures in each row's own frame, in metres.
        seed: source of the members' random starts.
        n_members: how many networks.

    Raises:
        ValueError: there are no rows.
    """
    if len(inputs) == 0:
        raise ValueError("no rows to train on")
    mean: Floats = inputs.mean(axis=0)
    scale: Floats = inputs.std(axis=0) + np.float32(1e-2)
    offset = (future_m - straight_ahead(inputs)).reshape(len(inputs), -1) / np.float32(_OFFSET_SCALE_M)
    scaled = _scaled(inputs, mean, scale)
    seeds = np.random.SeedSequence(seed).generate_state(n_members)
    members = tuple(_fit_member(scaled, offset, int(own) % 2**31) for own in seeds)
    return Ensemble(mean, scale, members)


def _scaled(inputs: Floats, mean: Floats, scale: Floats) -> Floats:
    scaled: Floats = np.clip((inputs - mean) / scale, -_CLIP, _CLIP)
    return scaled


def _fit_member(inputs: Floats, offset: Floats, seed: int) -> tuple[Layer, ...]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor
    from threadpoolctl import threadpool_limits

    batch = min(_BATCH_ROWS, len(inputs))
    epochs = max(1, round(_TRAINING_STEPS * batch / len(inputs)))
    network = MLPRegressor(
        hidden_layer_sizes=HIDDEN, alpha=_WEIGHT_DECAY, batch_size=batch, learning_rate_init=_LEARNING_RATE,
        max_iter=epochs, n_iter_no_change=epochs + 1, random_state=seed,
    )  # fmt: skip
    # One thread: the matrices are small, and sums do not depend on the number of cores.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of steps is fixed on purpose
        network.fit(inputs, offset)
    layers = zip(network.coefs_, network.intercepts_, strict=True)
    return tuple((weights.astype(np.float32), biases.astype(np.float32)) for weights, biases in layers)


def forecast(ensemble: Ensemble, inputs: Floats) -> Forecast:
    """Forecast every row of a design matrix, (R,D) float32; R = 0 gives empty arrays."""
    from threadpoolctl import threadpool_limits

    scaled, base = _scaled(inputs, ensemble.mean, ensemble.scale), straight_ahead(inputs)
    xy_m = np.empty((len(ensemble.members), *base.shape), dtype=np.float32)
    hidden = np.zeros((len(inputs), HIDDEN[-1]), dtype=np.float32)
    with threadpool_limits(1):
        for i, (first, second, last) in enumerate(ensemble.members):
            active = _active(_active(scaled, first), second)
            hidden += active
            offset = active @ last[0] + last[1]
            xy_m[i] = base + offset.reshape(base.shape) * np.float32(_OFFSET_SCALE_M)
    return Forecast(xy_m, hidden / np.float32(len(ensemble.members)))


def _active(values: Floats, layer: Layer) -> Floats:
    active: Floats = np.maximum(values @ layer[0] + layer[1], 0.0)
    return active


def into_frame(xy_m: npt.NDArray[np.floating], pose: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Positions (R,H,2) of the map frame in the frames of poses (R,3), x and y in metres and heading in radians.

    >>> into_frame(np.array([[[1.0, 3.0]]]), np.array([[1.0, 1.0, np.pi / 2]])).round(6).tolist()
    [[[2.0, 0.0]]]
    """
    offset = xy_m - pose[:, None, :2]
    cos, sin = np.cos(pose[:, 2])[:, None], np.sin(pose[:, 2])[:, None]
    return np.stack([cos * offset[..., 0] + sin * offset[..., 1], cos * offset[..., 1] - sin * offset[..., 0]], axis=-1)


def out_of_frame(xy_m: npt.NDArray[np.floating], pose: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Positions (...,R,H,2) in the frames of poses (R,3) back in the map frame; undoes `into_frame`.

    >>> out_of_frame(np.array([[[2.0, 0.0]]]), np.array([[1.0, 1.0, np.pi / 2]])).round(6).tolist()
    [[[1.0, 3.0]]]
    """
    cos, sin = np.cos(pose[:, 2])[:, None], np.sin(pose[:, 2])[:, None]
    x = cos * xy_m[..., 0] - sin * xy_m[..., 1] + pose[:, None, 0]
    return np.stack([x, sin * xy_m[..., 0] + cos * xy_m[..., 1] + pose[:, None, 1]], axis=-1)
