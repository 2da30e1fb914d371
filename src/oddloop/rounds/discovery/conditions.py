"""Conditions on scenes: values of attributes, scores above or below something, and the words that are searched."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import row_of
from oddloop.errors import TableError
from oddloop.ids import id_array
from oddloop.rounds.discovery.read import Discovery
from oddloop.tables import is_list

Bools = npt.NDArray[np.bool_]
_NOT_ATTRIBUTES = ("scene_id", "labelled")
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION = re.compile(r"\s*([\w.]+)\s*(>=|<=|>|<)\s*([-+.\w]+)\s*")


def keep_values(values: pa.Table, where: Mapping[str, tuple[str, ...]]) -> Bools:
    """(n,) whether a scene has, of each attribute, one of the wanted values.

    Raises:
        TableError: there is no such attribute, or no scene has that value.
    """
    keep = np.ones(values.num_rows, dtype=bool)
    for name, wanted in where.items():
        if name not in values.column_names or name in _NOT_ATTRIBUTES:
            known = [n for n in values.column_names if n not in _NOT_ATTRIBUTES]
            raise TableError(f"attribute {name!r} is not known; {_there_are(name, known)}")
        column = values[name].combine_chunks()
        flat = pc.list_flatten(column) if is_list(column.type) else column
        found = set(pc.unique(flat).to_pylist())
        if strange := sorted(set(wanted) - found):
            raise TableError(f"no scene has {name}={strange[0]}; {_there_are(strange[0], sorted(found - {None}))}")
        hit = pc.is_in(flat, value_set=pa.array(wanted, pa.string())).to_numpy(zero_copy_only=False)
        if is_list(column.type):
            any_hit = np.zeros(len(column), dtype=bool)
            any_hit[pc.list_parent_indices(column).to_numpy()[hit]] = True
            hit = any_hit
        keep &= hit
    return keep


def keep_scores(ids: pa.Array, scores: pa.Table, conditions: tuple[str, ...]) -> Bools:
    """(n,) whether a scene's valid scores meet all conditions; a score that is not valid meets none.

    Raises:
        TableError: a condition is not of the form `score >= number`, or there is no such score.
    """
    keep = np.ones(len(ids), dtype=bool)
    rows, found = row_of(id_array(scores["scene_id"]), ids)
    for condition in conditions:
        name, compare, limit = _parse(condition)
        if name not in scores.column_names:
            known = [n.removesuffix("_valid") for n in scores.column_names if n.endswith("_valid")]
            raise TableError(f"score {name!r} is not known; {_there_are(name, known)}")
        if not scores.num_rows:
            return np.zeros(len(ids), dtype=bool)
        value = pc.fill_null(scores[name].cast(pa.float64()), np.nan).to_numpy()[rows]
        keep &= found & compare(value, limit)  # NaN is neither above nor below
    return keep


def _parse(condition: str) -> tuple[str, Callable[[Any, Any], Any], float]:
    match = _CONDITION.fullmatch(condition)
    try:
        name, sign, limit = match.groups() if match else ("", "", "")
        return name, _OPERATORS[sign], float(limit)
    except (KeyError, ValueError):
        raise TableError(f"condition {condition!r} is not of the form `score >= 0.5` (or <=, >, <)") from None


def searched_columns(discovery: Discovery, values: pa.Table, ids: pa.Array) -> dict[str, pa.ChunkedArray]:
    """The texts that words are looked for in: attribute values, scene ids, names and notes of clusters."""
    columns = {name: values[name] for name in values.column_names if name not in _NOT_ATTRIBUTES}
    told = {s.cluster_id: " ".join([s.name, *(note.text for note in s.notes)]) for s in discovery.names.values()}
    members = discovery.lasting.members
    at = pc.index_in(members["cluster_id"], value_set=pa.array(list(told), pa.string())).combine_chunks()
    inside = members.filter(pc.is_valid(at))
    texts: list[list[str]] = [[] for _ in range(len(ids))]
    rows, _ = row_of(ids, id_array(inside["scene_id"]))
    for row, cluster_id in zip(rows.tolist(), inside["cluster_id"].to_pylist(), strict=True):
        texts[row].append(told[cluster_id])
    return {**columns, "scene": values["scene_id"], "": pa.chunked_array([pa.array(texts, pa.list_(pa.string()))])}


def _there_are(wanted: str, known: list[str]) -> str:
    close = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"there are: {', '.join(known[:20]) or 'none'}"
