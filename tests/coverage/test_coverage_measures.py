"""Measures of coverage against worked examples, SciPy and brute force."""

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from oddloop.config import AttributeConfig
from oddloop.coverage import encode_attributes
from oddloop.coverage.measures import (
    Pattern,
    chao1,
    choose_scenes,
    divergence,
    good_turing,
    maximal_uncovered,
    plan_drives,
    shortfall,
    t_way_coverage,
    uniform_target,
    unseen,
    zero_event_bound,
)
from oddloop.coverage.measures.combinations import inside_odd

NIST = ["0000", "0110", "1001", "0111"]
AMOUNT = st.floats(0, 1e6).map(lambda x: round(x, 3))
AMOUNTS = st.lists(AMOUNT, min_size=1, max_size=8)


def encode(rows, names="abcd", **configs):
    table = pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})
    return encode_attributes(table, {name: configs.get(name, AttributeConfig()) for name in names})


def test_the_worked_example_of_nist():
    # ab, ac, ad .75 (3 of 4 pairs), bc .5, bd and cd 1: 2 of 6 sets in full, 19 of 24 pairs
    two = t_way_coverage(encode(NIST), 2)
    assert dict(zip(two.attributes, two.shares.tolist(), strict=True)) == {
        ("a", "b"): 0.75,
        ("a", "c"): 0.75,
        ("a", "d"): 0.75,
        ("b", "c"): 0.5,
        ("b", "d"): 1.0,
        ("c", "d"): 1.0,
    }
    assert two.simple == 2 / 6
    assert two.total == 19 / 24
    assert [two.spanning(share) for share in (0.5, 0.75, 1.0)] == [1.0, 5 / 6, 2 / 6]


ROWS = st.lists(st.tuples(*[st.sampled_from(["x", "y", "z", ""])] * 3), max_size=12)
VALUES = {name: AttributeConfig(values=("x", "y", "z")) for name in "abc"}


@given(ROWS, st.integers(1, 3))
def test_t_way_equals_brute_force(rows, t):
    found = t_way_coverage(encode(rows, "abc", **VALUES), t)
    wanted = {}
    for axes in itertools.combinations(range(3), t):
        seen = {tuple(row[i] for i in axes) for row in rows if all(row[i] for i in axes)}
        wanted[tuple("abc"[i] for i in axes)] = (len(seen), 3**t)
    if rows:
        assert dict(zip(found.attributes, zip(found.n_seen, found.n_possible, strict=True), strict=True)) == wanted
    assert not found.total > 1


def test_values_outside_the_odd_need_not_be_covered():
    taxonomy = {"a": AttributeConfig(values=("x", "y"), outside=("y",)), "b": AttributeConfig(values=("x",))}
    encoded = encode(["xx", "y "], "ab", **taxonomy)
    assert t_way_coverage(encoded, 1).total == 1.0
    inside = t_way_coverage(encoded, 1, inside_odd(taxonomy))
    assert inside.n_possible.tolist() == [1, 1]
    assert inside.total == 1.0


@settings(max_examples=60)
@given(ROWS, st.integers(1, 3), st.integers(1, 3))
def test_maximal_uncovered_patterns_equal_brute_force(rows, least, max_way):
    def count(pattern):
        return sum(all(row["abc".index(n)] == v for n, v in pattern.items()) for row in rows)

    wanted = set()
    for way in range(1, max_way + 1):
        for names in itertools.combinations("abc", way):
            for values in itertools.product("xyz", repeat=way):
                pattern = dict(zip(names, values, strict=True))
                wider = [{n: v for n, v in pattern.items() if n != name} for name in names]
                if count(pattern) < least <= min(count(w) for w in wider):
                    wanted.add(Pattern(names, values, count(pattern)))
    found = maximal_uncovered(encode(rows, "abc", **VALUES), least, max_way)
    assert len(found) == len(set(found))
    assert set(found) == (wanted if rows else set())


@given(AMOUNTS, st.floats(0, 2), st.data())
def test_divergences_equal_scipy(p, smoothing, data):
    q = data.draw(st.lists(AMOUNT, min_size=len(p), max_size=len(p)))
    found = divergence(p, q, smoothing=smoothing)
    if not (sum(p) > 0 and sum(q) > 0):
        assert math.isnan(found.kl)
        assert math.isnan(found.js)
        return
    a = np.array(p) + smoothing
    b = np.array(q) / sum(q) * sum(p) + smoothing
    assert found.kl == pytest.approx(entropy(a, b), rel=1e-6, abs=1e-9)
    assert found.js == pytest.approx(jensenshannon(a, b) ** 2, rel=1e-6, abs=1e-9)
    assert 0 <= found.js <= math.log(2) + 1e-12


def test_a_segment_that_the_target_forbids_is_infinitely_far_without_smoothing():
    assert divergence([1, 1], [1, 0], smoothing=0).kl == math.inf
    assert divergence([1, 1], [1, 0]).kl < math.inf


