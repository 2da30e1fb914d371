"""Libraries' strategies as policies, with a made-up library in place of the real ones (tests/oracles has those)."""

from __future__ import annotations

import importlib
import linecache
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from oddloop.config import CostConfig, SelectConfig
from oddloop.errors import ConfigError
from oddloop.rounds.stages import policy_source_digest
from oddloop.select import PolicyError, Pool, resolve_policy, select
from oddloop.select.adapters import LIBRARIES, library_of
from oddloop.select.adapters.alipy import REMOVED, removed_names
from oddloop.select.adapters.picking import pick_by_library
from oddloop.select.adapters.question import Question, Strategy, last_by_exclusion, numpy_seed, two_classes
from oddloop.select.guard import run_policy
from oddloop.select.registry import find_policy

PATH = "modAL.uncertainty:margin_sampling"
SOURCE = """
import numpy as np

def margin_sampling(classifier, X, n_instances=1, random_tie_break=False):
    probs = classifier.predict_proba(X)
    margin = probs.max(axis=1) - probs.min(axis=1)
    order = np.lexsort([np.random.permutation(len(margin)), -margin])[len(margin) - n_instances:]
    return order, margin[order]
"""


@pytest.fixture
def modal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that is called modAL, with one strategy that answers as modAL's does: worst first."""
    (tmp_path / "modAL").mkdir()
    (tmp_path / "modAL/__init__.py").write_text("")
    (tmp_path / "modAL/uncertainty.py").write_text(SOURCE)
    _set_version(tmp_path, "1.0")
    monkeypatch.syspath_prepend(tmp_path)
    _forget()
    yield tmp_path
    _forget()


def _set_version(folder: Path, version: str) -> None:
    (folder / "modAL_python.dist-info").mkdir(exist_ok=True)
    (folder / "modAL_python.dist-info/METADATA").write_text(
        f"Metadata-Version: 2.1\nName: modAL-python\nVersion: {version}\n"
    )


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "modAL"]:
        del sys.modules[name]
    linecache.clearcache()
    importlib.invalidate_caches()


