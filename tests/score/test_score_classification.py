"""Frame scores from class probabilities."""

import math

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import ScoreConfig
from oddloop.score import entropy, mean_members
from oddloop.score.classification import score_classification
from oddloop.tables import CLASSIFICATION

COLUMNS = [
    "frame_id",
    "scene_id",
    "n_objects",
    *(f"classification_{m}{twin}" for m in ("entropy", "least_confidence", "margin") for twin in ("", "_valid")),
]


def score(probs):
    n = len(probs)
    batch = pa.table(
        {"frame_id": [f"f{i}" for i in range(n)], "scene_id": ["s"] * n, "probs": probs},
        CLASSIFICATION.schema().remove(3),
    )
    return score_classification(batch, ScoreConfig())


@pytest.mark.parametrize(
    ("probs", "expected"),
    [
        # one member, then members whose mean counts
        ([[0.5, 0.5]], math.log(2)),
        ([[1.0, 0.0], [0.0, 1.0]], math.log(2)),
        ([[1.0, 0.0], [1.0, 0.0]], 0.0),
        ([[1.0]], 0.0),
        # not valid: no answer, no member, no class, members that differ, a bad member, a null
        (None, None),
        ([], None),
        ([[]], None),
        ([[0.5, 0.5], [0.2, 0.3, 0.5]], None),
        ([[0.5, 0.5], [0.6, 0.6]], None),
        ([[1.5, -0.5], [0.5, 0.5]], None),
        ([None], None),
        ([[0.5, None]], None),
        ([[float("nan"), 1.0]], None),
    ],
)
def test_entropy_of_the_mean_of_the_members(probs, expected):
    # GIVEN the row between two good ones, of other shapes WHEN scored THEN it alone decides its score
    found = score([[[0.25] * 4], probs, [[0.5, 0.5]]])
    assert found.column_names == COLUMNS
    assert found["classification_entropy"].to_pylist() == pytest.approx([math.log(4), expected, math.log(2)])
    assert found["classification_entropy_valid"].to_pylist() == [True, expected is not None, True]
    assert found["n_objects"].to_pylist() == [0, None if probs is None else 0, 0]


def test_agrees_with_the_plain_functions_on_an_ensemble():
    probs = np.random.default_rng(0).dirichlet(np.ones(10), (50, 5)).astype(np.float32)
    assert np.array_equal(score(probs.tolist())["classification_entropy"], entropy(mean_members(probs)))
