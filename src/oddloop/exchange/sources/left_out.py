"""Results that are not taken since what they are of is not there: counted, and refused where that is all of them.

A model's results are often of a whole split, of which some logs have been copied; so the others are no fault. Where
nothing of a model fits, the folder is wrong or its names are, and the model would just be missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import astuple
from pathlib import Path

import pyarrow as pa

from oddloop.errors import Fault
from oddloop.exchange.sources.base import PartError

LEFT_OUT = "left_out"
"""Table that a part may give beside the lake's: rows that were not taken, with their number."""
_TEXT, _INT = pa.string(), pa.int64()
_COLUMNS = {"table": _TEXT, "file": _TEXT, "row": _INT, "code": _TEXT, "message": _TEXT, "n_rows": _INT}


def find_unknown(
    models: Mapping[str, pa.Table], folder: Path, task: str, noun: str, known: Iterable[str]
) -> tuple[Fault, ...]:
    """What results are of that is not there, with their number, of all models.

    Args:
        models: results by model; the column `<noun>_id` says what each is of.
        folder: holds the models' folders.
        task: of `predictions/<task>/<model>`, where they go.
        noun: such as `log`.
        known: ids that are there.

    Raises:
        PartError: a model has no results, or none of what is there.

    >>> models = {"m1": pa.table({"log_id": ["a", "b", "b"]})}
    >>> [fault.n_rows for fault in find_unknown(models, Path("results"), "detection", "log", ["a"])]
    [2]
    """
    here = set(known)
    return tuple(
        Fault(f"predictions/{task}/{model}", str(folder / model), -1, f"no-such-{noun}", message, n)
        for model, table in models.items()
        for message, n in _unknown(folder / model, noun, table[f"{noun}_id"], here)
    )


def _unknown(folder: Path, noun: str, of: pa.ChunkedArray, known: Set[str]) -> list[tuple[str, int]]:
    counts = {str(pair["values"]): int(pair["counts"]) for pair in of.value_counts().to_pylist()}
    if not counts:
        raise _no_results(folder)
    strange = sorted(counts.keys() - known)
    if len(strange) == len(counts):
        more = f" and {len(strange) - 1:,} more" if len(strange) > 1 else ""
        message = (
            f"none of its {len(of):,} results is of a {noun} that is here: they are of {strange[0]!r}{more}; "
            f"copy what belongs together, or remove the folder"
        )
        raise PartError.of(folder, f"no-such-{noun}", message)
    return [(f"of {noun} {one!r}, which is not here", counts[one]) for one in strange]


def refuse_without_results(folder: Path, models: Iterable[str], having: Collection[str]) -> None:
    """Refuse models whose files hold no result, such as `[]`: they would be missing without a word.

    Args:
        folder: holds the models' folders.
        models: names of those.
        having: models of which there are results.

    Raises:
        PartError: names each that is in `models` alone.

    >>> refuse_without_results(Path("results"), ["m1", "m2"], {"m1"})
    Traceback (most recent call last):
        ...
    oddloop.exchange.sources.base.PartError: results/m2: no result is in its files; copy them again, or ... [no-results]
    """
    faults = [fault for model in models if model not in having for fault in _no_results(folder / model).faults]
    if faults:
        raise PartError(faults)


def _no_results(folder: Path) -> PartError:
    return PartError.of(folder, "no-results", "no result is in its files; copy them again, or remove the folder")


def as_table(faults: Iterable[Fault]) -> pa.Table:
    """Rows of the table `left_out`.

    >>> as_faults(as_table([Fault("t", "f", -1, "other-times", "at no sweep", 3)]))[0].n_rows
    3
    """
    rows = [dict(zip(_COLUMNS, astuple(fault), strict=True)) for fault in faults]
    return pa.Table.from_pylist(rows, pa.schema(list(_COLUMNS.items())))


def as_faults(table: pa.Table) -> list[Fault]:
    """What `as_table` was made of."""
    return [Fault(**row) for row in table.to_pylist()]
