"""Scores from features agree with naive arithmetic, one method after the other."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
import sklearn.covariance
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.errors import TableError
from oddloop.score.ood import (
    Head,
    Source,
    fit_knn,
    fit_mahalanobis,
    fit_nnguide,
    fit_react,
    fit_relative_mahalanobis,
    fit_scale,
    fit_vim,
    score_knn,
    score_mahalanobis,
    score_nnguide,
    score_react,
    score_scale,
    score_vim,
    training_set,
)

SOURCE = Source("m1", "layer4")


def train(rows, classes=None):
    scenes = [f"s{i}" for i in range(len(rows))]
    return training_set(np.asarray(rows), scenes, scenes, SOURCE, classes)


def samples(seed, n=60, width=5, n_classes=3):
    """Training rows, their classes, rows to score and a head."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, n_classes, n)
    rows = rng.normal(size=(n, width)) * rng.uniform(0.5, 2, width) + 2.0 * classes[:, None]
    head = Head(rng.normal(size=(n_classes, width)), rng.normal(size=n_classes))
    return rows, classes, rng.normal(size=(20, width)) * 3, head


class TestKnn:
    @given(st.integers(0, 10_000), st.integers(1, 80), st.sampled_from([np.float32, np.float64]))
    @settings(deadline=None, max_examples=30)
    def test_agrees_with_loops(self, seed, k, dtype):
        rows, _, queries, _ = samples(seed)
        rows, queries = rows.astype(dtype), queries.astype(dtype)
        found = score_knn(fit_knn(train(rows), k), queries, source=SOURCE)
        for query, value in zip(queries.astype(float), found, strict=True):
            z = [x / math.hypot(*query) for x in query]
            distances = sorted(math.dist(z, [x / math.hypot(*y) for x in y]) for y in rows.astype(float))
            assert value == pytest.approx(distances[min(k, len(rows)) - 1], rel=1e-9, abs=1e-12)

    @pytest.mark.parametrize(("n", "k"), [(3000, 1), (3000, 50), (20_000, 10), (257, 257)])
    def test_groups_and_blocks_lose_no_neighbour(self, n, k):
        rng = np.random.default_rng(n + k)
        rows = rng.normal(size=(n, 8))
        rows[: n // 2] = rows[:1] + 1e-5 * rng.normal(size=(n // 2, 8))  # half of them nearly alike
        queries = np.concatenate([rng.normal(size=(30, 8)), rows[:10]])
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        distances = scipy.spatial.distance.cdist(queries / np.linalg.norm(queries, axis=1, keepdims=True), unit)
        found = score_knn(fit_knn(train(rows), k), queries, source=SOURCE)
        assert found == pytest.approx(np.sort(distances, axis=1)[:, k - 1], rel=1e-6, abs=1e-14)

    def test_worked_numbers(self):
        # At length 1 the rows are (1, 0), (0, 1), (.6, .8); from (1, 0): 0, √2, √(.4² + .8²) = √.8
        fitted = [fit_knn(train([[2.0, 0.0], [0.0, 5.0], [3.0, 4.0]]), k) for k in (1, 2, 3, 99)]
        found = [float(score_knn(stats, [[7.0, 0.0]], source=SOURCE)[0]) for stats in fitted]
        assert found == pytest.approx([0.0, math.sqrt(0.8), math.sqrt(2), math.sqrt(2)])
        assert [stats.k for stats in fitted] == [1, 2, 3, 3]

    def test_a_training_row_is_0_apart_from_itself_and_its_opposite_2(self):
        rows = np.random.default_rng(0).normal(size=(500, 64)).astype(np.float32)
        stats = fit_knn(train(rows), 1)
        assert (score_knn(stats, rows, source=SOURCE) == 0).all()
        assert score_knn(fit_knn(train(rows[:1]), 1), -rows[:1], source=SOURCE) == pytest.approx(2.0)

    @given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
    @settings(deadline=None, max_examples=30)
    def test_length_and_order_do_not_matter_and_more_neighbours_are_farther(self, seed, factor):
        rows, _, queries, _ = samples(seed)
        order = np.random.default_rng(seed).permutation(len(rows))
        near, far = (score_knn(fit_knn(train(rows), k), queries, source=SOURCE) for k in (3, 9))
        assert (near <= far).all()
        assert ((near >= 0) & (far <= 2)).all()
        again = score_knn(fit_knn(train(rows[order] * factor), 3), queries * factor, source=SOURCE)
        assert again == pytest.approx(near, rel=1e-9, abs=1e-12)

    def test_huge_and_tiny_rows_keep_their_direction(self):
        rows = np.array([[1.0, 1.0], [1.0, -1.0]])
        found = score_knn(fit_knn(train(rows), 1), rows * [[1e300], [1e-300]], source=SOURCE)
        assert found == pytest.approx([0.0, 0.0], abs=1e-15)

    def test_rows_of_zeros_are_ignored_and_not_scored(self):
        stats = fit_knn(train([[1.0, 0.0], [0.0, 0.0]]), 1)
        assert (stats.n_rows, stats.n_ignored) == (1, 1)
        assert np.isnan(score_knn(stats, [[0.0, 0.0]], source=SOURCE)).all()
        with pytest.raises(TableError, match="all training features are zero"):
            fit_knn(train([[0.0, 0.0]]))
        with pytest.raises(TableError, match="k must be 1 or more; got 0"):
            fit_knn(train([[1.0]]), 0)


def naive_mahalanobis(rows, classes, queries, shrinkages):
    """Nearest class by loops and an explicit inverse, and the same for all rows as one."""

    def inverse(residuals, shrinkage):
        covariance = sum(np.outer(r, r) for r in residuals) / len(residuals)
        target = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        return np.linalg.inv((1 - shrinkage) * covariance + shrinkage * target)

    names = sorted(set(classes))
    means = {c: np.mean([r for r, own in zip(rows, classes, strict=True) if own == c], axis=0) for c in names}
    tied = inverse([r - means[c] for r, c in zip(rows, classes, strict=True)], shrinkages[0])
    whole = inverse([r - np.mean(rows, axis=0) for r in rows], shrinkages[1])
    nearest = [min((q - means[c]) @ tied @ (q - means[c]) for c in names) for q in queries]
    background = [(q - np.mean(rows, axis=0)) @ whole @ (q - np.mean(rows, axis=0)) for q in queries]
    return np.array(nearest), np.array(nearest) - np.array(background)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class TestMahalanobis:
    @given(st.integers(0, 10_000), st.booleans())
    @settings(deadline=None, max_examples=30)
    def test_agrees_with_loops_and_the_shrinkage_with_scikit_learn(self, seed, normalise):
        rows, classes, queries, _ = samples(seed)
        seen, asked = (unit(rows), unit(queries)) if normalise else (rows, queries)
        means = np.array([seen[classes == c].mean(axis=0) for c in range(3)])
        shrinkages = [
            sklearn.covariance.ledoit_wolf(residuals, assume_centered=True)[1]
            for residuals in (seen - means[classes], seen - seen.mean(axis=0))
        ]
        tied = fit_mahalanobis(train(rows, classes), normalise=normalise)
        relative = fit_relative_mahalanobis(train(rows, classes), normalise=normalise)
        assert [relative.shrinkage, relative.background_shrinkage] == pytest.approx(shrinkages, rel=1e-9)
        assert (tied.method, relative.method) == (
            ("mahalanobis_pp", "relative_mahalanobis_pp") if normalise else ("mahalanobis", "relative_mahalanobis")
        )
        nearest, difference = naive_mahalanobis(seen, classes.tolist(), asked, shrinkages)
        assert score_mahalanobis(tied, queries, source=SOURCE) == pytest.approx(nearest, rel=1e-8)
        found = score_mahalanobis(relative, queries, source=SOURCE)
        assert found == pytest.approx(difference, rel=1e-8, abs=1e-8 * nearest.max())

    def test_worked_numbers_of_two_classes(self):
        # Means -1 and 3; every residual ±1, so the variance is 1: from 0 to the nearer mean 1² / 1.
        stats = fit_mahalanobis(train([[-2.0], [0.0], [2.0], [4.0]], ["a", "a", "b", "b"]), shrinkage=0.0)
        assert score_mahalanobis(stats, [[0.0], [1.0], [3.0]], source=SOURCE) == pytest.approx([1.0, 4.0, 0.0])

    @given(st.integers(0, 10_000))
    @settings(deadline=None, max_examples=30)
    def test_an_affine_map_changes_nothing_without_shrinkage(self, seed):
        rows, classes, queries, _ = samples(seed)
        rng = np.random.default_rng(seed)
        # Singular values of 1/2 to 2, so that the map does not itself lose digits.
        left, right = (np.linalg.qr(rng.normal(size=(5, 5)))[0] for _ in range(2))
        matrix, shift = left @ np.diag(rng.uniform(0.5, 2, 5)) @ right, rng.normal(size=5)
        for fit in (fit_mahalanobis, fit_relative_mahalanobis):
            before = score_mahalanobis(fit(train(rows, classes), shrinkage=0.0), queries, source=SOURCE)
            moved = fit(train(rows @ matrix + shift, classes), shrinkage=0.0)
            after = score_mahalanobis(moved, queries @ matrix + shift, source=SOURCE)
            assert after == pytest.approx(before, rel=1e-7, abs=1e-7)

    @given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
    @settings(deadline=None, max_examples=30)
    def test_scale_order_and_names_of_classes_do_not_matter(self, seed, factor):
        rows, classes, queries, _ = samples(seed)
        order = np.random.default_rng(seed).permutation(len(rows))
        before = score_mahalanobis(fit_mahalanobis(train(rows, classes)), queries, source=SOURCE)
        renamed = np.array(["z", "m", "a"])[classes][order]
        after = score_mahalanobis(
            fit_mahalanobis(train(rows[order] * factor, renamed)), queries * factor, source=SOURCE
        )
        assert after == pytest.approx(before, rel=1e-8)
        assert (before >= 0).all()

    def test_fewer_rows_than_columns_are_shrunk(self):
        rows = np.random.default_rng(0).normal(size=(5, 30))
        assert 0 < fit_mahalanobis(train(rows)).shrinkage <= 1
        assert np.isfinite(score_mahalanobis(fit_mahalanobis(train(rows)), rows, source=SOURCE)).all()
        with pytest.raises(TableError, match=r"do not vary in 2[56] of 30 directions \(shrinkage 0\); give more rows"):
            fit_mahalanobis(train(rows), shrinkage=0.0)

    def test_what_has_no_covariance_is_refused(self):
        with pytest.raises(TableError, match="do not vary in 2 of 2 directions"):
            fit_mahalanobis(train([[1.0, 2.0]] * 4))
        with pytest.raises(TableError, match="relative Mahalanobis needs two classes or more"):
            fit_relative_mahalanobis(train([[1.0], [2.0]], ["a", "a"]))
        with pytest.raises(TableError, match=r"shrinkage must be between 0 and 1; got 1\.5"):
            fit_mahalanobis(train([[1.0], [2.0]]), shrinkage=1.5)
        with pytest.raises(TableError, match="have no direction"):
            fit_mahalanobis(train([[0.0], [0.0]]), normalise=True)

    def test_a_far_offset_costs_few_digits(self):
        rows, classes, queries, _ = samples(1)
        before = score_mahalanobis(fit_mahalanobis(train(rows, classes)), queries, source=SOURCE)
        after = score_mahalanobis(fit_mahalanobis(train(rows + 1e6, classes)), queries + 1e6, source=SOURCE)
        assert after == pytest.approx(before, rel=1e-6)


def free_energy(logits):
    return -math.log(sum(math.exp(x) for x in logits))


def naive_logits(head, row):
    return [sum(w * x for w, x in zip(line, row, strict=True)) + b for line, b in zip(*head.arrays, strict=True)]


class TestReshaped:
    @given(st.integers(0, 10_000), st.floats(0, 100))
    @settings(deadline=None, max_examples=30)
    def test_react_agrees_with_loops(self, seed, percentile):
        rows, _, queries, head = samples(seed)
        cut = float(np.percentile(rows, percentile))
        expected = [free_energy(naive_logits(head, [min(x, cut) for x in q])) for q in queries]
        found = score_react(fit_react(train(rows), head, percentile), queries, source=SOURCE)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)

    @given(st.integers(0, 10_000), st.sampled_from([0.0, 20.0, 50.0, 85.0, 99.0]))
    @settings(deadline=None, max_examples=30)
    def test_scale_agrees_with_loops(self, seed, percentile):
        rows, _, queries, head = samples(seed)
        rows, queries = np.abs(rows), np.abs(queries)
        n_kept = max(5 - round(5 * percentile / 100), 1)
        expected = []
        for q in queries.tolist():
            factor = math.exp(sum(q) / sum(sorted(q)[-n_kept:]))
            logits = naive_logits(head, [x * factor for x in q])
            expected.append(-max(logits) - math.log(sum(math.exp(x - max(logits)) for x in logits)))
        found = score_scale(fit_scale(train(rows), head, percentile), queries, source=SOURCE)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)

    def test_no_cut_is_the_plain_energy(self):
        rows, _, _, head = samples(2)
        expected = [free_energy(naive_logits(head, row)) for row in rows]
        assert score_react(fit_react(train(rows), head, 100.0), rows, source=SOURCE) == pytest.approx(expected)

    def test_scale_needs_features_of_a_relu(self):
        head = Head([[1.0, 1.0]], [0.25])
        stats = fit_scale(train([[1.0, 0.0]]), head)
        found = score_scale(stats, [[-1.0, 2.0], [0.0, 0.0]], source=SOURCE)
        assert np.isnan(found[0])
        assert found[1] == -0.25
        with pytest.raises(TableError, match="needs features behind a ReLU"):
            fit_scale(train([[-1.0, 2.0]]), head)

    @pytest.mark.parametrize("fit", [fit_react, fit_scale])
    def test_parameters_out_of_range_are_refused(self, fit):
        with pytest.raises(TableError, match="percentile must be between 0 and 100; got 101"):
            fit(train([[1.0]]), Head([[1.0]], [0.0]), 101)
        with pytest.raises(ValueError, match="features must have 2 columns"):
            fit(train([[1.0]]), Head([[1.0, 2.0]], [0.0]))


