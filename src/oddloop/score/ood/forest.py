"""Isolation forest: how few random cuts set a row apart from the training rows.

    ood_iforest = 2^(-mean depth over the trees / c(m))                                  (0, 1]

with depth the cuts to a leaf plus c(rows in the leaf), c(m) = 2 (ln(m - 1) + 0.5772) - 2 (m - 1) / m the mean depth in
a random tree of m rows, and m the rows drawn per tree. About .5 inside. Trees are grown by scikit-learn and kept as
plain arrays, so that they have a digest and need no pickle; scores equal `-IsolationForest.score_samples`.

Rows are compared in single precision, as scikit-learn does. Cuts do not depend on units. Fit O(trees m log m), score
O(N trees log m); memory O(trees m).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.ood.arrays import as_matrix, score_rows
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Statistics, origin_of
from oddloop.score.ood.training import TrainingSet


@dataclass(frozen=True, eq=False)
class ForestStatistics(Statistics):
    """Nodes of all trees, one after the other.

    Attributes:
        roots: (T,) int64 first node of each tree.
        column: (M,) int64 column that a node asks for; 0 in a leaf.
        threshold: (M,) float64 at most which a row goes left.
        left: (M,) int64 node to the left; a leaf leads to itself.
        right: (M,) int64 node to the right; a leaf leads to itself.
        depth: (M,) float64 depth that a leaf stands for.
        n_levels: cuts on the longest way.
        normal_depth: c(m).
    """

    NAME: ClassVar[str] = "iforest"

    roots: IntArray
    column: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    depth: FloatArray
    n_levels: int
    normal_depth: float


def fit_iforest(
    training: TrainingSet, rng: np.random.Generator, n_trees: int = 100, n_per_tree: int = 256
) -> ForestStatistics:
    """Grow the trees.

    Args:
        training: (n,d) telemetry of the scenes that the model was trained on, 2 rows or more.
        rng: draws rows and cuts.
        n_trees: trees, 1 or more.
        n_per_tree: m, 2 or more; n where there are fewer rows.

    Raises:
        TableError: a parameter is out of its range, there is one row only, or a number is beyond single precision.

    References:
        Liu, Ting and Zhou, Isolation forest, 2008.

    >>> from oddloop.score.ood import training_set
    >>> rows, scenes = np.linspace(0.0, 1.0, 64)[:, None], [f"s{i}" for i in range(64)]
    >>> source = Source("m1", "telemetry")
    >>> stats = fit_iforest(training_set(rows, scenes, scenes, source), np.random.default_rng(0))
    >>> inside, outside = score_iforest(stats, [[0.5], [2.0]], source=source)
    >>> bool(inside < 0.5 < outside)
    True
    """
    if n_trees < 1 or n_per_tree < 2:
        raise TableError(f"iforest: n_trees must be 1 or more, n_per_tree 2 or more; got {n_trees} and {n_per_tree}")
    rows = training.features
    if len(rows) < 2 or not rows.shape[1]:
        raise TableError(
            f"iforest needs two training rows or more, and a column; got {rows.shape[0]} x {rows.shape[1]}"
        )
    if np.abs(rows).max() > np.finfo(np.float32).max:
        raise TableError("iforest: a training value is beyond single precision (3.4e38); change its unit")
    forest = _grow(rows.astype(np.float32), rng, n_trees, min(n_per_tree, len(rows)))
    trees = [_tree_arrays(estimator.tree_) for estimator in forest.estimators_]
    sizes = np.array([len(tree["depth"]) for tree in trees])
    roots = np.cumsum(sizes) - sizes
    nodes = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    for side in ("left", "right"):
        nodes[side] += np.repeat(roots, sizes)
    return ForestStatistics(
        **origin_of(training),
        roots=roots.astype(np.int64),
        **nodes,
        n_levels=max(int(estimator.tree_.max_depth) for estimator in forest.estimators_),
        normal_depth=float(_mean_depth(np.array([min(n_per_tree, len(rows))]))[0]),
    )


def score_iforest(stats: ForestStatistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Measure how soon each row is isolated.

    Args:
        stats: from `fit_iforest`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64 in (0, 1], larger is more anomalous; NaN where a number is not finite.

    Raises:
        TableError: the statistics are of another source.
        ValueError: `features` holds no floats, or has another width than the training rows.
    """
    stats.check(source)
    matrix = as_matrix(features, "features", stats.width)

    def score(block: FloatArray) -> FloatArray:
        rows, place = block.astype(np.float32).ravel(), np.arange(len(block)) * stats.width
        total = np.zeros(len(block))
        for root in stats.roots:
            total += stats.depth[_leaves(stats, rows, place, root)]
        result: FloatArray = 2.0 ** (-total / (len(stats.roots) * stats.normal_depth))
        return result

    return score_rows(matrix, score)


def _leaves(stats: ForestStatistics, rows: npt.NDArray[np.float32], place: IntArray, root: np.int64) -> IntArray:
    """(B,) leaf of each row in one tree."""
    nodes: IntArray = np.full(len(place), root)
    for _ in range(stats.n_levels):
        goes_left = rows[place + stats.column[nodes]] <= stats.threshold[nodes]
        nodes = np.where(goes_left, stats.left[nodes], stats.right[nodes])
    return nodes


def _grow(rows: npt.NDArray[np.float32], rng: np.random.Generator, n_trees: int, n_per_tree: int) -> Any:
    # Imported here: `import oddloop.score` must stay light.
    from sklearn.ensemble import IsolationForest

    seed = int(rng.integers(2**31))
    return IsolationForest(n_estimators=n_trees, max_samples=n_per_tree, random_state=seed).fit(rows)


def _tree_arrays(tree: Any) -> dict[str, Any]:
    """One tree's nodes, counted from 0."""
    itself = np.arange(tree.node_count)
    is_leaf = tree.children_left < 0
    levels = np.zeros(tree.node_count)
    # Parents stand before their children.
    for node in np.flatnonzero(~is_leaf):
        levels[[tree.children_left[node], tree.children_right[node]]] = levels[node] + 1
    return {
        "column": np.where(is_leaf, 0, tree.feature).astype(np.int64),
        "threshold": np.asarray(tree.threshold, np.float64),
        "left": np.where(is_leaf, itself, tree.children_left).astype(np.int64),
        "right": np.where(is_leaf, itself, tree.children_right).astype(np.int64),
        "depth": levels + _mean_depth(tree.n_node_samples),
    }


def _mean_depth(n_rows: npt.NDArray[np.generic]) -> FloatArray:
    """c(n): mean depth of a random tree of n rows."""
    n = np.asarray(n_rows, np.float64)
    more = np.maximum(n, 3.0)
    general = 2.0 * (np.log(more - 1.0) + np.euler_gamma) - 2.0 * (more - 1.0) / more
    result: FloatArray = np.where(n <= 1, 0.0, np.where(n == 2, 1.0, general))
    return result
