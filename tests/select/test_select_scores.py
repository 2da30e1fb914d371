"""Which score a policy ranks by."""

from __future__ import annotations

import pytest

from oddloop.errors import ConfigError
from oddloop.select.scores import MARGIN, UNCERTAINTY, resolve_score

ALL = [
    *("classification_entropy_mean", "classification_margin_mean"),
    *("detection_entropy_mean_mean", "detection_entropy_sum_mean", "detection_margin_sum_mean"),
    *("trajectory_endpoint_spread_max_mean", "trajectory_endpoint_spread_mean_mean"),
]


@pytest.mark.parametrize(
    ("wanted", "patterns", "columns", "score"),
    [
        # the default, by task
        ("", UNCERTAINTY, ALL, "trajectory_endpoint_spread_mean_mean"),
        ("", UNCERTAINTY, ALL[:5], "detection_entropy_sum_mean"),
        ("", UNCERTAINTY, ALL[:2], "classification_entropy_mean"),
        ("", MARGIN, ALL, "detection_margin_sum_mean"),
        ("", MARGIN, ALL[:2], "classification_margin_mean"),
        # [score] reductions leaves out the preferred one
        ("", UNCERTAINTY, ["detection_entropy_topk_mean", "detection_entropy_max_mean"], "detection_entropy_max_mean"),
        # the user's own wish, for any policy
        ("classification_margin_mean", UNCERTAINTY, ALL, "classification_margin_mean"),
        ("classification_margin_mean", (), ALL, "classification_margin_mean"),
        # a policy that needs none
        ("", (), ALL, ""),
        ("", (), [], ""),
    ],
)
def test_resolve(wanted, patterns, columns, score) -> None:
    assert resolve_score("some", wanted, patterns, columns) == score


@pytest.mark.parametrize(
    ("wanted", "patterns", "columns", "message"),
    [
        (
            "detection_entropy_sum_men",
            UNCERTAINTY,
            ALL,
            "[select] score = 'detection_entropy_sum_men' is not a scene score; nearest: detection_entropy_sum_mean, "
            "detection_entropy_mean_mean, detection_margin_sum_mean",
        ),
        ("zzz", (), ALL[:2], "there are: classification_entropy_mean, classification_margin_mean"),
        ("zzz", (), [], "no scene has been scored: the model has no predictions in the lake"),
        (
            "",
            MARGIN,
            ["risk_max_mean"],
            "policy `some` ranks by a scene score such as detection_margin_sum_mean, and there is none; set [select] "
            "score, or another [select] policy; there are: risk_max_mean",
        ),
    ],
)
def test_what_cannot_be_resolved_is_told(wanted, patterns, columns, message) -> None:
    with pytest.raises(ConfigError) as error:
        resolve_score("some", wanted, patterns, columns)
    assert message in str(error.value)
