"""Label efficiency: `python bench/bench_al.py [--quick] [--seeds N] [--pools A,B] [--peers PYTHON ...]`.

Policies of oddloop, simple baselines and other packages' strategies (`peers_al.py`) label the same pools at the same
cost, with real training after each step (`al_pools.py`, `al_drives.py`); each is set against random picks on the same
seeds. Pools of driving data need `$ODDLOOP_TEST_DATA` and the simulator, and are left out with a reason without.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from al_drives import DRIVES, is_there
from al_pools import POOLS, AlPool
from al_run import Ask, CannotRunError, Curve, Strategy, area, compare, ranks, run, walk
from common import print_machine, print_table
from oddloop.select.pool import Pool
from oddloop.select.registry import POLICIES, find_policy

HERE = Path(__file__).parent
CACHE = "oddloop-bench-al-1"
"""Folder of prepared arrays in the temporary folder; its number rises when `al_prepare.py` writes others."""
CONTROL, BOUND = "random", "best of nine, by peeking"
ALL: Mapping[str, Callable[[int], AlPool]] = {**DRIVES, **POOLS}
Areas = dict[str, list[float]]
EXPLAINED = """
Area: mean held-out error over the logarithm of cost, lower is better. Versus random: mean difference of areas over
seeds with the 95 % interval of Student's t on pairs; `better` and `worse` where the interval leaves out 0. A seed has
its own split and start. Rank: 0 best, 1 last, mean over the pools in which a strategy can run; the bound by peeking is
not ranked. A strategy that knows no cost is walked in its own order until the budget is spent.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 seeds")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--pools", help=f"comma-separated, of {', '.join(ALL)}")
    parser.add_argument(
        "--peers",
        action="append",
        default=[],
        help="a Python with other packages, or what their `peers_al.py` printed, as a .json file",
    )
    parser.add_argument("--strategies", help="comma-separated, of ours; random is always there")
    parser.add_argument("--curves", type=Path, help="write costs and errors of all curves of ours to this .json file")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    os.environ.setdefault("ODDLOOP_BENCH_CACHE", str(Path(tempfile.gettempdir()) / CACHE))
    n_seeds = 3 if arguments.quick else arguments.seeds
    print("## Label efficiency\n")
    print_machine("numpy", "scikit-learn")
    print(EXPLAINED)
    names = _runnable(arguments.pools.split(",") if arguments.pools else list(ALL))
    theirs = [_peers(python, names, n_seeds, arguments.jobs) for python in arguments.peers]
    ours = partial(strategies, tuple(arguments.strategies.split(",")) if arguments.strategies else ())
    areas, curves = {}, {}
    for name in names:
        begun = time.perf_counter()
        curves[name] = run(ALL[name], ours, range(n_seeds), arguments.jobs)
        areas[name] = merged(name, curves[name], [found[name] for found in theirs])
        print_pool(name, curves[name][CONTROL], areas[name], time.perf_counter() - begun)
    print_summary(areas)
    if arguments.curves:
        write_curves(arguments.curves, curves)


def _runnable(names: list[str]) -> list[str]:
    if unknown := sorted(set(names) - set(ALL)):
        raise SystemExit(f"there is no pool {', '.join(unknown)}; there are {', '.join(ALL)}")
    wanted = [name for name in names if name in DRIVES and not is_there(name)]
    if wanted:
        command = [sys.executable, HERE / "al_prepare.py", os.environ["ODDLOOP_BENCH_CACHE"], *wanted]
        reasons = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        print("\n".join(f"- {reason}" for reason in reasons))
    return [name for name in names if name in POOLS or is_there(name)]


def merged(name: str, curves: dict[str, list[Curve]], peers: list[Areas]) -> Areas:
    """Areas by strategy on one pool, the peers' included."""
    found = {strategy: [area(curve) for curve in own] for strategy, own in curves.items()}
    control = found[CONTROL]
    for theirs in peers:
        # Their Python has other versions; pairs are pairs only if it draws the same pools and trains the same models.
        if len(theirs[CONTROL]) != len(control) or not np.allclose(theirs[CONTROL], control, rtol=0.02):
            raise SystemExit(f"{name}: random picks differ between Pythons: {theirs[CONTROL]}, {control}")
        found |= {strategy: own for strategy, own in theirs.items() if strategy != CONTROL}
    return found


def print_pool(name: str, control: list[Curve], areas: Areas, seconds: float) -> None:
    pool, mean = ALL[name](0), np.mean([curve.error for curve in control], axis=0)
    title = (
        f"{pool.name}: {len(pool):,} {pool.unit}, {len(pool.steps)} steps to "
        f"{control[0].cost[-1] / pool.costs.sum():.0%} of all costs; {pool.error_name}, random from {mean[0]:.3f} to "
        f"{mean[-1]:.3f}; {len(control)} seeds, ours in {seconds:.0f} s"
    )
    rows = []
    for strategy, own in sorted(areas.items(), key=lambda item: np.mean(item[1])):
        versus = compare(own, areas[CONTROL])
        told = ("-", "-") if strategy == CONTROL else (f"{versus.mean:+.4f} ± {versus.half:.4f}", versus.verdict)
        rows.append((strategy, f"{np.mean(own):.4f}", *told))
    print_table(title, ("strategy", "area", "versus random", "verdict"), rows)


