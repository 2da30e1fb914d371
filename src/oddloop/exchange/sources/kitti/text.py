"""The two text formats: columns, fast reading, and where a line is not as it should be."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

from oddloop.errors import Fault

MAX_FRAME = 863_999
"""Last frame of a day at 10 Hz; a larger number is a slip, and would make as many empty frames."""
_CORNERS = [(name, pa.float64()) for name in ("x_min_px", "y_min_px", "x_max_px", "y_max_px")]
_BODY = [(name, pa.float64()) for name in ("height_m", "width_m", "length_m", "x_m", "y_m", "z_m", "rotation_y_rad")]


@dataclass(frozen=True)
class Format:
    """A text format: one box per line, columns parted by one `delimiter`, no heading."""

    delimiter: str
    columns: pa.Schema
    words: str


LABELS = Format(
    " ",
    pa.schema(
        [
            ("frame", pa.int64()),
            ("track_id", pa.int64()),
            ("category", pa.string()),
            ("truncation_level", pa.int64()),
            ("occlusion_level", pa.int64()),
            ("alpha_rad", pa.float64()),
            *_CORNERS,
            *_BODY,
        ]
    ),
    "frame track_id type truncated occluded alpha, 4 of bbox, 3 of dimensions, 3 of location, rotation_y",
)
DETECTIONS = Format(
    ",",
    pa.schema(
        [
            ("frame", pa.int64()),
            ("class_code", pa.int64()),
            *_CORNERS,
            ("logit", pa.float64()),
            *_BODY,
            ("alpha_rad", pa.float64()),
        ]
    ),
    "frame,class, 4 of bbox,score, 3 of dimensions, 3 of location,rotation_y,alpha",
)


def read_text(content: bytes, form: Format, file: str) -> tuple[pa.Table, list[Fault]]:
    """Read one file: a table with the format's columns, and its faults, of each kind the first line and the count.

    A file of no lines gives no rows. With faults the rows are not to be used.
    """
    if not content.strip():
        return form.columns.empty_table(), []
    try:
        table = _parse(content, form)
    except pa.ArrowInvalid as error:
        return form.columns.empty_table(), _malformed(content, form, file) or [_unreadable(file, error)]
    return table, [*_bad_numbers(table, content, file)]


def fault_at(file: str, content: bytes, is_bad: np.ndarray, code: str, message: Callable[[int], str]) -> list[Fault]:
    """One fault for the rows where `is_bad` (N,) holds, at the line of the first; none where there are none."""
    rows = np.flatnonzero(is_bad)
    if not len(rows):
        return []
    # Rows are not lines where the file has blank ones; looked up only when something is wrong.
    lines = [number for number, line in enumerate(content.splitlines(), start=1) if line.strip()]
    first = int(rows[0])
    return [Fault("kitti", f"{file}:{lines[first]}", -1, code, message(first), len(rows))]


def _parse(content: bytes, form: Format) -> pa.Table:
    return pc_csv.read_csv(
        io.BytesIO(content),
        read_options=pc_csv.ReadOptions(column_names=form.columns.names, use_threads=False),
        parse_options=pc_csv.ParseOptions(delimiter=form.delimiter, quote_char=False),
        convert_options=pc_csv.ConvertOptions(
            column_types=form.columns, null_values=[], strings_can_be_null=False, auto_dict_encode=False
        ),
    ).combine_chunks()


def _bad_numbers(table: pa.Table, content: bytes, file: str) -> list[Fault]:
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    values = np.stack([table[name].to_numpy() for name in floats], axis=1)
    frame = table["frame"].to_numpy()
    x_min, y_min, x_max, y_max = (table[name].to_numpy() for name, _ in _CORNERS)

    def not_finite(row: int) -> str:
        return f"{floats[int(np.argmin(np.isfinite(values[row])))]} is not a finite number"

    return [
        *fault_at(file, content, ~np.isfinite(values).all(axis=1), "not-finite", not_finite),
        *fault_at(
            file,
            content,
            (frame < 0) | (frame > MAX_FRAME),
            "bad-frame",
            lambda row: f"frame {frame[row]} is not in 0..{MAX_FRAME:,}, a day at 10 Hz",
        ),
        *fault_at(
            file,
            content,
            (x_max < x_min) | (y_max < y_min),
            "reversed-box",
            lambda row: (
                f"bbox {x_min[row]:g} {y_min[row]:g} {x_max[row]:g} {y_max[row]:g} is not left top right bottom: "
                "right is less than left, or bottom less than top"
            ),
        ),
    ]


def _malformed(content: bytes, form: Format, file: str) -> list[Fault]:
    """The slow way, once something is known to be wrong: line by line."""
    found: list[tuple[int, str, str]] = []
    for number, line in enumerate(content.splitlines(), start=1):
        cells = line.decode(errors="replace").split(form.delimiter)
        if not line.strip():
            continue
        if len(cells) != len(form.columns):
            text = f"column count {len(cells)} instead of {len(form.columns)}: {form.words}"
            found.append((number, "malformed-line", text))
        found += [(number, "not-a-number", text) for text in _wrong_cells(cells, form)]
    firsts = {code: next(f for f in found if f[1] == code) for _, code, _ in found}
    count = {code: len({number for number, c, _ in found if c == code}) for code in firsts}
    return [Fault("kitti", f"{file}:{n}", -1, code, text, count[code]) for n, code, text in firsts.values()]


def _wrong_cells(cells: list[str], form: Format) -> list[str]:
    if len(cells) != len(form.columns):
        return []
    wrong = []
    for cell, column in zip(cells, form.columns, strict=True):
        if not _is_a(column.type, cell):
            kind = "a whole number" if pa.types.is_integer(column.type) else "a number"
            wrong.append(f"{column.name} is {cell!r}, not {kind}")
    return wrong


def _is_a(kind: pa.DataType, cell: str) -> bool:
    try:
        pa.scalar(cell).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _unreadable(file: str, error: pa.ArrowInvalid) -> Fault:
    return Fault("kitti", file, -1, "unreadable", f"not text in this format: {str(error).splitlines()[0]}")
