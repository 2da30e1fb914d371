"""Every exported function on arrays takes the arrays of other libraries, and says plainly which it cannot take."""

from __future__ import annotations

import array
import inspect
from typing import Any

import numpy as np
import pytest

from oddloop import score
from oddloop.score import ood, risk
from oddloop.score.foreign import to_float64, to_int64
from oddloop.score.trajectory_metrics import forecast_errors

RNG = np.random.default_rng(0)
PROBS = RNG.dirichlet(np.ones(4), (12, 3)).astype(np.float32)
ROWS = PROBS[:, 0].copy()
LABELS = RNG.integers(0, 4, 12)
X = RNG.random(12)
TIMES = np.arange(12) / 10
BOUNDS = np.array([0, 5, 12])
LOGITS = RNG.gamma(2.0, size=(12, 4)).astype(np.float32)
PATHS = RNG.normal(size=(12, 3, 5, 2)).astype(np.float32)
SOURCE, MODEL = ood.Source("m1", "layer4"), score.ScoredModel("m1")
SCENES = [f"s{i}" for i in range(12)]
AHEAD = np.stack([np.arange(12) * 10.0, np.zeros(12)])


def train(take):
    return ood.training_set(take(LOGITS), SCENES, SCENES, SOURCE, take(LABELS))


def head(take):
    return ood.Head(take(np.eye(4, dtype=np.float32)), take(np.full(4, 9.0, np.float32)))


def tracks(take):
    sizes = take(np.full(12, 4.0)), take(np.full(12, 2.0))
    return risk.make_tracks(take(AHEAD[0]), take(AHEAD[1]), take(np.zeros(12)), take(X), *sizes, take(BOUNDS))


def paths(take, at):
    xy = np.stack([np.linspace(-5, 5, 6), np.zeros(6)], axis=1)[None][:, :, ::at]
    size = take(np.full(1, 4.0)), take(np.full(1, 2.0))
    return risk.crossing.Paths(take(np.ascontiguousarray(xy)), take(np.arange(6.0)[None] + at), *size)


def boxes(take, shift):
    return risk.make_boxes(*(take(values) for values in (X + shift, X, X, X + 1, X + 1)))


