"""What a data set's own splits mean here."""

from __future__ import annotations

import re
from collections.abc import Collection

from oddloop.exchange.sources.labelled import SPLIT_COLUMN

HELD_OUT = "^(mini_)?(val|test)"
"""What the names of splits begin with that are held out."""


def split_columns(name: str, known: Collection[str]) -> dict[str, str | None]:
    """Columns of `scenes` for a data set's split, by `is_held_out_split`; nothing for a name that is none of `known`.

    >>> split_columns("val", ("train", "val")), split_columns("drives", ("train", "val"))
    ({'dataset_split': 'val', 'split': 'eval'}, {'dataset_split': None, 'split': None})
    """
    if name not in known:
        return {SPLIT_COLUMN: None, "split": None}
    return {SPLIT_COLUMN: name, "split": "eval" if is_held_out_split(name) else "pool"}


def is_held_out_split(split: str) -> bool:
    """Validation and test are held out, a small version's too; everything else is the pool.

    >>> [is_held_out_split(name) for name in ("val", "mini_val", "test_boston", "train", "mini")]
    [True, True, True, False, False]
    """
    return re.match(HELD_OUT, split) is not None
