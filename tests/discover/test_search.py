"""Search by example and by words: against plain loops; the index against looking at everything."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.discover.search import build_index, find_similar, match_text, words_of
from oddloop.errors import TableError


@given(st.integers(0, 2**32 - 1))
def test_likeness_is_that_of_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(0, 4, size=(40, 3)).astype(np.float32)  # many ties
    positives, negatives = vectors[:2], vectors[2:4]
    rows = np.sort(rng.choice(40, size=25, replace=False))
    found = find_similar(vectors, positives, negatives, k=10, rows=rows)

    def relevance(row: int) -> float:
        near = min(float(np.linalg.norm(vectors[row] - p)) for p in positives)
        far = min(float(np.linalg.norm(vectors[row] - p)) for p in negatives)
        return far / (near + far) if near + far else 0.5

    expected = sorted(rows.tolist(), key=lambda row: (-relevance(row), row))[:10]
    np.testing.assert_allclose([relevance(r) for r in found.rows], [relevance(r) for r in expected])
    assert len(set(found.rows.tolist())) == 10
    assert set(found.rows.tolist()) <= set(rows.tolist())
    alone = find_similar(vectors, positives, k=5)
    distances = np.linalg.norm(vectors[:, None] - positives, axis=2).min(axis=1)
    assert alone.rows.tolist() == np.lexsort((np.arange(40), distances))[:5].tolist()
    assert np.isnan(alone.relevance).all()


def test_examples_that_do_not_fit_are_named() -> None:
    vectors = np.zeros((3, 2))
    for wrong, words in [(np.zeros((0, 2)), "at least one positive"), (np.zeros((1, 3)), "have 2 numbers"),
                         (np.array([[np.nan, 0.0]]), "NaN or infinity")]:  # fmt: skip
        with pytest.raises(TableError, match=words):
            find_similar(vectors, wrong)
    assert len(find_similar(np.zeros((0, 2)), np.zeros((1, 2))).rows) == 0


def test_huge_and_half_precision_vectors_are_ranked() -> None:
    huge = np.array([[1e100], [3e100], [2e100]])
    assert find_similar(huge, huge[:1]).rows.tolist() == [0, 2, 1]
    half = np.array([[1.0], [3.0], [2.0]], dtype=np.float16)
    assert find_similar(half, half[:1]).rows.tolist() == [0, 2, 1]


def test_the_index_finds_what_looking_at_everything_finds() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(20_000, 16)), 9 + 0.1 * rng.normal(size=(30, 16))]).astype(np.float32)
    index = build_index(points)
    assert 0.99 <= index.recall <= 1.0
    examples = points[rng.choice(20_030, size=50, replace=False)]
    hits = []
    for example in examples:
        truth = np.argsort(np.linalg.norm(points - example, axis=1), kind="stable")[:20]
        hits.append(np.isin(truth, index.near(example[None], 20)).mean())
    assert np.mean(hits) >= 0.97
    assert set(range(20_000, 20_030)) <= set(index.near(points[-1:], 30).tolist())
    assert build_index(points).content == index.content


def test_words_are_found_in_lists_values_and_names() -> None:
    columns = {
        "rain": pa.chunked_array([["heavy", "none", None]]),
        "agents": pa.chunked_array([[["car", "school bus"], [], ["car"]]]),
    }
    assert match_text(columns, "HEAVY", 3)[0].tolist() == [True, False, False]
    assert match_text(columns, "school car", 3)[0].tolist() == [True, False, False]
    assert match_text(columns, "rain none", 3)[0].tolist() == [False, True, False]  # the attribute's name is a word
    assert match_text(columns, "sch", 3)[0].tolist() == [True, False, False]
    assert match_text(columns, "sc", 3)[0].tolist() == [False] * 3
    assert match_text(columns, "", 3)[0].all()
    telling = match_text(columns, "car heavy", 3)[1]
    assert telling[0] == pytest.approx(np.log(3 / 2) + np.log(3))
    assert words_of("Straße_7-b") == {"straße", "7", "b"}
