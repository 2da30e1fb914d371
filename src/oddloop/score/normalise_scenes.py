"""Normalised scene scores: a column `<score>_rank` or `<score>_expected_errors` beside each; see `normalise`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables import NORMALISERS
from oddloop.errors import TableError
from oddloop.score.columns import NORMALISED, own_scores, with_valid
from oddloop.score.normalise import Normaliser, ScoredModel, fit_calibrated, fit_rank
from oddloop.score.scene_frames import valid_values


def fit_ranks(reference: pa.Table, model: ScoredModel) -> tuple[Normaliser, ...]:
    """Ranks of every score among reference scenes.

    Args:
        reference: `derived_tables.SCENE_SCORES` of the reference scenes.
        model: the model whose scores they are.

    >>> scenes = pa.table({"scene_id": ["a", "b"], "risk_max": [0.5, 2.0], "risk_max_valid": [True, True]})
    >>> [fitted.score for fitted in fit_ranks(scenes, ScoredModel("m1"))]
    ['risk_max']
    """
    return tuple(fit_rank(valid_values(reference, name), model, name) for name in own_scores(reference))


def fit_expected_errors(measured: pa.Table, errors: npt.ArrayLike, model: ScoredModel) -> tuple[Normaliser, ...]:
    """Expected errors by every score, from measured scenes.

    Args:
        measured: `derived_tables.SCENE_SCORES` of the measured scenes.
        errors: (N,) errors of each, 0 or more.
        model: the model whose scores they are.

    Raises:
        ValueError: the errors do not fit the scenes, or one is not finite or negative.
    """
    names = own_scores(measured)
    return tuple(fit_calibrated(valid_values(measured, name), errors, model, name) for name in names)


def add_normalised(scene_scores: pa.Table, normalisers: Iterable[Normaliser], model: ScoredModel) -> pa.Table:
    """Scene scores with a normalised column, and its twin, per normaliser.

    Args:
        scene_scores: `derived_tables.SCENE_SCORES`.
        normalisers: fitted to the model's scores; their columns must be there.
        model: the model whose scores they are.

    Returns:
        the same rows, `<score>_rank` or `<score>_expected_errors` added; null where the score is not valid, or where
        there was too little to fit.

    Raises:
        TableError: a normaliser was fitted to another model, or a score is missing.

    >>> scenes = pa.table({"scene_id": ["a", "b"], "risk_max": [0.5, 2.0], "risk_max_valid": [True, True]})
    >>> model = ScoredModel("m1")
    >>> add_normalised(scenes, fit_ranks(scenes, model), model)["risk_max_rank"].to_pylist()
    [0.25, 0.75]
    """
    for fitted in normalisers:
        results = fitted.apply(valid_values(scene_scores, fitted.score), model)
        for name, column in with_valid(fitted.score + NORMALISED[fitted.method], results).items():
            scene_scores = scene_scores.append_column(name, column)
    return scene_scores


def normaliser_table(normalisers: Iterable[Normaliser]) -> pa.Table:
    """Normalisers as a table, to be kept.

    Returns:
        `derived_tables.NORMALISERS`; one with too little to fit has no rows.
    """
    parts = [_rows(fitted) for fitted in normalisers]
    return pa.concat_tables([NORMALISERS.empty(), *parts])


def read_normalisers(table: pa.Table) -> dict[str, Normaliser]:
    """Normalisers of a table by score column; the same as were written, to the digest.

    Raises:
        TableError: a column is missing, or a normaliser is not what was written.

    >>> model = ScoredModel("m1")
    >>> fitted = fit_rank([1.0, 2.0], model, "risk_max")
    >>> read_normalisers(normaliser_table([fitted]))["risk_max"].digest == fitted.digest
    True
    """
    missing = sorted(set(NORMALISERS.schema().names) - set(table.column_names))
    if missing:
        raise TableError(f"normalisers: columns {', '.join(missing)} are missing; give what `normaliser_table` made")
    found = {}
    for name in table["score"].unique().to_pylist():
        rows = table.filter(pc.equal(table["score"], name)).sort_by("value")
        fitted, written = _normaliser(rows), rows["digest"][0].as_py()
        if fitted.digest != written:
            raise TableError(f"normaliser of `{name}`: digest {fitted.digest}, but {written} was written; fit it again")
        found[name] = fitted
    return found


def _rows(fitted: Normaliser) -> pa.Table:
    same: dict[str, Any] = {
        "score": fitted.score,
        "method": fitted.method,
        "model_id": fitted.model.model_id,
        "model_digest": fitted.model.model_digest,
        "n_scenes": fitted.n_scenes,
        "digest": fitted.digest,
    }
    own = {"value": fitted.values, "result": fitted.results, "n": fitted.n}
    columns = {name: pa.repeat(pa.scalar(value), len(fitted.values)) for name, value in same.items()} | own
    return pa.table([columns[name] for name in NORMALISERS.schema().names], schema=NORMALISERS.schema())


def _normaliser(rows: pa.Table) -> Normaliser:
    one = rows.slice(0, 1).to_pylist()[0]
    values, results, n = (np.asarray(rows[name].to_numpy()) for name in ("value", "result", "n"))
    model = ScoredModel(one["model_id"], one["model_digest"])
    return Normaliser(one["method"], one["score"], model, values, results, n, one["n_scenes"])