def test_shortfall_is_of_exposure_or_of_shares():
    assert shortfall([5, 1], [3, 4]).tolist() == [0, 3]
    # shares 3 : 1 of 8 are 6 and 2
    assert shortfall([5, 1], [0.3, 0.1], total=8).tolist() == pytest.approx([1, 1])
    assert shortfall([4, 0], uniform_target(2), total=4).tolist() == [0, 2]
    assert shortfall([], []).tolist() == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shortfall([1], [1, 2]), "one target per segment"),
        (lambda: shortfall([-1], [1]), "not negative"),
        (lambda: shortfall([math.nan], [1]), "finite"),
        (lambda: shortfall([1], [0], total=1), "all target shares are 0"),
        (lambda: divergence([1], [1, 2]), "one target per segment"),
        (lambda: t_way_coverage(encode(NIST), 0), "t must be 1 or more"),
        (lambda: maximal_uncovered(encode(NIST), 0), "must be 1 or more"),
        (lambda: good_turing([0.5]), "whole numbers"),
        (lambda: chao1([-1]), "fewer than 0"),
        (lambda: zero_event_bound(0), "above 0"),
        (lambda: zero_event_bound(5, 1.0), "within 0 and 1"),
        (lambda: choose_scenes([0, 1], [0], [1.0, 1.0], [1.0]), "do not fit together"),
        (lambda: plan_drives([{}], [1, 2], most=1), "must be alike"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("counts", "coverage", "corrected", "classic"),
    [
        # worked by hand, and equal to scikit-bio's goods_coverage and chao1
        ([10, 4, 1, 1, 1], 1 - 3 / 17, 5 + 3 * 2 / 2, 5 + 3 * 2 / 2),
        ([10, 2, 2, 1, 1], 1 - 2 / 16, 5 + 2 * 1 / (2 * 3), 5 + 4 / 4),
        ([1, 1, 1], 0.0, 3 + 3 * 2 / 2, 3 + 3 * 2 / 2),
        ([2, 3, 0], 1.0, 2.0, 2.0),
    ],
)
def test_good_turing_and_chao(counts, coverage, corrected, classic):
    assert good_turing(counts) == pytest.approx(coverage)
    assert chao1(counts) == pytest.approx(corrected)
    assert chao1(counts, bias_corrected=False) == pytest.approx(classic)
    assert unseen(counts).unseen_mass == pytest.approx(1 - coverage)


def test_nothing_seen_says_nothing():
    assert math.isnan(good_turing([]))
    assert math.isnan(unseen([0, 0]).unseen_mass)
    assert chao1([]) == 0


@given(st.integers(1, 10**7))
def test_the_zero_event_bound_is_exact(n):
    # the rate at which n trials stay without the event in 5 % of cases
    assert (1 - zero_event_bound(n)) ** n == pytest.approx(0.05, rel=1e-6)
    assert zero_event_bound(n) <= 3 / n


def filled(chosen, offsets, segments, adds, lacking, worth):
    have = np.zeros(len(lacking))
    for scene in chosen:
        for cell in segments[offsets[scene] : offsets[scene + 1]]:
            have[cell] += adds[scene]
    return float((np.minimum(have, lacking) * worth).sum())


@st.composite
def pools(draw):
    n_segments, n = draw(st.integers(1, 5)), draw(st.integers(0, 7))
    inside = [sorted(draw(st.sets(st.integers(0, n_segments - 1)))) for _ in range(n)]
    offsets = np.concatenate([[0], np.cumsum([len(cells) for cells in inside])]).astype(int)
    segments = [cell for cells in inside for cell in cells]
    adds = [float(draw(st.integers(0, 3))) for _ in range(n)]
    lacking = [float(draw(st.integers(0, 4))) for _ in range(n_segments)]
    worth = [float(draw(st.integers(1, 3))) for _ in range(n_segments)]
    return offsets, segments, adds, lacking, worth


@settings(max_examples=200)
@given(pools())
def test_greedy_choice_equals_the_plain_loop_and_keeps_its_bound(pool):
    offsets, segments, adds, lacking, worth = pool
    chosen = choose_scenes(offsets, segments, adds, lacking, weights=worth)
    plain, done = [], []
    while True:
        rest = [s for s in range(len(adds)) if s not in done]
        values = [filled([*done, s], *pool) - filled(done, *pool) for s in rest]
        if not rest or max(values) <= 0:
            break
        best = rest[int(np.argmax(values))]
        done.append(best)
        plain.append(max(values))
    assert chosen.scenes.tolist() == done
    assert chosen.gains.tolist() == pytest.approx(plain)
    two = choose_scenes(offsets, segments, adds, lacking, weights=worth, most=2)
    assert two.scenes.tolist() == done[:2]
    best = max(
        (filled(pair, *pool) for pair in itertools.combinations(range(len(adds)), min(2, len(adds)))), default=0.0
    )
    assert two.gains.sum() >= (1 - 1 / math.e) * best - 1e-9


def test_drives_close_what_agrees_at_once_and_never_what_cannot_be():
    segments = [{"sky": "snow"}, {"time": "night"}, {"sky": "rain", "time": "night"}, {"road": "bridge"}]
    drives = plan_drives(segments, [2, 1, 1, 1], most=9)
    assert sum(drive.gain for drive in drives) == 5  # two of snow, one of each other
    assert len(drives) == 3
    assert all(
        sorted(d.closes) == [i for i, s in enumerate(segments) if s.items() <= d.values.items()] for d in drives[:1]
    )
    never = {frozenset({("sky", "snow"), ("time", "night")})}
    for drive in plan_drives(segments, [2, 1, 1, 1], most=9, impossible=never):
        assert not {("sky", "snow"), ("time", "night")} <= set(drive.values.items())


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), min_size=1), max_size=6), st.data())
def test_enough_drives_close_everything(segments, data):
    lacking = [data.draw(st.integers(0, 3)) for _ in segments]
    drives = plan_drives(segments, lacking, most=100)
    closed = [sum(i in drive.closes for drive in drives) for i in range(len(segments))]
    assert all(done >= lack for done, lack in zip(closed, lacking, strict=True))
    assert all(drive.gain > 0 for drive in drives)