class TestVim:
    @given(st.integers(0, 10_000), st.integers(0, 4))
    @settings(deadline=None, max_examples=30)
    def test_agrees_with_the_projection_written_out(self, seed, dim):
        rows, _, queries, head = samples(seed)
        weight, bias = head.arrays
        head = Head(weight, bias + 50.0)  # so that the largest logits are above 0
        origin = -np.linalg.pinv(weight) @ (bias + 50.0)
        main = np.linalg.svd(rows - origin)[2][:dim]

        def residual(q):
            centred = q - origin
            return math.hypot(*(centred - main.T @ (main @ centred)))

        logits = [naive_logits(head, row) for row in rows]
        alpha = np.mean([max(row) for row in logits]) / np.mean([residual(row) for row in rows])
        stats = fit_vim(train(rows), head, dim)
        assert stats.alpha == pytest.approx(alpha, rel=1e-7)
        shift = [max(naive_logits(head, q)) for q in queries]
        free = [free_energy([x - s for x in naive_logits(head, q)]) - s for q, s in zip(queries, shift, strict=True)]
        expected = [alpha * residual(q) + f for q, f in zip(queries, free, strict=True)]
        assert score_vim(stats, queries, source=SOURCE) == pytest.approx(expected, rel=1e-6, abs=1e-6)

    @pytest.mark.parametrize(("width", "dim"), [(1, 0), (6, 3), (767, 383), (768, 512)])
    def test_the_main_directions_by_default(self, width, dim):
        rows = np.random.default_rng(0).normal(size=(dim + 50, width))
        stats = fit_vim(train(rows), Head(np.ones((1, width)), [1e3]))
        assert stats.residual.shape == (width, width - dim)

    def test_what_has_no_meaning_is_refused(self):
        rows, head = [[1.0, 0.0], [2.0, 0.0]], Head([[1.0, 0.0]], [0.0])
        with pytest.raises(TableError, match="dim must be 0 to 1 for 2 columns; got 2"):
            fit_vim(train(rows), head, 2)
        with pytest.raises(TableError, match="leave no residual beyond `dim` directions"):
            fit_vim(train(rows), head, 1)
        with pytest.raises(TableError, match=r"mean largest logit of the training rows is -1\.5"):
            fit_vim(train(rows), Head([[-1.0, 0.0]], [0.0]), 1)


