"""What every out-of-distribution method promises: refusal of another model, a table form, never a NaN that is valid."""

import doctest
import importlib
import math
import pickle
import pkgutil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oddloop.score.ood
from oddloop.derived_tables import FRAME_SCORES
from oddloop.errors import TableError
from oddloop.score import join_scene_scores, score_columns, summarize_scenes
from oddloop.score.ood import (
    METHODS,
    Head,
    Source,
    fit_ecod,
    fit_iforest,
    fit_knn,
    fit_lof,
    fit_mahalanobis,
    fit_nnguide,
    fit_react,
    fit_relative_mahalanobis,
    fit_scale,
    fit_vim,
    from_table,
    score_features,
    score_ood_features,
    to_table,
    training_set,
    training_set_of_table,
)

SOURCE = Source("m1", "layer4", "abc123")
WIDTH = 4
HEAD = Head(np.random.default_rng(9).normal(size=(3, WIDTH)), np.full(3, 9.0))


def rng():
    return np.random.default_rng(0)


FITS = {
    "knn": lambda t: fit_knn(t, 5),
    "mahalanobis": fit_mahalanobis,
    "mahalanobis_pp": lambda t: fit_mahalanobis(t, normalise=True),
    "relative_mahalanobis": fit_relative_mahalanobis,
    "relative_mahalanobis_pp": lambda t: fit_relative_mahalanobis(t, normalise=True),
    "vim": lambda t: fit_vim(t, HEAD),
    "react": lambda t: fit_react(t, HEAD),
    "scale": lambda t: fit_scale(t, HEAD),
    "nnguide": lambda t: fit_nnguide(t, HEAD, rng(), 5, 0.5),
    "iforest": lambda t: fit_iforest(t, rng(), 10),
    "lof": lambda t: fit_lof(t, 5),
    "ecod": fit_ecod,
}


def rows_of(n=80, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).gamma(2, 1, (n, WIDTH)).astype(dtype)


def train(rows, source=SOURCE, trained=None):
    scenes = [f"s{i % 40}" for i in range(len(rows))]
    return training_set(rows, scenes, scenes if trained is None else trained, source, np.arange(len(rows)) % 3)


FITTED = {name: fit(train(rows_of())) for name, fit in FITS.items()}


@pytest.fixture(params=list(FITS))
def method(request):
    return request.param


def score(stats, rows, source=SOURCE):
    return score_features(stats, rows, source=source)


def test_every_method_is_tested_and_named(method):
    assert FITTED[method].method == method
    assert {s.NAME for s in FITTED.values()} == set(METHODS)


@pytest.mark.parametrize(
    "other", [Source("m2", "layer4", "abc123"), Source("m1", "layer3", "abc123"), Source("m1", "layer4")]
)
def test_features_of_another_model_are_refused_naming_both_digests(method, other):
    stats = FITTED[method]
    with pytest.raises(TableError) as refusal:
        score(stats, rows_of(), other)
    text = str(refusal.value)
    assert text.startswith(f"{method} statistics {stats.digest} were fitted to model `m1`, encoder `layer4`")
    assert SOURCE.digest in text
    assert other.digest in text
    assert text.endswith("fit them again on this model's own features of its training scenes")
    with pytest.raises(TableError, match=other.digest):
        score_ood_features(batch_of([[1.0] * WIDTH]), [stats], source=other)


def test_the_table_form_brings_back_the_same(method):
    stats = FITTED[method]
    table = to_table(stats)
    back = from_table(table.take(np.random.default_rng(1).permutation(table.num_rows)))
    assert type(back) is type(stats)
    assert back.digest == stats.digest
    assert (back.source, back.n_rows, back.n_ignored, back.width) == (SOURCE, 80, 0, WIDTH)
    assert np.array_equal(score(back, rows_of(20, 1)), score(stats, rows_of(20, 1)))
    assert to_table(back).equals(table)


def test_the_digest_tells_content_and_ids_apart(method):
    digest = FITTED[method].digest
    rows = rows_of()
    assert FITS[method](train(rows)).digest == digest
    # SCALE keeps nothing of the rows.
    assert (FITS[method](train(rows * 1.5 + 0.1)).digest == digest) == (method == "scale")
    assert FITS[method](train(rows, Source("m2", "layer4"))).digest != digest
    renamed = training_set(
        rows, [f"t{i % 40}" for i in range(80)], [f"t{i}" for i in range(40)], SOURCE, np.arange(80) % 3
    )
    assert FITS[method](renamed).digest != digest


def test_statistics_see_the_training_scenes_only(method):
    rows = rows_of()
    other = rows.copy()
    other[np.arange(80) % 40 >= 20] *= 7.0  # the scenes s20 to s39
    trained = [f"s{i}" for i in range(20)]
    fitted = [FITS[method](train(r, trained=trained)) for r in (rows, other)]
    assert fitted[0].digest == fitted[1].digest
    assert fitted[0].n_rows == 40


