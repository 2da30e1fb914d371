"""The setting `score.measures`: which columns a classification gets, of one member, of many, of ragged rows."""

from typing import get_args

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import MeanMeasure, MemberMeasure, ScoreConfig, load_config
from oddloop.errors import ConfigError
from oddloop.score import bald, score_columns
from oddloop.score.classification import score_classification
from oddloop.score.ensembles import ENSEMBLE_MEASURES
from oddloop.tables import CLASSIFICATION

ALL = ScoreConfig(measures=ENSEMBLE_MEASURES)


def score(probs, config=ALL):
    n = len(probs)
    columns = {"frame_id": [f"f{i}" for i in range(n)], "scene_id": ["s"] * n, "probs": probs}
    return score_classification(pa.table(columns, CLASSIFICATION.schema().remove(3)), config)


def test_every_measure_can_be_asked_for():
    assert get_args(MeanMeasure) + get_args(MemberMeasure) == ENSEMBLE_MEASURES
    assert load_config('[score]\nmeasures = ["bald", "ratio"]').score.measures == ("bald", "ratio")
    with pytest.raises(ConfigError, match=r"score\.measures\.0: .*'bald'.*; got 'bold'"):
        load_config('[score]\nmeasures = ["bold"]')


@pytest.mark.parametrize("probs", [[], [None], [[[0.5, 0.5]]], [[[1.0, 0.0], [0.0, 1.0]], [[0.2, 0.3, 0.5]]]])
def test_columns_depend_on_the_setting_alone(probs):
    assert score_columns(score(probs)) == [f"classification_{name}" for name in ENSEMBLE_MEASURES]
    assert score_columns(score(probs, ScoreConfig(measures=("bald",)))) == ["classification_bald"]


def test_one_member_has_no_disagreement_and_that_is_valid():
    found = score([[[0.7, 0.3]]])
    for name in get_args(MemberMeasure)[1:]:
        assert found[f"classification_{name}"].to_pylist() == [0.0]
        assert found[f"classification_{name}_valid"].to_pylist() == [True]


def test_ragged_rows_each_as_if_alone():
    rng = np.random.default_rng(0)
    rows = [rng.dirichlet(np.ones(k), m).tolist() for m, k in ((3, 4), (1, 4), (3, 2), (3, 4))]
    rows[1:1] = [None, [], [[0.5, 0.5], [1.0]], [[0.5, 0.5], [0.9, 0.9]]]
    together = score(rows)
    assert (
        pa.concat_tables([score([row]) for row in rows])
        .drop_columns("frame_id")
        .equals(together.drop_columns("frame_id"))
    )
    valid = [True, False, False, False, False, True, True, True]
    for name in score_columns(together):
        assert together[f"{name}_valid"].to_pylist() == valid
    expected = bald(np.array(rows[-1], np.float32))
    assert together["classification_bald"].to_pylist()[-1] == expected
