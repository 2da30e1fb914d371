"""Class difficulty: PPAL's formula worked by hand, its bounds, and estimates from matched objects."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.score.boxes import class_weight, estimate_difficulty, make_detections, weigh_boxes

SHARES = st.floats(0, 1)


def test_worked_weights():
    # b = e^(1/0.3) - 1 = 27.03; 1 + 0.3 x 0.2 x ln(27.03 d + 1)
    assert class_weight([0.0, 0.1, 0.5, 1.0]) == pytest.approx(
        [1.0, 1 + 0.06 * math.log(3.70316), 1 + 0.06 * math.log(14.51581), 1.2], rel=1e-6
    )
    assert class_weight(1.0, alpha=1.0, beta=3.0) == pytest.approx(4.0)


@given(SHARES, SHARES, st.floats(0.002, 10), st.floats(0, 10))
def test_weights_rise_from_one_to_one_plus_beta(a, b, alpha, beta):
    low, high = class_weight(np.sort([a, b]), alpha=alpha, beta=beta)
    assert 1 <= low <= high <= 1 + beta * (1 + 1e-12)


def test_what_is_no_difficulty_has_no_weight():
    assert np.isnan(class_weight([-0.1, 1.1, math.nan, math.inf])).all()
    for alpha, beta in ((0.001, 0.2), (math.nan, 0.2), (0.3, -1.0), (0.3, math.inf)):
        with pytest.raises(ValueError, match=r"alpha must be at least 0\.002 and beta at least 0"):
            class_weight(0.5, alpha=alpha, beta=beta)


@pytest.mark.parametrize(
    ("sides", "score", "expected"),
    [
        # counts, also without sides
        ((0, 0, 17, 17), 0.05, 1.0),
        ((math.nan,) * 4, 0.5, 1.0),
        # PPAL: √(wh) > 16, w/h and h/w < 5, score >= 0.05
        ((0, 0, 16, 16), 0.5, 0.0),
        ((0, 0, 100, 20), 0.5, 0.0),
        ((0, 0, 20, 100), 0.5, 0.0),
        ((0, 0, 99, 20), 0.5, 1.0),
        ((0, 0, 17, 17), 0.049, 0.0),
        ((math.nan,) * 4, 0.01, 0.0),
        # no box, no score
        ((17, 0, 0, 17), 0.5, math.nan),
        ((0, 0, 0, 17), 0.5, math.nan),
        ((0, 0, math.inf, 17), 0.5, math.nan),
        ((math.nan, 0, 17, 17), 0.5, math.nan),
        ((0, 0, 17, 17), 1.5, math.nan),
        ((0, 0, 17, 17), math.nan, math.nan),
    ],
)
def test_which_boxes_count(sides, score, expected):
    found = make_detections(np.array([sides], float), [score], [0, 1], labels=["car"])
    assert weigh_boxes(found, {"car": 0.0}).tolist() == pytest.approx([expected], nan_ok=True)


def test_worked_estimates():
    # GIVEN a car found well, one found half, one missed THEN quality (1 + 0.5^0.6 0.5^0.4 + 0) / 3 = 0.5
    found = estimate_difficulty(["car", "car", "car", "van"], [1.0, 0.5, 0.0, 0.81], [1.0, 0.5, 0.0, 1.0], xi=0.5)
    assert found == pytest.approx({"car": 0.5, "van": 0.1})
    assert list(estimate_difficulty(["van", "car"], [1.0, 1.0], [1.0, 1.0]).items()) == [("car", 0.0), ("van", 0.0)]
    assert estimate_difficulty([], np.empty(0), np.empty(0)) == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), SHARES, SHARES), min_size=1), st.randoms(use_true_random=False))
def test_estimates_are_shares_in_any_order(rows, random):
    def estimate(rows):
        categories, scores, ious = zip(*rows, strict=True)
        return estimate_difficulty(categories, np.array(scores), np.array(ious))

    found = estimate(rows)
    assert set(found) == {row[0] for row in rows}
    assert all(0 <= d <= 1 for d in found.values())
    assert estimate(random.sample(rows, len(rows))) == pytest.approx(found)


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1])
def test_what_is_no_share_is_refused(bad):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        estimate_difficulty(["car"], [bad], [0.5])
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        estimate_difficulty(["car"], [0.5], [bad])
    with pytest.raises(ValueError, match="need one score and one IoU per object"):
        estimate_difficulty(["car"], [0.5, 0.5], [0.5])