ONE_ROW_EACH = ("entropy", "least_confidence", "margin", "ratio", "is_distribution")
OF_MEMBERS = (
    *("bald", "consensus_disagreement", "expected_entropy", "mean_members", "predictive_entropy"),
    *("predictive_variance", "variation_ratio", "vote_entropy"),
)
BINARY = ("binary_entropy", "binary_least_confidence", "binary_margin", "binary_ratio")
FITTED = {
    "mahalanobis": lambda t: ood.fit_mahalanobis(train(t)),
    "knn": lambda t: ood.fit_knn(train(t), 2),
    "vim": lambda t: ood.fit_vim(train(t), head(t), 2),
    "react": lambda t: ood.fit_react(train(t), head(t)),
    "scale": lambda t: ood.fit_scale(train(t), head(t)),
    "nnguide": lambda t: ood.fit_nnguide(train(t), head(t), np.random.default_rng(0), 2, 1.0),
    "iforest": lambda t: ood.fit_iforest(train(t), np.random.default_rng(0), 5),
    "lof": lambda t: ood.fit_lof(train(t), 2),
    "ecod": lambda t: ood.fit_ecod(train(t)),
}
CALLS: dict[str, Any] = {
    **{name: lambda t, name=name: getattr(score, name)(t(ROWS)) for name in ONE_ROW_EACH},
    **{name: lambda t, name=name: getattr(score, name)(t(PROBS)) for name in OF_MEMBERS},
    **{name: lambda t, name=name: getattr(score, name)(t(X)) for name in BINARY},
    **{
        f"score_{name}": lambda t, name=name: getattr(ood, f"score_{name}")(FITTED[name](t), t(LOGITS), source=SOURCE)
        for name in FITTED
    },
    "fit_rank": lambda t: score.fit_rank(t(X), MODEL).apply(t(X), MODEL),
    "fit_calibrated": lambda t: score.fit_calibrated(t(X), t(X), MODEL, min_bin=2, min_scenes=4).apply(t(X), MODEL),
    "audit_scores": lambda t: score.audit_scores({"a": t(X)}, rows(t), np.random.default_rng(0)).to_pylist(),
    "audit_curves": lambda t: score.audit_curves({"a": t(X)}, rows(t), np.random.default_rng(0)).to_pylist(),
    "per_object": lambda t: score.per_object(t(X), t(X), t(BOUNDS)),
    "bootstrap_calibration_error": lambda t: score.bootstrap_calibration_error(
        t(ROWS), t(LABELS), np.random.default_rng(0), t(LABELS), n_bootstrap=20
    ),
    "calibration_error": lambda t: score.calibration_error(t(ROWS), t(LABELS)).error,
    "compute_ensemble_measures": lambda t: score.compute_ensemble_measures(t(PROBS), ("bald", "variance")),
    "error_levels": lambda t: score.error_levels(t(X), "higher"),
    "fit_temperature": lambda t: score.fit_temperature(t(LOGITS), t(LABELS)),
    "rescale_probs": lambda t: score.rescale_probs(t(ROWS), 2.0),
    "softmax": lambda t: score.softmax(t(LOGITS)),
    "ragged_measures": lambda t: score.ragged_measures(t(np.ravel(ROWS)), t(np.arange(0, 49, 4))),
    **{
        name: lambda t, name=name, more=more: getattr(score, name)(t(X), t(BOUNDS), *more)
        for name, more in {"group_max": (), "group_mean": (), "group_sum": (), "group_topk": (2,)}.items()
    },
    "group_quantile": lambda t: score.group_quantile(t(X), t(BOUNDS), 0.5),
    **{
        name: lambda t, name=name, more=more: getattr(score, name)(t(X), t(TIMES), t(BOUNDS), *more)
        for name, more in {"change_rate": (), "trend": (), "longest_run_above": (0.5,), "share_above": (0.5,)}.items()
    },
    "time_above": lambda t: score.time_above(t(X), t(TIMES), t(BOUNDS), 0.5),
    **{name: lambda t, name=name: getattr(ood, name)(t(LOGITS)) for name in ("energy", "gen", "max_logit", "msp")},
    "score_features": lambda t: ood.score_features(FITTED["knn"](t), t(LOGITS), source=SOURCE),
    "training_set": lambda t: train(t).features,
    **{
        name: lambda t, name=name: getattr(risk, name)(t(X * 9), t(TIMES), t(BOUNDS))
        for name in ("acceleration", "jerk", "hard_braking_time")
    },
    "any_collision_probability": lambda t: risk.any_collision_probability(t(X), t(BOUNDS)),
    "brake_threat_number": lambda t: risk.brake_threat_number(t(-X)),
    "collision_probability": lambda t: risk.collision_probability(
        t(np.full((12, 1, 3), 1 / 3)),
        t(PATHS[:, None]),
        t(PATHS[:, 0]),
        t(X[:2] + 1),
        t(X[2:4] + 1),
        "boxes",
        t(X),
        t(X),
    ),
    "make_boxes": lambda t: boxes(t, 0.0),
    "box_distance": lambda t: risk.box_distance(boxes(t, 0.0), boxes(t, 3.0)),
    "make_tracks": lambda t: risk.nearest_distance(tracks(t)),
    "near_pairs": lambda t: risk.near_pairs(t(AHEAD[0]), t(AHEAD[1]), t(BOUNDS), 15.0),
    "path_headings": lambda t: risk.path_headings(t(PATHS[:, 0]), t(X)),
    "plan_disagreement": lambda t: risk.plan_disagreement(t(PATHS), t(np.full((12, 3), 1 / 3))),
    "post_encroachment_time": lambda t: risk.post_encroachment_time(paths(t, 1), paths(t, -1)),
    "required_acceleration": lambda t: risk.required_acceleration(t(X), t(X), t(X)),
    "shortfall": lambda t: risk.shortfall(t(X), 0.5),
    "time_exposed": lambda t: risk.time_exposed(t(X), t(X), t(BOUNDS)),
    "time_integrated": lambda t: risk.time_integrated(t(X), t(X), t(BOUNDS)),
    "time_headway": lambda t: risk.time_headway(t(X), t(X)),
    "time_to_collision": lambda t: risk.time_to_collision(t(X), t(X)),
    "time_to_collision_accelerated": lambda t: risk.time_to_collision_accelerated(t(X), t(X), t(X)),
    "forecast_errors": lambda t: forecast_errors(t(PATHS), t(np.full((12, 3), 1 / 3)), t(PATHS[:, 0])),
}
ELSEWHERE = {"audit_scenes", "audit_scene_curves", "fit_expected_errors"}
"""These take arrays besides tables; the arrays are those of `audit_scores` and `fit_calibrated`."""


def rows(take):
    return score.AuditRows(take(X), take(LABELS), take(X + 1), take(X), take(X), take(X))


class Dlpack:
    """Speaks DLPack and nothing else."""

    def __init__(self, values):
        self._values = np.array(values)

    def __dlpack__(self, **options):
        return self._values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._values.__dlpack_device__()


class Interface:
    """Speaks the array protocol and nothing else."""

    def __init__(self, values):
        self._values = values

    def __array__(self, dtype=None, copy=None):
        return self._values if dtype is None else self._values.astype(dtype)