def test_rows_that_are_not_finite_are_nan_and_harm_no_other(method):
    rows = rows_of(6)
    rows[1, 0], rows[3, 2], rows[4, 1] = np.nan, np.inf, -np.inf
    found = score(FITTED[method], rows)
    assert np.isnan(found).tolist() == [False, True, False, True, True, False]
    assert found[[0, 2, 5]] == pytest.approx(score(FITTED[method], rows[[0, 2, 5]]), rel=1e-12)
    spoilt = np.concatenate([rows_of(), np.full((2, WIDTH), np.nan)])
    stats = FITS[method](train(spoilt))
    assert (stats.n_rows, stats.n_ignored) == (80, 2)


def test_order_of_rows_does_not_matter(method):
    rows = rows_of(50, 3)
    order = np.random.default_rng(2).permutation(50)
    assert score(FITTED[method], rows[order]) == pytest.approx(score(FITTED[method], rows)[order], rel=1e-12)
    one_by_one = np.concatenate([score(FITTED[method], rows[i : i + 1]) for i in range(50)])
    assert one_by_one == pytest.approx(score(FITTED[method], rows), rel=1e-12)


def test_narrow_floats_are_computed_in_double(method):
    for dtype in (np.float16, np.float32):
        rows = rows_of(40, 4, dtype)
        found = score(FITTED[method], rows)
        assert found.dtype == np.float64
        assert np.array_equal(found, score(FITTED[method], rows.astype(np.float64)))
    fitted = FITS[method](train(rows_of().astype(np.float16)))
    twin = FITS[method](train(rows_of().astype(np.float16).astype(np.float64)))
    assert score(fitted, rows_of(40, 4)) == pytest.approx(score(twin, rows_of(40, 4)), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", sorted(set(FITS) - {"lof", "iforest", "ecod"}))  # these step from one value to another
def test_single_precision_agrees_with_double(name):
    rows = rows_of(40, 4)
    fitted = FITS[name](train(rows_of().astype(np.float32)))
    expected = score(FITTED[name], rows)
    assert score(fitted, rows.astype(np.float32)) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_inputs_are_not_changed_and_statistics_pickle(method):
    rows, training = rows_of(10), rows_of()
    before = rows.copy(), training.copy()
    stats = pickle.loads(pickle.dumps(FITS[method](train(training))))
    assert np.array_equal(score(stats, rows), score(FITTED[method], rows))
    assert np.array_equal(rows, before[0])
    assert np.array_equal(training, before[1])


def test_degenerate_shapes(method):
    stats = FITTED[method]
    assert score(stats, np.empty((0, WIDTH), np.float32)).shape == (0,)
    with pytest.raises(ValueError, match="features must have 4 columns, as those that were fitted; got 3"):
        score(stats, np.ones((2, 3)))
    with pytest.raises(ValueError, match="features must be float16, float32 or float64; got int64"):
        score(stats, np.ones((2, WIDTH), np.int64))
    with pytest.raises(ValueError, match=r"features must be rows x columns; got shape \(4,\)"):
        score(stats, np.ones(WIDTH))


EXTREMES = st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 1e-320, 1e-40, 1e5, 3e38, 1e154, 1e308, math.nan, math.inf, -math.inf]
)


