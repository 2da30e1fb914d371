"""What a data set's own splits mean here."""

from __future__ import annotations

from collections.abc import Collection

from oddloop.exchange.sources.labelled import SPLIT_COLUMN


def split_columns(name: str, known: Collection[str]) -> dict[str, str | None]:
    """Columns of `scenes` for a data set's split: validation and test are held out, everything else is the pool.

    >>> split_columns("val", ("train", "val")), split_columns("drives", ("train", "val"))
    ({'dataset_split': 'val', 'split': 'eval'}, {'dataset_split': None, 'split': None})
    """
    if name not in known:
        return {SPLIT_COLUMN: None, "split": None}
    return {SPLIT_COLUMN: name, "split": "eval" if name.startswith(("val", "test")) else "pool"}
