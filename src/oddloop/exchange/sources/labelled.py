"""Which scenes count as labelled when they come in."""

from __future__ import annotations

import difflib
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import SourceError
from oddloop.tables import LABELS

SPLIT_COLUMN = "dataset_split"
"""Extra column of `scenes`: the split that the data set's authors put the scene into."""


def labels_of(scenes: pa.Table, labelled: Collection[str]) -> pa.Table | None:
    """Rows of `labels` for the scenes of the named logs or splits, labelled at their end at an unknown cost.

    Args:
        scenes: `scenes` rows, with `dataset_split` where the data set has splits.
        labelled: values of `log_id` or `dataset_split`; none gives None.

    Raises:
        SourceError: names are neither logs nor splits; all are told.

    >>> scenes = pa.table({"scene_id": ["a", "b"], "log_id": ["l", "m"], "start_ns": [0, 5], "duration_s": [1.0, 1.0]})
    >>> labels_of(scenes, ["m"])["labelled_at_ns"].to_pylist()
    [1000000005]
    """
    if not labelled:
        return None
    columns = [scenes[name] for name in ("log_id", SPLIT_COLUMN) if name in scenes.column_names]
    known = {value for column in columns for value in column.unique().to_pylist() if value is not None}
    if unknown := [_say_unknown(name, known) for name in labelled if name not in known]:
        raise SourceError("\n".join(unknown))
    names = pa.array(sorted(labelled), pa.string())
    mask = pc.is_in(columns[0], value_set=names)
    for column in columns[1:]:
        mask = pc.or_(mask, pc.is_in(column, value_set=names))
    chosen = scenes.filter(mask)
    # Rounded, since 4.1 s times 1e9 is a little less than 4,100,000,000.
    end_ns = pc.add(chosen["start_ns"], pc.round(pc.multiply(chosen["duration_s"], 1e9)).cast(pa.int64()))
    n = chosen.num_rows
    not_known = [pa.nulls(n, pa.string()), pa.nulls(n, pa.float64())]
    return pa.table([chosen["scene_id"], end_ns, *not_known], schema=LABELS.schema())


def _say_unknown(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known)[:10])}"
    return f"--labelled: {name!r} is neither a log nor a split; {hint}"
