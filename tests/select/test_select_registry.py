"""Policies by name, and what every one of them must keep to."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
import types

import numpy as np
import pytest

from oddloop.errors import ConfigError
from oddloop.select import POLICIES, Picks, Pool, resolve_policy
from oddloop.select.gap_driven import turns

SEEDS = range(8)
DRAWN = {"random", "gap_driven", "power", "typiclust", "probcover", "kmeans", "kmeans_plus_plus"}
"""Policies whose picks are chance, wholly or in part or by groups that are, and so follow the order of the rows."""
BY_BUDGET = {"typiclust", "kmeans"}
"""Policies that make as many groups as the budget pays for; a smaller budget gets other picks than a prefix."""


def take(pool: Pool, order: np.ndarray) -> Pool:
    """The pool with its candidates in another order."""
    fields = {f.name: getattr(pool, f.name) for f in dataclasses.fields(pool)}
    per_row = ("scene_ids", "costs", "score", "score_valid", "vectors", "has_vector")
    return Pool(**{**fields, **{name: fields[name][order] for name in per_row}})


def pick(name: str, pool: Pool, budget: float, seed: int = 0) -> Picks:
    return POLICIES[name].pick(pool, budget, np.random.default_rng(seed))


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("seed", SEEDS)
class TestEveryPolicy:
    def test_keeps_to_the_budget(self, make_pool, name: str, seed: int) -> None:
        pool = make_pool(40, seed)
        for budget in (0.0, 0.4, 3.0, 11.5, 1e9):
            assert pool.costs[pick(name, pool, budget).rows].sum() <= budget

    def test_spends_what_it_can(self, make_pool, name: str, seed: int) -> None:
        pool = make_pool(40, seed)
        rows = pick(name, pool, 11.5).rows
        usable = np.ones(40, dtype=bool)
        usable &= pool.score_valid if POLICIES[name].scores else True
        usable &= pool.has_vector if POLICIES[name].needs_vectors else True
        usable[rows] = False
        assert pool.costs[usable].min() > 11.5 - pool.costs[rows].sum()

    def test_picks_no_scene_twice(self, make_pool, name: str, seed: int) -> None:
        picks = pick(name, make_pool(40, seed), 30.0)
        assert len(set(picks.rows.tolist())) == len(picks.rows) == len(picks.gains) > 0

    def test_any_prefix_is_the_answer_to_a_smaller_budget(self, make_pool, name: str, seed: int, monkeypatch) -> None:
        # The best single scene goes first where it is worth more than all the rest, which depends on the budget.
        monkeypatch.setattr(turns, "_ROUNDING", np.inf)
        if name in BY_BUDGET:
            return
        pool = make_pool(40, seed)
        rows = pick(name, pool, 20.0).rows
        running = np.cumsum(pool.costs[rows])
        for k in range(1, len(rows) + 1):
            assert pick(name, pool, float(running[k - 1])).rows.tolist() == rows[:k].tolist()

    def test_same_seed_same_answer(self, make_pool, name: str, seed: int) -> None:
        first, second = (pick(name, make_pool(40, seed), 20.0, seed) for _ in range(2))
        assert first.rows.tobytes() == second.rows.tobytes()
        assert first.gains.tobytes() == second.gains.tobytes()

    def test_changes_nothing_of_its_input(self, make_pool, name: str, seed: int) -> None:
        pool = make_pool(40, seed)
        before = pickle.dumps(pool)
        pick(name, pool, 20.0)
        assert pickle.dumps(pool) == before

    def test_works_on_arrays_that_cannot_be_written(self, make_pool, name: str, seed: int) -> None:
        pool = make_pool(40, seed)
        free = pick(name, copy.deepcopy(pool), 20.0)
        for array in (pool.costs, pool.score, pool.score_valid, pool.vectors, pool.has_vector, pool.labelled_vectors):
            array.flags.writeable = False
        assert pick(name, pool, 20.0).rows.tolist() == free.rows.tolist()

    def test_the_order_of_rows_does_not_matter(self, make_pool, name: str, seed: int) -> None:
        if name in DRAWN:
            return
        pool, order = make_pool(40, seed), np.random.default_rng(seed).permutation(40)
        shuffled = pick(name, take(pool, order), 20.0)
        assert order[shuffled.rows].tolist() == pick(name, pool, 20.0).rows.tolist()

    def test_never_picks_what_it_cannot_rank(self, make_pool, name: str, seed: int) -> None:
        pool = make_pool(40, seed)
        rows = pick(name, pool, 1e9).rows
        assert not POLICIES[name].scores or pool.score_valid[rows].all()
        assert not POLICIES[name].needs_vectors or pool.has_vector[rows].all()


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("n", [0, 1])
def test_small_pools(make_pool, name: str, n: int) -> None:
    assert pick(name, make_pool(n, 0, missing=0.0), 9.0).rows.tolist() == list(range(n))


@pytest.mark.parametrize("name", POLICIES)
def test_pools_where_nothing_is_known(make_pool, name: str) -> None:
    picks = pick(name, make_pool(10, 0, missing=1.0, n_labelled=0), 9.0)
    assert (len(picks.rows) > 0) == (name in {"random", "gap_driven"})


def test_each_name_is_the_name_of_its_policy() -> None:
    assert {policy.name for policy in POLICIES.values()} == set(POLICIES)


def test_a_policy_is_in_the_file_that_holds_its_algorithm() -> None:
    # the ledger keeps a digest of that file, so that a pick can be traced to the code that made it
    assert inspect.getmodule(resolve_policy("kcenter")).__name__ == "oddloop.select.kcenter"
    assert inspect.getmodule(resolve_policy("margin")).__name__ == "oddloop.select.policies"


def night_first(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    return Picks(np.zeros(0, dtype=np.int64), np.zeros(0))


def test_your_own_by_import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("our_policies")
    module.night_first = night_first
    monkeypatch.setitem(sys.modules, "our_policies", module)
    assert resolve_policy("our_policies:night_first") is night_first


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "kcentre",
            "[select] policy = 'kcentre' is not known; did you mean `kcenter`? known: gap_driven, uncertainty, ",
        ),
        ("zzz", "[select] policy = 'zzz' is not known; known: gap_driven, uncertainty"),
        ("no_such_package:f", "cannot import 'no_such_package': ModuleNotFoundError: No module named"),
        ("oddloop.select:top_j", "oddloop.select has no function 'top_j'; did you mean 'top_k'?"),
        ("oddloop.select:", "oddloop.select has no function ''"),
        (":f", "cannot import '': ValueError: Empty module name"),
    ],
)
def test_an_unknown_policy_is_told(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        resolve_policy(name)
    assert message in str(error.value)


def test_a_module_that_fails_on_import_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    (tmp_path / "our_broken_policies.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="cannot import 'our_broken_policies': RuntimeError: no licence"):
        resolve_policy("our_broken_policies:f")
