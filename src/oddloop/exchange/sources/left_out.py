"""Results that are not taken since what they are of is not there: counted, and refused where that is all of them.

A model's results are often of a whole split, of which some logs have been copied; so the others are no fault. Where
nothing of a model fits, the folder is wrong or its names are, and the model would just be missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import astuple
from pathlib import Path

import pyarrow as pa

from oddloop.errors import Fault
from oddloop.exchange.sources.base import PartError

LEFT_OUT = "left_out"
"""Table that a part may give beside the lake's: rows that were not taken, with their number."""
_TEXT, _INT = pa.string(), pa.int64()
_COLUMNS = {"table": _TEXT, "file": _TEXT, "row": _INT, "code": _TEXT, "message": _TEXT, "n_rows": _INT}


def find_unknown(folder: Path, table: str, noun: str, of: pa.ChunkedArray, known: Iterable[str]) -> tuple[Fault, ...]:
    """What results are of that is not there, with their number.

    Args:
        folder: the model's.
        table: the lake table that they go to.
        noun: what `of` names, such as `log`.
        of: what each result is of.
        known: what is there.

    Raises:
        PartError: there are no results, or none is of what is there.

    >>> of = pa.chunked_array([["a", "b", "b"]])
    >>> [fault.n_rows for fault in find_unknown(Path("results/m1"), "predictions/detection/m1", "log", of, ["a"])]
    [2]
    """
    counts = {str(pair["values"]): int(pair["counts"]) for pair in of.value_counts().to_pylist()}
    if not counts:
        raise _no_results(folder)
    strange = sorted(counts.keys() - set(known))
    if len(strange) == len(counts):
        more = f" and {len(strange) - 1:,} more" if len(strange) > 1 else ""
        message = (
            f"none of its {len(of):,} results is of a {noun} that is here: they are of {strange[0]!r}{more}; "
            f"copy what belongs together, or remove the folder"
        )
        raise PartError.of(folder, f"no-such-{noun}", message)
    reason = "of {} {!r}, which is not here"
    return tuple(
        Fault(table, str(folder), -1, f"no-such-{noun}", reason.format(noun, one), counts[one]) for one in strange
    )


def refuse_without_results(folder: Path, models: Iterable[str], having: Collection[str]) -> None:
    """Refuse models whose files hold no result, such as `[]`: on which frames they found nothing is not known.

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