@given(st.lists(st.lists(EXTREMES, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=8))
@settings(deadline=None)
def test_extreme_rows_give_a_number_or_nan(rows):
    for stats in FITTED.values():
        found = score(stats, np.array(rows))
        assert not np.isinf(found).any()
        assert np.isnan(found[~np.isfinite(rows).all(axis=1)]).all()


@given(st.lists(st.lists(EXTREMES, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=8))
@settings(deadline=None)
def test_extreme_training_rows_are_refused_or_give_a_number_or_nan(rows):
    for fit in FITS.values():
        try:
            stats = fit(train(np.array(rows)))
        except TableError:
            continue
        assert not np.isinf(score(stats, rows_of(5))).any()
        assert from_table(to_table(stats)).digest == stats.digest


def batch_of(vectors):
    ids = {"frame_id": [f"f{i}" for i in range(len(vectors))], "scene_id": [f"s{i // 3}" for i in range(len(vectors))]}
    ids = {name: pa.array(values, pa.string()) for name, values in ids.items()}
    return pa.table({**ids, "vector": pa.array(vectors, pa.list_(pa.float32()))})


NUMBERS = st.sampled_from([0.0, 0.5, 1.0, -3.0, 1e38, math.nan, math.inf]) | st.none()


@given(
    st.lists(st.lists(NUMBERS, max_size=6) | st.lists(NUMBERS, min_size=WIDTH, max_size=WIDTH) | st.none(), max_size=8)
)
@settings(deadline=None)
def test_a_table_of_any_vectors_is_scored_or_not_valid(vectors):
    found = score_ood_features(batch_of(vectors), list(FITTED.values()), source=SOURCE)
    assert found.column_names[:3] == [c.name for c in FRAME_SCORES.columns]
    assert score_columns(found) == [f"ood_{name}" for name in FITTED]
    for name in score_columns(found):
        assert found[name].is_valid().to_pylist() == found[f"{name}_valid"].to_pylist()
        assert np.isfinite(found[name].drop_null().to_numpy()).all()
    assert found["n_objects"].is_valid().to_pylist() == [v is not None for v in vectors]
    valid = found["ood_ecod_valid"].to_pylist()
    assert valid == [
        v is not None and len(v) == WIDTH and all(x is not None and math.isfinite(x) for x in v) for v in vectors
    ]


def test_scene_scores_come_from_frames_and_join_other_tasks():
    found = score_ood_features(batch_of(rows_of(9).tolist()), [FITTED["knn"], FITTED["mahalanobis"]], source=SOURCE)
    scenes = summarize_scenes(found)
    assert {"ood_knn_mean", "ood_knn_p95_valid", "ood_mahalanobis_max", "ood_mahalanobis_n"} <= set(scenes.column_names)
    assert scenes["ood_knn_n"].to_pylist() == [3, 3, 3]
    other = pa.table({"scene_id": ["s0"], "n_frames_scored": [1], "n_objects_sum": [4]})
    assert join_scene_scores([scenes, other])["n_objects_sum"].to_pylist() == [4, 0, 0]


def test_scene_features_chunks_and_fixed_lists():
    batch = batch_of(rows_of(9).tolist())
    expected = score_ood_features(batch, [FITTED["knn"]], source=SOURCE)["ood_knn"]
    chunked = pa.concat_tables([batch.slice(0, 4), batch.slice(4)])
    fixed = batch.set_column(2, "vector", batch["vector"].cast(pa.list_(pa.float32(), WIDTH)))
    for same in (chunked, fixed, batch.drop_columns("frame_id")):
        assert (
            score_ood_features(same, [FITTED["knn"]], source=SOURCE)["ood_knn"]
            .combine_chunks()
            .equals(expected.combine_chunks())
        )


def test_two_statistics_of_one_method_are_refused():
    with pytest.raises(TableError, match="two statistics of knn; give one of each method"):
        score_ood_features(batch_of([]), [FITTED["knn"]] * 2, source=SOURCE)


def test_a_table_that_was_changed_cut_or_is_none_is_refused():
    table = to_table(FITTED["ecod"])
    names = table["field"].to_pylist()

    def without(name):
        return table.filter(pa.array([n != name for n in names]))

    def with_data(name, data):
        rows = [{**row, "data": data} if row["field"] == name else row for row in table.to_pylist()]
        return pa.Table.from_pylist(rows, schema=table.schema)

    cases = [
        (without("values"), "fields values are missing"),
        (without("format"), "format None; this version reads 1"),
        (with_data("format", b"2"), "format 2; this version reads 1"),
        (with_data("method", b'"odin"'), "unknown method 'odin'; there are: knn"),
        (with_data("n_rows", b"81"), r"digest \w{32}, but \w{32} was written"),
        (with_data("values", b"123"), "field `values` cannot be read"),
        (with_data("n_rows", b"{"), "field `n_rows` cannot be read"),
        (table.drop_columns("data"), "columns data are missing"),
    ]
    for broken, message in cases:
        with pytest.raises(TableError, match=message):
            from_table(broken)


class TestTrainingSet:
    def test_scenes_it_was_not_trained_on_are_left_out(self):
        made = training_set([[1.0], [2.0], [np.nan], [4.0]], list("aabc"), ["a", "b", "z"], SOURCE, list("xyzx"))
        assert made.features.tolist() == [[1.0], [2.0]]
        assert made.classes.tolist() == [0, 1]
        assert made.n_ignored == 1

    def test_no_usable_row_is_refused(self):
        for rows, trained in (([[1.0]], ["z"]), ([[np.nan]], ["a"]), (np.empty((0, 3)), [])):
            with pytest.raises(TableError, match="no finite features of any of the"):
                training_set(rows, ["a"] * len(rows), trained, SOURCE)

    def test_lengths_that_differ_are_refused(self):
        with pytest.raises(TableError, match="1 rows of features, 2 scene ids, 1 classes"):
            training_set([[1.0]], ["a", "b"], ["a"], SOURCE)

    def test_from_a_table(self):
        vectors = pa.array([[1.0, 2.0], None, [3.0], [4.0, 5.0]])
        table = pa.table({"scene_id": ["a", "a", "b", "b"], "vector": vectors, "town": ["x", "y", "y", "y"]})
        made = training_set_of_table(table, ["a", "b"], SOURCE, "town")
        assert made.features.tolist() == [[1.0, 2.0], [4.0, 5.0]]
        assert made.classes.tolist() == [0, 1]
        assert made.n_ignored == 2
        with pytest.raises(TableError, match="column `country` is missing; there are: scene_id, vector, town"):
            training_set_of_table(table, ["a"], SOURCE, "country")
        with pytest.raises(TableError, match="`town` is null in 4 training rows"):
            training_set_of_table(table.set_column(2, "town", pa.nulls(4, pa.string())), ["a", "b"], SOURCE, "town")


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(oddloop.score.ood.__path__)])
def test_examples_in_docstrings(name):
    module = importlib.import_module(f"oddloop.score.ood.{name}")
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
