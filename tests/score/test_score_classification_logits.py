"""Frame scores from logits: the softmax at a temperature, and the out-of-distribution scores beside it."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.special import softmax as reference_softmax

from oddloop.config import ScoreConfig, load_config
from oddloop.errors import ConfigError, TableError
from oddloop.score import fit_temperature, rescale_probs, score_columns
from oddloop.score.classification import score_classification
from oddloop.score.ensembles import ENSEMBLE_MEASURES, compute_ensemble_measures

ALL = ScoreConfig(measures=ENSEMBLE_MEASURES)
OOD = ["ood_msp", "ood_max_logit", "ood_energy", "ood_gen"]
NESTED = pa.list_(pa.list_(pa.float32()))
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(60, 5, 7)).astype(np.float32)


def score(config=ALL, **columns):
    n = len(next(iter(columns.values())))
    arrays = {name: pa.array(values, NESTED) for name, values in columns.items()}
    return score_classification(
        pa.table({"frame_id": [f"f{i}" for i in range(n)], "scene_id": ["s"] * n, **arrays}), config
    )


@pytest.mark.parametrize("temperature", [1.0, 0.25, 3.0])
def test_measures_are_those_of_the_softmax(temperature):
    found = score(ScoreConfig(measures=ENSEMBLE_MEASURES, temperature=temperature), logits=LOGITS.tolist())
    probs = reference_softmax(LOGITS.astype(np.float64) / temperature, axis=-1)
    for name, expected in compute_ensemble_measures(probs, ENSEMBLE_MEASURES).items():
        assert found[f"classification_{name}"].to_numpy() == pytest.approx(expected, rel=1e-5, abs=1e-6), name


@pytest.mark.parametrize("temperature", [0.25, 3.0])
def test_probabilities_alone_take_the_same_temperature(temperature):
    probs = reference_softmax(LOGITS.astype(np.float64), axis=-1)
    config = ScoreConfig(measures=ENSEMBLE_MEASURES, temperature=temperature)
    from_probs, from_logits = score(config, probs=probs.tolist()), score(config, logits=LOGITS.tolist())
    for name in score_columns(from_probs):
        assert from_probs[name].to_numpy() == pytest.approx(from_logits[name].to_numpy(), rel=1e-4, abs=1e-5), name


def test_ood_scores_are_of_the_mean_logits():
    found = score(logits=LOGITS.tolist())
    mean = LOGITS.astype(np.float64).mean(axis=1)
    p = reference_softmax(mean, axis=1)
    expected = {
        "ood_msp": 1 - p.max(axis=1),
        "ood_max_logit": -mean.max(axis=1),
        "ood_energy": -logsumexp(mean, axis=1),
        "ood_gen": (p**0.1 * (1 - p) ** 0.1).sum(axis=1),
    }
    assert [name for name in score_columns(found) if name.startswith("ood_")] == OOD
    for name, values in expected.items():
        assert found[name].to_numpy() == pytest.approx(values, rel=1e-9), name


def test_the_temperature_does_not_move_the_ood_scores():
    cold, warm = (score(ScoreConfig(temperature=t), logits=LOGITS.tolist()) for t in (1.0, 5.0))
    assert cold.select(OOD).equals(warm.select(OOD))
    assert not cold["classification_entropy"].equals(warm["classification_entropy"])


def test_one_threshold_serves_two_models_once_they_are_calibrated():
    """The second model says the same, five times as loud."""
    probs = reference_softmax(RNG.normal(size=(4000, 4)) * 2, axis=1)
    labels = np.array([RNG.choice(4, p=p) for p in probs])
    quiet, loud = np.log(probs), 5 * np.log(probs)
    temperatures = [fit_temperature(z, labels) for z in (quiet, loud)]
    one, other = (
        score(ScoreConfig(temperature=t), logits=z[:, None].tolist())["classification_entropy"].to_numpy()
        for z, t in zip((quiet, loud), temperatures, strict=True)
    )
    assert one == pytest.approx(other, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    ("probs", "logits", "entropy", "energy"),
    [
        # logits stand in for probabilities that are null; where both are given, measures are of the probabilities
        (None, [[0.0, 0.0]], math.log(2), -math.log(2)),
        ([[1.0, 0.0]], [[0.0, 0.0]], 0.0, -math.log(2)),
        ([[1.0, 0.0]], None, 0.0, None),
        (None, None, None, None),
        # a bad distribution is not mended by good logits
        ([[0.9, 0.9]], [[0.0, 0.0]], None, -math.log(2)),
        # mean of two members: (0, 2) and (2, 0) give (1, 1)
        (None, [[0.0, 2.0], [2.0, 0.0]], math.log(2), -1 - math.log(2)),
        # a class that cannot be has a softmax, but no energy
        (None, [[0.0, -math.inf]], 0.0, None),
        # no logits at all
        (None, [[math.inf, 0.0]], None, None),
        (None, [[math.nan, 0.0]], None, None),
        (None, [[None, 0.0]], None, None),
        (None, [[-math.inf, -math.inf]], None, None),
        (None, [], None, None),
        (None, [[]], None, None),
        (None, [[0.0, 0.0], [0.0]], None, None),
        (None, [[3e38, 3e38], [3e38, 3e38]], math.log(2), -3e38),
    ],
)
def test_rows_with_probabilities_or_logits_or_both(probs, logits, entropy, energy):
    # GIVEN the row between two good ones of other shapes
    found = score(probs=[[[0.5, 0.5]], probs, None], logits=[None, logits, [[1.0, 1.0, 1.0]]])
    entropies, energies = found["classification_entropy"].to_pylist(), found["ood_energy"].to_pylist()
    assert entropies == pytest.approx([math.log(2), entropy, math.log(3)])
    assert energies == pytest.approx([None, energy, -1 - math.log(3)])
    assert found["ood_energy_valid"].to_pylist() == [False, energy is not None, True]
    assert found["n_objects"].to_pylist() == [0, None if probs is None and logits is None else 0, 0]


NUMBERS = st.sampled_from([0.0, -1.0, 88.0, 1e38, -1e38, 3.4e38, math.nan, math.inf, -math.inf]) | st.none()
MEMBERS = st.lists(st.lists(NUMBERS, max_size=3) | st.none(), max_size=3) | st.none()


@given(rows=st.lists(st.tuples(MEMBERS, MEMBERS), max_size=6), temperature=st.sampled_from([1.0, 0.01, 100.0]))
def test_malformed_rows_are_not_valid_and_never_nan(rows, temperature):
    config = ScoreConfig(measures=ENSEMBLE_MEASURES, temperature=temperature)
    found = score(config, probs=[p for p, _ in rows] or [None], logits=[z for _, z in rows] or [None])
    for name in score_columns(found):
        assert found[name].is_valid().to_pylist() == found[f"{name}_valid"].to_pylist()
        assert np.isfinite(found[name].drop_null().to_numpy()).all()


def test_neither_column_is_an_error_and_integers_are_refused():
    ids = {"frame_id": ["f"], "scene_id": ["s"]}
    with pytest.raises(TableError, match="column `probs` is missing"):
        score_classification(pa.table(ids), ALL)
    with pytest.raises(TableError, match="numbers in `logits` must be float16, float32 or float64; got int64"):
        score_classification(pa.table({**ids, "logits": [[[1, 2]]]}), ALL)


def test_the_temperature_is_above_0():
    assert load_config("[score]\ntemperature = 2.5").score.temperature == 2.5
    for value in ("0.0", "-1.0", "nan"):
        with pytest.raises(ConfigError, match=r"score\.temperature"):
            load_config(f"[score]\ntemperature = {value}")


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5), st.floats(0.05, 20))
def test_rescaled_probabilities_keep_their_order_and_sum_to_1(weights, temperature):
    p = np.array(weights) / np.sum(weights)
    rescaled = rescale_probs(p, temperature)
    assert rescaled.sum() == pytest.approx(1)
    assert (np.diff(rescaled[np.argsort(p)]) >= -1e-12).all()
    assert rescale_probs(p, 1.0) == pytest.approx(p)


def test_rescaling_refuses_what_is_no_distribution():
    found = rescale_probs([[0.5, 0.5], [0.9, 0.9], [-0.5, 1.5], [math.nan, 1.0], [0.0, 1.0]], 2.0)
    assert np.isnan(found).any(axis=1).tolist() == [False, True, True, True, False]
    assert found[4].tolist() == [0.0, 1.0]
