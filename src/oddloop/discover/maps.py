"""Maps of scenes: principal components, UMAP, t-SNE; fitted once, then frozen.

`pca` is the first two components of the vectors: nothing to fit, and honest about distance. UMAP (McInnes et al. 2018;
umap-learn) and t-SNE (van der Maaten and Hinton 2008; openTSNE, Poličar et al. 2019) keep near scenes together and say
nothing of far ones. Both start from the first two components, are seeded and run on one thread, so that the number of
threads changes nothing.

A fitted map keeps its reference scenes: their ids, vectors and places. A reference scene that still has its vector
stays where it is, to the bit. Any other is placed at the mean of the places of its nearest reference scenes, each
weighted by 1 / distance (Shepard 1968). That is where the transforms of umap-learn and openTSNE begin; the optimisation
that they then do takes the fitted objects, which cannot be kept without running code when they are read. So scenes of a
new kind lie among the old ones that are least unlike, until the map is fitted anew. Fitting takes what the packages
take, placing n scenes by m O(n m d); memory O(n).
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.compiled import import_loops
from oddloop.config import MapConfig
from oddloop.discover.arrays import Floats, Ints, row_of, vector_matrix
from oddloop.errors import MissingExtraError
from oddloop.ids import id_array

_NEAREST = 10
"""Reference scenes that a later scene is placed by."""
_FEWEST = 10
"""Fewer scenes than this have no neighbourhoods to keep: their map is the first two components."""
_ROWS = 4096
_BARNES_HUT = 10_000
"""Up to this many scenes t-SNE uses Barnes-Hut trees, beyond interpolation: openTSNE's own choice."""
Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FrozenMap:
    """A fitted map.

    Attributes:
        settings: the settings that it was fitted with.
        scene_ids: (m,) text, sorted: the reference scenes.
        vectors: (m, k) float32, their vectors.
        places: (m, 2) float64, where they are.
    """

    settings: dict[str, Any]
    scene_ids: npt.NDArray[np.str_]
    vectors: Floats32
    places: Floats

    def arrays(self) -> dict[str, Any]:
        """The arrays by name; none holds objects."""
        return {"map_scene_ids": self.scene_ids, "map_vectors": self.vectors, "map_places": self.places}

    @classmethod
    def from_parts(cls, settings: dict[str, Any], arrays: dict[str, Any]) -> FrozenMap:
        """The map that settings and arrays tell of."""
        return cls(settings, *(arrays[name] for name in ("map_scene_ids", "map_vectors", "map_places")))


def reason_to_fit_map(frozen: FrozenMap | None, config: MapConfig) -> str:
    """Why a basis needs a map of its own fitted anew, in words; "" where it has the one that is asked for."""
    wanted = None if config.method == "pca" else asdict(config)
    return "" if wanted == (frozen.settings if frozen else None) else "other [discover.map]; vectors stay"


def fit_map(vectors: pa.Table, config: MapConfig, seed: int = 0) -> FrozenMap | None:
    """Fit a map to scenes.

    Args:
        vectors: SCENE_VECTORS, sorted by scene_id.
        config: method and its settings.
        seed: of the draw of reference scenes, and of the method.

    Returns:
        the map; None for `pca`, which needs none.

    Raises:
        MissingExtraError: the method's package is not installed.
    """
    if config.method == "pca":
        return None
    points, ids = _points(vectors), id_array(vectors["scene_id"])
    rows = np.arange(len(points))
    if len(rows) > config.max_scenes:
        rows = np.sort(np.random.default_rng(seed).choice(rows, config.max_scenes, replace=False))
    names = np.array(ids.take(pa.array(rows)).to_pylist(), dtype=np.str_)
    fit = {"umap": _fit_umap, "tsne": _fit_tsne}[config.method]
    few = len(rows) < _FEWEST or not np.ptp(points, axis=0).any()
    places = first_two(points[rows]) if few else fit(points[rows], config.neighbours, seed)
    return FrozenMap(asdict(config), names, points[rows], places)