def write_curves(path: Path, curves: dict[str, dict[str, list[Curve]]]) -> None:
    """{pool: {strategy: [{cost, error, spent}, one per seed]}}."""
    told = {
        pool: {name: [{k: v.tolist() for k, v in vars(curve).items()} for curve in own] for name, own in found.items()}
        for pool, found in curves.items()
    }
    path.write_text(json.dumps(told))


def _peers(python: str, names: list[str], n_seeds: int, n_jobs: int) -> dict[str, Areas]:
    if python.endswith(".json"):
        stored: dict[str, Areas] = json.loads(Path(python).read_text())
        return {name: {s: own[:n_seeds] for s, own in stored[name].items()} for name in names}
    command = [python, HERE / "peers_al.py", ",".join(names), str(n_seeds), str(n_jobs)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Areas] = json.loads(done.stdout.splitlines()[-1])
    return found


def print_summary(areas: dict[str, Areas]) -> None:
    """Pools won and lost against random, and mean ranks; strategies that run on more pools come first."""
    ranked = ranks({pool: {s: a for s, a in found.items() if s != BOUND} for pool, found in areas.items()})
    rows = []
    for strategy, rank in ranked.items():
        verdicts = [compare(f[strategy], f[CONTROL]).verdict for f in areas.values() if strategy in f]
        counts = [verdicts.count(word) for word in ("better", "worse", "unsure")]
        rows.append((strategy, len(verdicts), *(counts if strategy != CONTROL else ("-", "-", "-")), rank))
    rows.sort(key=lambda row: (-row[1], row[-1]))
    print_table("All pools", ("strategy", "pools", "better", "worse", "unsure", "rank"), rows)


def strategies(wanted: tuple[str, ...] = ()) -> dict[str, Strategy]:
    """Ours by the name of the policy, and what is set beside them; those that are wanted, or all."""
    ours: dict[str, Strategy] = {name: partial(by_policy, name) for name in POLICIES}
    found = {
        **ours,
        "uncertainty per cost": uncertainty_per_cost,
        "most objects": most_objects,
        "most objects per cost": most_objects_per_cost,
        BOUND: best_of_nine,
    }
    return {name: found[name] for name in found if not wanted or name in (CONTROL, *wanted)}


def by_policy(name: str, ask: Ask) -> np.ndarray:
    """Picks of a registered policy, which sees the candidates as a pool."""
    policy, rows = find_policy(name), ask.candidates
    score = _margin(ask) if any("margin" in pattern for pattern in policy.scores) else ask.score
    ids = np.array([f"s{row:06d}" for row in range(len(ask.costs))], dtype=object)[rows]
    columns = {"scene_id": ids} if ask.segments is None else {"scene_id": ids, "segment": ask.segments[rows]}
    pool = Pool(
        scene_ids=ids,
        costs=ask.costs[rows],
        score=score[rows],
        score_valid=np.ones(len(rows), dtype=bool),
        vectors=ask.vectors[rows],
        has_vector=np.ones(len(rows), dtype=bool),
        labelled_vectors=ask.vectors[ask.labelled],
        scenes=pa.table(columns),
    )
    return rows[policy.pick(pool, ask.budget, ask.rng).rows]


def _margin(ask: Ask) -> np.ndarray:
    if ask.probs is None:
        raise CannotRunError
    best = np.sort(ask.probs, axis=1)
    return 1.0 - (best[:, -1] - best[:, -2])


def _highest(ask: Ask, worth: np.ndarray) -> np.ndarray:
    return walk(ask.candidates[np.argsort(-worth[ask.candidates], kind="stable")], ask.costs, ask.budget)


def uncertainty_per_cost(ask: Ask) -> np.ndarray:
    if np.ptp(ask.costs) == 0:
        raise CannotRunError  # nothing else than `uncertainty`
    return _highest(ask, ask.score / ask.costs)


def most_objects(ask: Ask) -> np.ndarray:
    if ask.n_objects is None:
        raise CannotRunError
    return _highest(ask, ask.n_objects)


def most_objects_per_cost(ask: Ask) -> np.ndarray:
    if ask.n_objects is None:
        raise CannotRunError
    return _highest(ask, ask.n_objects / ask.costs)


def best_of_nine(ask: Ask) -> np.ndarray:
    """Of nine batches the one that is seen to lower the held-out error most: what a step could bring, at least."""
    batches = [walk(ask.rng.permutation(ask.candidates), ask.costs, ask.budget) for _ in range(6)]
    batches += [_highest(ask, ask.score), _highest(ask, ask.score / ask.costs), by_policy("kcenter", ask)]
    return min(batches, key=ask.peek)


if __name__ == "__main__":
    main()
