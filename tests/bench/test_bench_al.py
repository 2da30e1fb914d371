"""Label efficiency as a command: every policy can label a pool, and peers are merged only where they belong."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))  # benchmarks are scripts, not a package

import bench_al
from al_models import Fitted
from al_pools import AlPool, geometric
from al_run import Curve, run_seed
from oddloop.select.registry import POLICIES


def small(_seed: int = 0, n: int = 60) -> AlPool:
    """Points with two classes, unequal costs, segments and objects; what is measured is the labels' share."""
    rng = np.random.default_rng(0)
    vectors, costs = rng.normal(size=(n, 3)).astype(np.float32), rng.uniform(1.0, 9.0, size=n)
    probs = rng.dirichlet([1.0, 1.0], size=n)
    return AlPool(
        name="small",
        unit="points",
        error_name="share without a label",
        vectors=vectors,
        costs=costs,
        first=np.arange(n),
        n_start=3,
        steps=geometric(costs, 0.1, 0.4, 3),
        fit=lambda rows, _seed: Fitted(1.0 - len(rows) / n, rng.random(n), probs),
        segments=np.where(vectors[:, 0] > 0, "a", "b"),
        n_objects=np.round(costs),
        labels=(vectors[:, 1] > 0).astype(int),
    )


def test_every_policy_and_baseline_labels_a_pool_within_its_budget():
    # What is picked is checked by the harness: candidates only, each once, within the budget.
    curves = run_seed(small, bench_al.strategies(), 0)
    assert set(curves) == set(bench_al.strategies()) >= set(POLICIES)
    for curve in curves.values():
        assert (curve.spent <= curve.cost + 1e-6).all()
        assert curve.error[-1] < curve.error[0]


def test_only_wanted_strategies_run_beside_random():
    assert list(bench_al.strategies(("kcenter",))) == ["kcenter", "random"]


def test_objects_are_asked_for_only_where_they_are_counted():
    bare = replace(small(), n_objects=None, costs=np.ones(60), steps=(5.0, 10.0))
    curves = run_seed(lambda _seed: bare, bench_al.strategies(), 0)
    missing = set(bench_al.strategies()) - set(curves)
    assert missing == {"most objects", "most objects per cost", "uncertainty per cost"}


def flat(error: float) -> Curve:
    return Curve(np.array([1.0, 2.0]), np.array([error, error]), np.array([1.0, 2.0]))


def test_peers_are_merged_by_seed():
    ours = {"random": [flat(0.5), flat(0.4)], "kcenter": [flat(0.3), flat(0.3)]}
    found = bench_al.merged("pool", ours, [{"random": [0.5, 0.4], "theirs": [0.1, 0.2]}])
    assert found == {"random": [0.5, 0.4], "kcenter": [0.3, 0.3], "theirs": [0.1, 0.2]}


@pytest.mark.parametrize("control", [[0.5, 0.5], [0.5], [0.5, 0.4, 0.4]])
def test_peers_that_drew_other_pools_are_refused(control):
    with pytest.raises(SystemExit, match="differ"):
        bench_al.merged("pool", {"random": [flat(0.5), flat(0.4)]}, [{"random": control}])


def test_peers_are_read_from_a_file_up_to_the_seeds_asked_for(tmp_path):
    stored = tmp_path / "peers.json"
    stored.write_text(json.dumps({"wine": {"random": [1.0, 2.0, 3.0]}, "zipf": {"random": [4.0, 5.0, 6.0]}}))
    assert bench_al._peers(str(stored), ["zipf"], 2, 1) == {"zipf": {"random": [4.0, 5.0]}}


def test_the_summary_counts_pools_and_ranks_without_the_bound(capsys):
    areas = {
        "a": {"random": [3.0, 4.0, 5.0], "x": [2.0, 3.0, 4.0001], bench_al.BOUND: [0.0, 0.0, 0.0]},
        "b": {"random": [3.0, 4.0, 5.0], "x": [4.0, 5.0, 6.0001]},
    }
    bench_al.print_summary(areas)
    # x is better by 1 on pool a and worse by 1 on pool b: of two strategies once the first and once the last.
    assert "| x | 2 | 1 | 1 | 0 | 0.50 |" in capsys.readouterr().out


def test_curves_are_written_whole(tmp_path):
    bench_al.write_curves(tmp_path / "c.json", {"pool": {"random": [flat(0.5)]}})
    assert json.loads((tmp_path / "c.json").read_text()) == {
        "pool": {"random": [{"cost": [1.0, 2.0], "error": [0.5, 0.5], "spent": [1.0, 2.0]}]}
    }