def place_on_map(frozen: FrozenMap | None, vectors: pa.Table) -> Floats:
    """Place scenes on a map.

    Args:
        frozen: a fitted map; None for the first two components.
        vectors: SCENE_VECTORS of the basis that the map was fitted in; rows in any order.

    Returns:
        (n, 2) float64; each row depends on its own scene alone.

    >>> table = pa.table({"scene_id": ["a", "b"], "vector": pa.array([[0.0], [3.0]], pa.list_(pa.float32()))})
    >>> seen = FrozenMap({}, np.array(["b", "z"]), np.float32([[3.0], [1.0]]), np.array([[0.0, 8.0], [0.0, 4.0]]))
    >>> place_on_map(seen, table).tolist()  # a is 3 from b and 1 from z: (8 / 3 + 4) / (1 / 3 + 1)
    [[0.0, 5.0], [0.0, 8.0]]
    """
    points = _points(vectors)
    if frozen is None or not len(frozen.places):
        return first_two(points)
    places = np.empty((len(points), 2))
    for start in range(0, len(points), _ROWS):
        part = slice(start, start + _ROWS)
        places[part] = _among_nearest(frozen, points[part])
    rows, found = row_of(pa.array(frozen.scene_ids.tolist(), pa.string()), id_array(vectors["scene_id"]))
    stays = found & (frozen.vectors[rows] == points).all(axis=1)
    places[stays] = frozen.places[rows[stays]]
    return places


def first_two(points: npt.NDArray[np.floating]) -> Floats:
    """(n, 2) first two columns of (n, k) vectors; 0 where there are fewer."""
    places = np.zeros((len(points), 2))
    places[:, : points.shape[1]] = points[:, :2]
    return places


def _points(vectors: pa.Table) -> Floats32:
    return vector_matrix(vectors["vector"].combine_chunks())[0].astype(np.float32)


def _among_nearest(frozen: FrozenMap, points: Floats32) -> Floats:
    near, distance = _nearest(frozen.vectors, points)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(distance[:, :1] > 0, 1.0 / distance, distance == 0)
        weight = weight / weight.sum(axis=1, keepdims=True)
    mean: Floats = (weight[:, :, None] * frozen.places[near]).sum(axis=1)
    return mean


def _nearest(reference: Floats32, points: Floats32) -> tuple[Ints, Floats]:
    """The nearest reference scenes of each point and how far they are; ties go to the first by scene_id."""
    import faiss  # here: slow to load

    index: Any = faiss.IndexFlatL2(reference.shape[1])
    index.add(reference)
    # Twice as many as are needed, and their distances once more, row by row: those of faiss may differ in the last bit
    # with the number of points, and so might which of two is the nearer.
    found = np.sort(index.search(points, min(2 * _NEAREST, len(reference)))[1], axis=1)
    apart = reference.astype(np.float64)[found] - points.astype(np.float64)[:, None]
    distance = np.sqrt((apart**2).sum(axis=2))
    order = np.argsort(distance, axis=1, kind="stable")[:, :_NEAREST]
    return np.take_along_axis(found, order, axis=1).astype(np.int64), np.take_along_axis(distance, order, axis=1)


def _fit_umap(points: Floats32, neighbours: int, seed: int) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # it tells those who did not ask that it found no TensorFlow
        umap: Any = _import("umap.umap_", "umap-learn")
    start = first_two(points)
    # 10 across is how umap-learn scales a start of its own.
    start = (10.0 * start / np.abs(start).max()).astype(np.float32)
    near = min(neighbours, len(points) - 1)
    return np.asarray(umap.UMAP(n_neighbors=near, init=start, random_state=seed, n_jobs=1).fit_transform(points), float)


def _fit_tsne(points: Floats32, neighbours: int, seed: int) -> Floats:
    tsne: Any = _import("openTSNE", "openTSNE")
    start = first_two(points)
    start *= 1e-4 / start[:, 0].std()  # so small that it decides where islands lie, and nothing else
    made = tsne.TSNE(
        perplexity=min(float(neighbours), (len(points) - 1) / 3),  # openTSNE looks at three times as many
        initialization=start,
        random_state=seed,
        n_jobs=1,
        neighbors="exact",
        negative_gradient_method="bh" if len(points) <= _BARNES_HUT else "fft",
    ).fit(points.astype(np.float64))
    return np.array(made, dtype=np.float64)


def _import(module: str, package: str) -> Any:
    import_loops("numba")  # first and by itself: openTSNE imports it in the middle of its work
    found = import_loops(module)
    if found is None:
        raise MissingExtraError(
            f"this map needs {package}; install it with: pip install 'oddloop[maps]', or set method = \"pca\" in "
            "[discover.map]"
        )
    return found
