"""A backtest counts what policies would have found; by hand, against a naive pass, and with intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.errors import ConfigError
from oddloop.select import Pool, backtest
from oddloop.select.backtest import subset


def scenes(seed: int = 0, n: int = 200, n_logs: int = 20, *, useful: float = 1.0):
    """Scenes whose score is their errors and noise; equal chances in all logs."""
    rng = np.random.default_rng(seed)
    errors = rng.exponential(size=n)
    score = useful * errors + (1 - useful) * rng.exponential(size=n)
    pool = Pool(
        scene_ids=np.array([f"s{i:03d}" for i in range(n)], dtype=object),
        costs=np.ones(n),
        score=score,
        score_valid=np.ones(n, dtype=bool),
        vectors=rng.normal(size=(n, 3)).astype(np.float32),
        has_vector=np.ones(n, dtype=bool),
        labelled_vectors=np.zeros((0, 3), dtype=np.float32),
    )
    return pool, errors, rng.integers(1, 9, n).astype(float), np.arange(n) % n_logs


def by_policy(table, share: float) -> dict[str, dict]:
    return {row["policy"]: row for row in table.to_pylist() if row["cost_share"] == share}


def test_a_perfect_score_is_the_oracle_and_random_finds_its_share() -> None:
    pool, errors, n_objects, logs = scenes()
    found = by_policy(backtest({"uncertainty": pool}, errors, n_objects, logs, shares=(0.1, 0.5)), 0.5)
    assert found["uncertainty"]["found"] == pytest.approx(found["oracle"]["found"])
    assert found["random"]["found"] == pytest.approx(0.5, abs=0.03)
    assert found["random"]["gain"] == found["random"]["gain_low"] == found["random"]["gain_high"] == 0
    assert found["oracle"]["gain_low"] > 0


def test_what_is_found_is_counted_scene_by_scene() -> None:
    pool, errors, n_objects, logs = scenes(3)
    shares, n_draws = (0.07, 0.33), 3
    table = backtest({"uncertainty": pool}, errors, n_objects, logs, n_draws=n_draws, seed=5, shares=shares)
    expected = []
    for draw in range(n_draws):
        mine = np.random.default_rng([5, draw]).permutation(20)[:10]
        rows = [i for i in range(200) if logs[i] in mine]
        best = sorted(rows, key=lambda i: -pool.score[i])
        expected.append(
            [sum(errors[i] for i in best[: int(share * len(rows))]) / errors[rows].sum() for share in shares]
        )
    for share, mean in zip(shares, np.mean(expected, axis=0), strict=True):
        assert by_policy(table, share)["uncertainty"]["found"] == pytest.approx(mean)


def test_a_score_without_use_is_not_called_better_than_random() -> None:
    wrong = 0
    for seed in range(40):
        pool, errors, n_objects, logs = scenes(seed, useful=0.0)
        row = by_policy(backtest({"uncertainty": pool}, errors, n_objects, logs, seed=seed, shares=(0.2,)), 0.2)
        wrong += not row["uncertainty"]["gain_low"] <= 0 <= row["uncertainty"]["gain_high"]
    assert wrong <= 6  # of 40, at 5 % each


def test_costs_count() -> None:
    pool, errors, n_objects, logs = scenes(1)
    costs = 1.0 + np.arange(200) % 7
    dear = Pool(**{**vars(pool), "costs": costs})
    table = backtest({"uncertainty": dear}, errors, n_objects, logs, n_draws=2, shares=(0.2,))
    assert by_policy(table, 0.2)["oracle"]["found"] >= by_policy(table, 0.2)["uncertainty"]["found"]


def test_same_seed_same_table() -> None:
    pool, errors, n_objects, logs = scenes(2)
    one, other = (backtest({"gap_driven": pool}, errors, n_objects, logs, n_draws=3, seed=4) for _ in range(2))
    assert one.equals(other)


def test_a_part_of_a_pool() -> None:
    pool, *_ = scenes(n=10)
    part = subset(pool, np.array([3, 7]))
    assert part.scene_ids.tolist() == ["s003", "s007"]
    assert len(part) == 2


def test_too_few_logs_or_no_errors_are_told() -> None:
    pool, errors, n_objects, logs = scenes()
    with pytest.raises(ConfigError, match="at least 4 logs and 2 draws; there are 1 logs"):
        backtest({"random": pool}, errors, n_objects, np.zeros(200, dtype=int))
    with pytest.raises(ConfigError, match="errors of 0 in all"):
        backtest({"random": pool}, np.zeros(200), n_objects, logs)