class Without:
    """An import system that does not find one package."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == self._package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def run(strategy: Strategy, pool: Pool, budget: float, target: object = None) -> list[int]:
    return pick_by_library(strategy, target, pool, budget, np.random.default_rng(0)).rows.tolist()


class TestPolicy:
    def test_it_picks_by_the_score_under_the_budget(self, modal, make_pool, walk_naive) -> None:
        pool = make_pool(40, 1)
        picks = run_policy(find_policy(PATH), pool, 20.0, np.random.default_rng(0))
        order = np.argsort(-np.where(pool.score_valid, pool.score, -np.inf))[: pool.score_valid.sum()]
        assert picks.rows.tolist() == walk_naive(order.tolist(), pool.costs.tolist(), 20.0)
        assert np.isnan(picks.gains).all()

    def test_ties_follow_the_seed(self, modal, make_pool) -> None:
        pool = make_pool(40, 1)
        pool = Pool(**{**vars(pool), "score": np.where(pool.score_valid, 0.5, np.nan)})
        answers = [
            tuple(run_policy(find_policy(PATH), pool, 20.0, np.random.default_rng(seed)).rows) for seed in (0, 0, 1, 2)
        ]
        assert answers[0] == answers[1]
        assert len(set(answers)) == 3

    def test_the_stage_gives_it_the_scene_score_and_says_who_picked(self, modal) -> None:
        scenes = pa.table({"scene_id": ["a", "b", "c"], "log_id": ["l"] * 3, "n_frames": [10, 10, 10]})
        scores = pa.table(
            {
                "scene_id": ["a", "b", "c"],
                "n_frames_scored": [10] * 3,
                "n_objects_sum": [0] * 3,
                "classification_margin_mean": [0.1, 0.7, 0.4],
                "classification_margin_mean_valid": [True] * 3,
            }
        )
        config, rng = SelectConfig(policy=PATH, budget=2.5), np.random.default_rng(0)
        result = select(scenes, [], scores, None, None, config, CostConfig(), rng)
        assert result.picks["scene_id"].to_pylist() == ["b", "c"]
        assert result.score_column == "classification_margin_mean"
        first = result.picks["reasons"].to_pylist()[0][0]
        assert (first["code"], first["text"]) == ("library", f"next in the order of {PATH}")

    def test_without_the_score_it_stands_for_there_is_one_error(self, modal) -> None:
        scenes = pa.table({"scene_id": ["a"], "log_id": ["l"], "n_frames": [10]})
        config = SelectConfig(policy=PATH, budget=9.0)
        with pytest.raises(ConfigError, match=r"ranks by a scene score such as detection_margin.*there is none"):
            select(scenes, [], None, None, None, config, CostConfig(), np.random.default_rng(0))


class TestNames:
    @pytest.mark.parametrize("name", ["random", "my.policies:mine", "modALx:f", "modAL", "oddloop.select.adapters:f"])
    def test_any_other_path_is_left_alone(self, name: str) -> None:
        assert library_of(name) is None

    def test_a_missing_library_is_told_with_the_command_that_mends_it(self, monkeypatch) -> None:
        monkeypatch.setattr(sys, "meta_path", [Without("modAL"), *sys.meta_path])
        with pytest.raises(
            ConfigError, match=r"modAL is not installed; run `python -m pip install modAL-python` in the env"
        ):
            resolve_policy(PATH)

    def test_a_library_that_fails_to_import_is_told(self, modal, monkeypatch) -> None:
        (modal / "modAL/uncertainty.py").write_text("import numpy\nnumpy.no_such_thing")
        with pytest.raises(ConfigError, match=r"cannot import 'modAL.uncertainty': AttributeError: .*no_such_thing"):
            resolve_policy(PATH)
        with pytest.raises(ConfigError, match=r"cannot import 'modAL.nothing': ModuleNotFoundError"):
            resolve_policy("modAL.nothing:margin_sampling")

    def test_a_strategy_that_is_not_in_the_module_is_told(self, modal) -> None:
        with pytest.raises(ConfigError, match=r"modAL.uncertainty has no 'entropy_sampling'"):
            resolve_policy("modAL.uncertainty:entropy_sampling")

    @pytest.mark.parametrize("package", LIBRARIES)
    def test_what_cannot_be_named_is_told_without_an_import(self, package: str) -> None:
        with pytest.raises(ConfigError) as error:
            resolve_policy(f"{package}.somewhere:Bald")
        text = str(error.value)
        assert "only strategies can be named that need scene vectors, or one number of certainty per scene" in text
        assert all(name in text for name in LIBRARIES[package].strategies)
        assert "write a policy of your own" in text
        assert package not in sys.modules

    def test_a_slip_is_told(self) -> None:
        with pytest.raises(ConfigError, match="did you mean 'margin_sampling'"):
            resolve_policy("modAL.uncertainty:margin_samplin")


class TestDigest:
    def test_it_holds_the_version_and_the_code_of_the_library(self, modal) -> None:
        first = policy_source_digest(PATH)
        assert policy_source_digest(PATH) == first != policy_source_digest("random")
        _set_version(modal, "1.1")
        second = policy_source_digest(PATH)
        (modal / "modAL/uncertainty.py").write_text(SOURCE + "\n# patched\n")
        _forget()
        assert len({first, second, policy_source_digest(PATH)}) == 3

    def test_a_copy_that_pip_does_not_know(self, modal) -> None:
        (modal / "modAL_python.dist-info/METADATA").unlink()
        (modal / "modAL_python.dist-info").rmdir()
        assert policy_source_digest(PATH) != policy_source_digest("random")


def in_order(target: object, question: Question, count: int) -> list[int]:
    return list(range(count))


def pool_of(costs: list[float], make_pool) -> Pool:
    return Pool(**{**vars(make_pool(len(costs), 0, missing=0.0)), "costs": np.array(costs)})


class TestPicking:
    @pytest.mark.parametrize("budget", [0.0, 1.0, 2.5, 9.0, 1e9, np.inf])
    @pytest.mark.parametrize("seed", range(5))
    def test_its_order_is_walked(self, make_pool, walk_naive, seed: int, budget: float) -> None:
        pool = make_pool(30, seed)
        assert run(Strategy(in_order), pool, budget) == walk_naive(list(range(30)), pool.costs.tolist(), budget)

    def test_a_library_is_asked_for_more_while_something_may_fit(self, make_pool) -> None:
        asked = []

        def order(target: object, question: Question, count: int) -> list[int]:
            asked.append((count, question.seed))
            return list(range(count))

        # 2 fit at most, but the first two named do not; the cheap ones are named last.
        assert run(Strategy(order), pool_of([9.0, 9.0, 9.0, 9.0, 1.0, 1.0], make_pool), 2.0) == [4, 5]
        assert [count for count, _ in asked] == [2, 4, 6]
        assert len({seed for _, seed in asked}) == 1

    def test_a_library_that_wants_no_more_is_not_asked_again(self, make_pool) -> None:
        strategy = Strategy(lambda target, question, count: [3])
        assert run(strategy, pool_of([1.0] * 6, make_pool), 4.0) == [3]

    def test_it_sees_only_what_can_be_picked(self, make_pool) -> None:
        pool = make_pool(40, 3)
        seen = []

        def order(target: object, question: Question, count: int) -> list[int]:
            seen.append(question)
            return list(range(count))

        rows = run(Strategy(order, scores=("x",), needs_vectors=True), pool, 1e9)
        usable = np.flatnonzero(pool.score_valid & pool.has_vector)
        assert rows == usable.tolist()
        assert np.array_equal(seen[0].vectors, pool.vectors[usable].astype(float))
        assert np.array_equal(seen[0].labelled, pool.labelled_vectors.astype(float))
        run(Strategy(order), pool, 1e9)
        assert (len(seen[1]), seen[1].vectors.shape, seen[1].labelled.shape) == (40, (40, 0), (4, 0))

    def test_it_may_write_into_what_it_is_given(self, make_pool) -> None:
        def order(target: object, question: Question, count: int) -> list[int]:
            assert question.vectors.any()
            question.vectors[:] = question.probs[:] = question.labelled[:] = 0
            return list(range(count))

        pool = make_pool(6, 0, missing=0.0)
        before = pickle.dumps(pool)
        run(Strategy(order, scores=("x",), needs_vectors=True), pool, pool.costs.min())
        assert pickle.dumps(pool) == before

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ([0, 7], "row 7 of 6 candidates"),
            ([-1], "row -1 of 6 candidates"),
            ([2, 1, 2], "candidate 2 more than once"),
            ([0.5], "no list of row numbers"),
            ([[0, 1]], "no list of row numbers"),
            (None, "no list of row numbers"),
        ],
    )
    def test_a_wrong_answer_is_one_error(self, modal, make_pool, monkeypatch, answer, message: str) -> None:
        module = importlib.import_module("modAL.uncertainty")
        monkeypatch.setattr(module, "margin_sampling", lambda *args, **kwargs: (answer, None))
        monkeypatch.setitem(
            LIBRARIES["modAL"].strategies,
            "margin_sampling",
            Strategy(lambda target, question, count: target()[0], scores=("x",)),
        )
        with pytest.raises(PolicyError, match=f"policy `{PATH}` failed: .*{message}"):
            run_policy(find_policy(PATH), make_pool(6, 0, missing=0.0), 9.0, np.random.default_rng(0))

    @pytest.mark.parametrize("n", [0, 1])
    def test_small_pools(self, make_pool, n: int) -> None:
        assert run(Strategy(in_order), make_pool(n, 0), 9.0) == list(range(n))
        assert run(Strategy(in_order, scores=("x",)), make_pool(n, 0, missing=1.0), 9.0) == []


class TestTwoClasses:
    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=30))
    def test_every_measure_of_uncertainty_has_the_order_of_the_score(self, values: list[float]) -> None:
        score = np.array(values, dtype=np.float64)
        probs = two_classes(score)
        assert np.allclose(probs.sum(axis=1), 1)
        for measure in (1 - probs.max(axis=1), -np.abs(probs[:, 0] - probs[:, 1]), entropy(probs, axis=1)):
            assert (np.diff(measure[np.argsort(score, kind="stable")]) >= -1e-12).all()

    @given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=30, unique=True))
    def test_what_differs_stays_different_whatever_its_scale(self, values: list[int]) -> None:
        probs = two_classes(np.array(values, dtype=np.float64) * 1e30)
        assert len(set(probs[:, 1].tolist())) == len(values)

    def test_one_minus_margin_gives_the_probabilities_back(self) -> None:
        probs = np.array([[0.9, 0.1], [0.25, 0.75], [0.5, 0.5]])
        margin = np.abs(probs[:, 0] - probs[:, 1])
        assert np.allclose(two_classes(1 - margin), -np.sort(-probs, axis=1))


def test_the_global_generator_is_as_it_was() -> None:
    with numpy_seed(5):
        inside = np.random.random()  # noqa: NPY002
        with numpy_seed(7), pytest.raises(ZeroDivisionError), numpy_seed(8):
            _ = 1 / 0
        after = np.random.random()  # noqa: NPY002
    with numpy_seed(5):
        assert [inside, after] == np.random.random(2).tolist()  # noqa: NPY002


@pytest.mark.parametrize(("n", "count", "expected"), [(4, 2, [3, 2]), (4, 4, [3, 2, 1, 0]), (1, 1, [0])])
def test_what_is_left_comes_last(n: int, count: int, expected: list[int]) -> None:
    def ask(k: int) -> list[int]:
        assert 0 < k < n
        return [*range(n - 1, -1, -1)][:k]

    assert last_by_exclusion(ask, n, count).tolist() == expected


def test_removed_names_are_back_only_for_a_while() -> None:
    before = [name in vars(place) for place, name, _ in REMOVED]
    with removed_names(), removed_names():
        assert all(getattr(place, name) is meaning for place, name, meaning in REMOVED)
    with pytest.raises(ZeroDivisionError), removed_names():
        _ = 1 / 0
    assert [name in vars(place) for place, name, _ in REMOVED] == before