class TestNnguide:
    @given(st.integers(0, 10_000), st.integers(1, 90))
    @settings(deadline=None, max_examples=30)
    def test_agrees_with_loops(self, seed, k):
        rows, _, queries, head = samples(seed)
        stats = fit_nnguide(train(rows), head, np.random.default_rng(0), k, fraction=1.0)
        found = score_nnguide(stats, queries, source=SOURCE)
        for q, value in zip(queries, found, strict=True):
            products = [
                sum(a * b for a, b in zip(q / math.hypot(*q), y / math.hypot(*y), strict=True))
                * -free_energy(naive_logits(head, y))
                for y in rows
            ]
            guide = sum(sorted(products)[-k:]) / min(k, len(products))
            assert value == pytest.approx(free_energy(naive_logits(head, q)) * guide, rel=1e-8, abs=1e-8)

    def test_the_bank_is_a_part_of_the_rows_and_the_same_for_one_seed(self):
        rows, _, _, head = samples(0, n=500)
        draws = [fit_nnguide(train(rows), head, np.random.default_rng(seed), 3, 0.1) for seed in (1, 1, 2)]
        assert [len(stats.bank) for stats in draws] == [50, 50, 50]
        assert draws[0].digest == draws[1].digest != draws[2].digest
        assert len(fit_nnguide(train(rows), head, np.random.default_rng(0)).bank) == 100  # k rows at least

    def test_rows_of_zeros_and_parameters_out_of_range(self):
        head = Head([[1.0, 0.0]], [0.0])
        stats = fit_nnguide(train([[1.0, 0.0], [0.0, 0.0]]), head, np.random.default_rng(0))
        assert stats.n_ignored == 1
        assert np.isnan(score_nnguide(stats, [[0.0, 0.0]], source=SOURCE)).all()
        with pytest.raises(TableError, match="k must be 1 or more, and fraction above 0"):
            fit_nnguide(train([[1.0, 0.0]]), head, np.random.default_rng(0), fraction=0.0)
        with pytest.raises(TableError, match="have no direction"):
            fit_nnguide(train([[0.0, 0.0]]), head, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("weight", "bias", "message"),
    [
        ([[1.0]], [1.0, 2.0], r"needs \(C,d\) weights and \(C,\) biases; got \(1, 1\) and \(2,\)"),
        (np.empty((0, 2)), np.empty(0), "needs"),
        ([[np.nan]], [0.0], "must be finite"),
        ([[1]], [0], "the head's weight must be float16, float32 or float64; got int64"),
    ],
)
def test_a_head_that_is_none_is_refused(weight, bias, message):
    with pytest.raises(ValueError, match=message):
        Head(weight, bias)
