"""Checks of the attributes that `oddloop.toml` declares, against the columns of `scenes`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from oddloop.config import AttributeConfig
from oddloop.lake.checks.batch import Batch, take_apart
from oddloop.lake.checks.columns import tally_values
from oddloop.lake.checks.notes import Notes
from oddloop.lake.checks.schema import Wanted
from oddloop.tables import UNKNOWN, is_compatible

_NEEDS = {
    "binned": "numbers",
    "multilabel": "lists of strings",
    "categorical": "strings, booleans or whole numbers",
    "ordered": "strings, booleans or whole numbers",
    "flags": "strings, booleans or whole numbers",
    "words": "strings",
}
_FITTING = {
    "binned": (pa.float64(),),
    "multilabel": (pa.list_(pa.string()),),
    "categorical": (pa.string(), pa.bool_(), pa.int64()),
    "ordered": (pa.string(), pa.bool_(), pa.int64()),
    "flags": (pa.string(), pa.bool_(), pa.int64()),
    "words": (pa.string(),),
}


def wanted_attributes(attributes: Mapping[str, AttributeConfig]) -> list[Wanted]:
    """The columns that the attributes are read from."""
    return [_wanted(name, column, a) for name, a in attributes.items() for column in a.columns_of(name)]


def check_values(name: str, attribute: AttributeConfig, batch: Batch, notes: Notes) -> None:
    """Count values that the attribute does not allow; null and `unknown` are allowed everywhere."""
    (column,) = attribute.columns_of(name)
    values, rows = batch[column], np.arange(batch.n_rows)
    if attribute.kind == "multilabel":
        lists = take_apart(values)
        values, rows = lists.values, np.repeat(rows, lists.lengths)
    known = [*attribute.values, *attribute.aliases, UNKNOWN]
    tally_values("attribute-value", f"attribute `{name}`", values.cast(pa.string()), rows, known, notes)


def _wanted(name: str, column: str, attribute: AttributeConfig) -> Wanted:
    missing = ("missing-attribute", f"column `{column}` of attribute `{name}` is missing")
    return Wanted(column, None, lambda found: _misfit(column, name, attribute.kind, found), missing, "attribute-type")


def _misfit(column: str, name: str, kind: str, found: pa.DataType) -> str:
    if any(is_compatible(found, fitting) for fitting in _FITTING[kind]):
        return ""
    return f"column `{column}` of attribute `{name}` is {found}, but kind `{kind}` needs {_NEEDS[kind]}"