def read_only(values):
    frozen = values.copy()
    frozen.flags.writeable = False
    return frozen


def buffer(values):
    """`array.array` where there is one axis, else a view of memory."""
    return array.array(values.dtype.char, values.tolist()) if values.ndim == 1 else memoryview(values.copy())


def far_apart(values):
    """The same numbers with a gap between any two."""
    wide = np.repeat(np.repeat(values, 2, axis=-1), 2, axis=0)
    return wide[::2, ..., ::2] if values.ndim > 1 else np.repeat(values, 2)[::2]


def tensor(values):
    return pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'oddloop[torch]'").tensor(values)


WAYS = {
    "dlpack": Dlpack,
    "array_protocol": Interface,
    "buffer": buffer,
    "list": lambda values: values.tolist(),
    "read_only": read_only,
    "not_contiguous": far_apart,
    "big_endian": lambda values: values.astype(values.dtype.newbyteorder(">")),
}


@pytest.mark.parametrize("name", list(CALLS))
@pytest.mark.parametrize("way", list(WAYS))
def test_every_function_takes_it(name: str, way: str) -> None:
    check(name, WAYS[way], exact=way not in ("list", "big_endian"))


@pytest.mark.system
@pytest.mark.parametrize("name", list(CALLS))
def test_every_function_takes_tensors(name: str) -> None:
    check(name, tensor, exact=True)


def check(name, take, exact):
    wanted, found = CALLS[name](lambda values: values), CALLS[name](take)
    for a, b in zip(parts(wanted), parts(found), strict=True):
        if exact:
            np.testing.assert_array_equal(a, b)
        else:  # a list is in double precision
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def parts(found):
    """The arrays in a result."""
    if isinstance(found, dict):
        return list(found.values())
    if isinstance(found, list):
        return [value for row in found for value in row.values() if isinstance(value, float)]
    return list(found) if isinstance(found, tuple) else [found]


def test_no_function_is_forgotten() -> None:
    taking = set()
    for package in (score, ood, risk):
        functions = {name: getattr(package, name) for name in package.__all__}
        taking |= {
            name
            for name, function in functions.items()
            if inspect.isfunction(function) and "ArrayLike" in str(inspect.signature(function))
        }
    assert taking - CALLS.keys() - ELSEWHERE == set()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", "b"], "real numbers are needed; got <U1; convert them to float32 or float64 first"),
        ([1j, 2j], "real numbers are needed; got complex128"),
        ([[1.0], [1.0, 2.0]], "inhomogeneous"),
        ([object()], "real numbers are needed; float"),
    ],
)
def test_what_is_no_number_is_named(values, message) -> None:
    with pytest.raises(ValueError, match=message):
        to_float64(values)
    with pytest.raises(ValueError, match=message):
        risk.time_headway(values, 1.0)


def test_none_is_a_missing_number() -> None:
    assert np.isnan(to_float64([1.0, None])[1])


def test_offsets_are_whole_numbers() -> None:
    with pytest.raises(ValueError, match="offsets must be integers; got float64; convert them to int64 first"):
        score.group_sum([1.0, 2.0], [0.0, 1.5])
    assert to_int64([]).tolist() == []


def test_half_precision_is_taken_and_integers_are_refused_where_they_may_be_quantised() -> None:
    half = ROWS.astype(np.float16)
    assert score.entropy(Dlpack(half)) == pytest.approx(score.entropy(half.astype(float)), abs=1e-3)
    with pytest.raises(ValueError, match="probabilities must be float16, float32 or float64; got uint8"):
        score.entropy(Dlpack(np.full((2, 2), 128, np.uint8)))
    with pytest.raises(ValueError, match="logits must be float16, float32 or float64; got int64"):
        ood.energy(memoryview(np.ones((2, 2), np.int64)))


@pytest.mark.system
def test_tensors_that_give_nothing_away_say_why() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'oddloop[torch]'")
    probs = torch.tensor(ROWS)
    for call in (score.entropy, ood.energy, lambda x: risk.shortfall(x, 1.0)):
        with pytest.raises(ValueError, match=r"torch.Tensor does not give its values to NumPy: .*detach it"):
            call(probs.clone().requires_grad_())
        with pytest.raises(ValueError, match=r"BFloat16.*convert it to float32 first"):
            call(probs.bfloat16())
        with pytest.raises(ValueError, match=r"does not give its values to NumPy"):
            call(probs.to("meta"))
    assert score.entropy(probs.half()) == pytest.approx(score.entropy(probs), abs=1e-3)
    shared = torch.tensor(X)
    assert to_float64(shared).ctypes.data == shared.data_ptr()  # without a copy
