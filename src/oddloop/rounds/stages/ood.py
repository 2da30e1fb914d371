"""Out-of-distribution statistics of features, and what scores with them.

Statistics are fitted to the scenes that the model was trained on and to no others, kept below `derived/ood/<digest>/`
as `score.ood.to_table` makes them, and fitted again only where the model, its features, those scenes or a setting have
changed. Those that `[score.ood] statistics` points to are refused for features of another model, encoder or weights.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oddloop.config import OodConfig
from oddloop.errors import TableError
from oddloop.lake.derived import Derived, derive
from oddloop.lake.fingerprint import digest_of, fingerprint
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, table_files
from oddloop.rounds.stages.context import Context, make_generator
from oddloop.rounds.stages.kept_parts import MadeBy
from oddloop.rounds.stages.scoring import ScoreJob
from oddloop.rounds.stages.training_rows import Reading, read_rows
from oddloop.score import ood
from oddloop.tables import FEATURES, HEADS

AUTO = ("knn", "mahalanobis")
"""What `auto` fits: neither needs classes or a head, nor to be tuned."""


@dataclass(frozen=True)
class Fitted:
    """Statistics on disk.

    Attributes:
        files: one file per method.
        inputs: digests of all that a score by them depends on.
        rows: what is told of them in the manifest of the scores.
    """

    files: TableFiles
    inputs: Mapping[str, str]
    rows: Mapping[str, int]

    def read(self) -> list[ood.Statistics]:
        """The statistics, in the order of the files."""
        return [ood.from_table(self.files.storage.read_table(file)) for file in self.files.files]


def fit_features(context: Context) -> Fitted | None:
    """Statistics of the model's features; None where it has none, or none are wanted."""
    features, config = context.model.features, context.workspace.config.score.ood
    if features is None or not (config.methods or config.statistics):
        return None
    inputs = {
        "features": fingerprint([features], context.workspace.storage)[features.name],
        "source": feature_source(context).digest,
    }
    if config.statistics:
        files = context.workspace.files_at(config.statistics, "score.ood.statistics")
        inputs["statistics"] = fingerprint([files], context.workspace.storage)[files.name]
        return Fitted(files, inputs, {})
    derived = _fit_features(context, features, inputs["features"])
    return Fitted(table_files(derived.storage, "ood"), inputs | {"ood": derived.digest}, derived.manifest["rows"])


def feature_source(context: Context) -> ood.Source:
    """What made the model's features."""
    features = context.model.features
    encoder = features.name.partition("/")[2] if features else ""
    return ood.Source(context.model.model_id, encoder, context.model.digest)


def feature_job(context: Context, fitted: Fitted) -> ScoreJob | None:
    """Scores of the features by the statistics; None where nothing could be fitted.

    Raises:
        TableError: the statistics are of another model, encoder or weights; the message names both digests.
    """
    features, stats = context.model.features, fitted.read()
    if features is None or not stats:
        return None
    source = feature_source(context)
    for one in stats:
        one.check(source)
    kernel = functools.partial(ood.score_ood_features, stats=stats, source=source)
    statistics = fingerprint([fitted.files], context.workspace.storage)[fitted.files.name]
    # By their content, which often stays although there are more features.
    obeyed = {"statistics": statistics, "source": [source.model_id, source.encoder_id, source.model_digest]}
    return ScoreJob("ood", features, FEATURES, kernel, MadeBy("ood", obeyed))


def _fit_features(context: Context, features: TableFiles, features_digest: str) -> Derived:
    config, seed = context.workspace.config.score.ood, context.workspace.config.workspace.seed
    ids, head = context.trained_ids(), context.model.head
    inputs = {"features": features_digest, "trained_on": digest_of(ids.to_pylist())}
    if head is not None:
        inputs["head"] = fingerprint([head], context.workspace.storage)[head.name]
    source = feature_source(context)
    settings = {
        "source": [source.model_id, source.encoder_id, source.model_digest],
        "methods": list(config.methods),
        "class_column": config.class_column,
        "max_rows": config.max_rows,
    }
    recipe = context.recipe("ood", inputs, settings, seed=seed)
    return derive(context.workspace.storage, recipe, lambda out: _write_features(context, features, ids, out))


def _write_features(context: Context, features: TableFiles, ids: pa.Array, out: Storage) -> dict[str, int]:
    config = context.workspace.config
    columns = ("scene_id", "vector", *([config.score.ood.class_column] if config.score.ood.class_column else []))
    reading = Reading(FEATURES, columns, ids, config.engine.batch_rows)
    rng = make_generator(config.workspace.seed, "ood")
    context.progress("fit ood", 0, 0)
    rows = read_rows(context.engine, features, reading, config.score.ood.max_rows, rng)
    training = _training(rows.table, ids, feature_source(context), config.score.ood)
    fitted = _fit_methods(context, training, rng) if training is not None else []
    return {"ood_training_rows": rows.n_all, **write_statistics(fitted, out)}


def _training(rows: pa.Table, ids: pa.Array, source: ood.Source, config: OodConfig) -> ood.TrainingSet | None:
    """The training set; None where there is no row and no method was named, so that nobody will miss it."""
    try:
        return ood.training_set_of_table(rows, ids, source, config.class_column or None)
    except TableError:
        if _is_auto(config) and not config.class_column:
            return None
        raise


def _fit_methods(context: Context, training: ood.TrainingSet, rng: np.random.Generator) -> list[ood.Statistics]:
    config = context.workspace.config.score.ood
    if not _is_auto(config):
        head = read_head(context.model.head)
        return [ood.fit_method(name, training, rng, head) for name in config.methods]
    names = (*AUTO, *(["relative_mahalanobis"] if config.class_column else []))
    attempts = [_attempt(functools.partial(ood.fit_method, name, training, rng)) for name in names]
    return [stats for stats in attempts if stats is not None]


def _is_auto(config: OodConfig) -> bool:
    return config.methods == ("auto",)


def _attempt(fit: Callable[[], ood.Statistics]) -> ood.Statistics | None:
    """The statistics; None where the rows do not allow them."""
    try:
        return fit()
    except TableError:
        return None


def read_head(files: TableFiles | None) -> ood.Head | None:
    """The last layer, from `tables.HEADS`.

    Raises:
        TableError: weights differ in length, or a number is not finite.
    """
    if files is None:
        return None
    table = read_table(files, HEADS)
    try:
        weight = np.array(table["weight"].to_pylist(), np.float64)
        return ood.Head(weight, table["bias"].to_numpy().astype(np.float64))
    except ValueError as error:
        raise TableError(f"{files.name}: no last layer: {error}; run `oddloop check`") from error


def write_statistics(fitted: Sequence[ood.Statistics], out: Storage) -> dict[str, int]:
    """Write a file per method; returns the rows that each was fitted to."""
    for stats in fitted:
        out.write_table(f"{stats.method}.parquet", ood.to_table(stats))
    return {f"ood_{stats.method}": stats.n_rows for stats in fitted}
