"""Spoil a copy of a data set in one random way, and judge what the ingest made of it.

Ways that fit the kind of file are drawn by a seeded generator. Whatever happens, the lake must be either as it was or
whole: an ingest that is refused says what and where, and one that goes through leaves nothing that a check would find.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from oddloop.errors import OddloopError
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace


def some_fast(cases: list[tuple[object, ...]], n: int = 4) -> list[object]:
    """The first n cases as they are, and the others among the system tests, so that the fast ones stay fast."""
    return [*cases[:n], *(pytest.param(*case, marks=pytest.mark.system) for case in cases[n:])]


@dataclass(frozen=True)
class Spoilt:
    """What was done, and whether nobody could take the result for good."""

    way: str
    file: str
    must_refuse: bool


@dataclass(frozen=True)
class Needs:
    """What a source cannot do without: files that it reads, and columns or keys of numbers that it takes."""

    files: Callable[[Path], bool]
    names: Collection[str] = ()
    siblings: bool = True  # whether each file is needed
    has_end: bool = True  # whether a file tells where it ends; lines of text may just be fewer, or none


@dataclass
class Verdict:
    """How many variants were refused and accepted, by way, and what was wrong with the judgement."""

    refused: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def try_variants(source: str, clean: Path, needs: Needs, scratch: Path, *, n: int, seed: int) -> Verdict:
    """Ingest n spoilt copies of a clean data set, each over a good lake."""
    verdict, scratch = Verdict(), scratch / "variants"
    good = Workspace.create(scratch / "good", "")
    ingest_source(make_source(source, clean, 20.0), clean, good)
    before = _content(good)
    for rng in np.random.default_rng(seed).spawn(n):
        copy, lake = scratch / "copy", scratch / "lake"
        for old in (copy, lake):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(clean, copy)
        shutil.copytree(scratch / "good", lake)
        spoilt = spoil(copy, needs, rng)
        _judge(source, copy, Workspace.open(lake), spoilt, before, verdict)
    return verdict


def _judge(
    source: str, copy: Path, lake: Workspace, spoilt: Spoilt, before: dict[str, bytes], verdict: Verdict
) -> None:
    try:
        ingest_source(make_source(source, copy, 20.0), copy, lake)
    except OddloopError as error:
        verdict.refused[spoilt.way] += 1
        if _content(lake) != before:
            verdict.wrong.append(f"{spoilt}: refused, but the lake has changed")
        place = Path(spoilt.file)
        if not any(name in str(error).replace(str(copy), "") for name in (place.name, place.parent.name)):
            verdict.wrong.append(f"{spoilt}: the message names no place: {error}")
        return
    verdict.accepted[spoilt.way] += 1
    if spoilt.must_refuse:
        verdict.wrong.append(f"{spoilt}: went through")
    verdict.wrong += [f"{spoilt}: {fault}" for fault in find_faults(lake) if fault.code != "undeclared-metric"]


def _content(workspace: Workspace) -> dict[str, bytes]:
    root = workspace.storage.local_path()
    return {str(p.relative_to(root)): p.read_bytes() for p in (root / "lake").rglob("*") if p.is_file()}


def spoil(folder: Path, needs: Needs, rng: np.random.Generator) -> Spoilt:
    """Spoil one file that the source reads."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and needs.files(p))
    file = files[rng.integers(len(files))]
    ways = [_truncate, _remove, _empty, _garble, *_WAYS.get(file.suffix, [])]
    # The format's own ways twice as often as those that fit any file.
    way = ways[rng.choice(len(ways), p=_weights(len(ways)))]
    name, must_refuse = way(file, needs.names, rng)
    must_refuse &= (needs.siblings or name != "removed") and (needs.has_end or name not in ("truncated", "empty"))
    return Spoilt(name, str(file.relative_to(folder)), must_refuse)


def _weights(n: int) -> np.ndarray:
    weights = np.r_[np.ones(4), np.full(n - 4, 2.0)]
    return weights / weights.sum()


Way = Callable[[Path, Collection[str], np.random.Generator], tuple[str, bool]]


def _truncate(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    content = file.read_bytes()
    file.write_bytes(content[: rng.integers(1, len(content) - 8)])
    return "truncated", True


def _remove(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    file.unlink()
    return "removed", True


def _empty(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    file.write_bytes(b"")
    return "empty", True


def _garble(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    file.write_bytes(rng.bytes(1000))
    return "garbled", True


def _read(file: Path) -> pa.Table:
    return pq.read_table(file) if file.suffix == ".parquet" else feather.read_table(file, memory_map=False)


def _write(table: pa.Table, file: Path) -> None:
    if file.suffix == ".parquet":
        pq.write_table(table, file)
    else:
        feather.write_feather(table, file)


def _column_dropped(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    table = _read(file)
    name = str(rng.choice(table.column_names))
    _write(table.drop_columns([name]), file)
    return "column dropped", name in names


def _column_retyped(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    table = _read(file)
    i = int(rng.integers(table.num_columns))
    words = pa.array([f"<{j}>" for j in range(table.num_rows)])
    was_text = pa.types.is_string(table.schema.field(i).type)
    _write(table.set_column(i, table.column_names[i], words), file)
    return "column of words", table.column_names[i] in names and not was_text


def _value_set(file: Path, names: Collection[str], rng: np.random.Generator, value: float | None) -> str:
    """Set one value, or one of a list; a table without numbers is left as it is."""
    table = _read(file)
    kinds = [i for i, f in enumerate(table.schema) if value is None or _holds_floats(f.type)]
    if not kinds:
        return ""
    i, row = int(rng.choice(kinds)), int(rng.integers(table.num_rows))
    values = table.column(i).to_pylist()
    values[row] = [value, *values[row][1:]] if value is not None and isinstance(values[row], list) else value
    field_ = table.schema.field(i).with_nullable(True)
    _write(table.set_column(i, field_, pa.array(values, field_.type)), file)
    return table.column_names[i]


def _holds_floats(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or (hasattr(kind, "value_type") and pa.types.is_floating(kind.value_type))


def _nan(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    return "NaN", _value_set(file, names, rng, float("nan")) in names


def _null(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    return "null", _value_set(file, names, rng, None) in names


def _row_twice(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    table = _read(file)
    _write(pa.concat_tables([table, table.slice(int(rng.integers(table.num_rows)), 1)]), file)
    return "row twice", False


def _json_node(file: Path, rng: np.random.Generator) -> tuple[object, object, object]:
    """The document, and a random place in it: a container and a key or index."""
    document = json.loads(file.read_bytes())
    node = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[rng.integers(len(keys))]
        below = node[key]
        if not (isinstance(below, dict | list) and len(below)) or rng.random() < 0.25:
            return document, node, key
        node = below


def _json_way(name: str, change: Callable[[dict | list, object], object]) -> Way:
    def way(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
        document, node, key = _json_node(file, rng)
        change(node, key)
        file.write_text(json.dumps(document))
        return name, isinstance(node, dict) and key in names

    return way


def _hollow(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    """What a run that ended too early leaves: valid, and empty; a model without any result must not go missing."""
    if "results" not in file.parts:  # of a hollow table other files say that it lacks what they refer to
        return "as it was", False
    document = json.loads(file.read_bytes())
    file.write_text(json.dumps([] if isinstance(document, list) else {k: type(v)() for k, v in document.items()}))
    return "hollow", True


def _of_another(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    """Times that a signal or the frames of another segment have."""
    values = np.load(file)
    with file.open("wb") as stream:
        np.save(stream, values + rng.choice([-3600, 3600]))
    return "of another segment", file.name == "t"


def _set(value: object) -> Callable[[dict | list, object], object]:
    return lambda node, key: node.__setitem__(key, value)  # type: ignore[union-attr]


def _again(node: dict | list, key: object) -> object:
    return node.append(node[key]) if isinstance(node, list) else node.__setitem__(f"{key}_2", node[key])


def _sqlite(name: str, statement: str) -> Way:
    def way(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
        with sqlite3.connect(file) as db:
            tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
            table = str(rng.choice(tables))
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            column = str(rng.choice(columns))
            db.execute(statement.format(table=table, column=column))
        db.close()
        return name, (table if "TABLE" in statement and "COLUMN" not in statement else f"{table}.{column}") in names

    return way


def _xml_way(
    name: str, change: Callable[[ElementTree.Element, ElementTree.Element, np.random.Generator], object]
) -> Way:
    def way(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
        tree = ElementTree.parse(file)
        pairs = [(parent, child) for parent in tree.iter() for child in parent]
        change(*pairs[rng.integers(len(pairs))], rng)
        tree.write(file)
        return name, False

    return way


def _text(said: str) -> Callable[[ElementTree.Element, ElementTree.Element, np.random.Generator], object]:
    return lambda parent, child, rng: setattr(child, "text", said)


def _other_version(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
    file.write_text(file.read_text().replace('commonRoadVersion="2018b"', 'commonRoadVersion="2031z"'))
    return "other version", True


def _array_way(
    name: str, change: Callable[[np.ndarray, np.random.Generator], np.ndarray], must_refuse: bool = True
) -> Way:
    def way(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
        changed = change(np.load(file), rng)
        with file.open("wb") as stream:
            np.save(stream, changed)
        return name, must_refuse

    return way


def _with_nan(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values = values.astype(np.float64)
    values.reshape(-1)[rng.integers(values.size)] = np.nan
    return values


def _line_way(
    name: str, change: Callable[[list[str], int, np.random.Generator], object], must_refuse: bool = True
) -> Way:
    def way(file: Path, names: Collection[str], rng: np.random.Generator) -> tuple[str, bool]:
        lines = file.read_text().splitlines()
        if not lines:
            return name, False
        change(lines, int(rng.integers(len(lines))), rng)
        file.write_text("".join(f"{line}\n" for line in lines))
        return name, must_refuse

    return way


def _cell(change: Callable[[list[str], int], object]) -> Callable[[list[str], int, np.random.Generator], object]:
    """Change one of the last eight cells of a line, which are numbers in KITTI's labels and detections."""

    def change_line(lines: list[str], row: int, rng: np.random.Generator) -> None:
        mark = "," if "," in lines[row] else " "
        cells = lines[row].split(mark)
        change(cells, int(rng.integers(len(cells) - 8, len(cells))))
        lines[row] = mark.join(cells)

    return change_line


_FRAMES = [_column_dropped, _column_retyped, _nan, _null, _row_twice]
_WAYS: dict[str, list[Way]] = {
    "": [
        _array_way("NaN", _with_nan),
        _array_way("row gone", lambda values, rng: np.delete(values, rng.integers(len(values)), axis=0)),
        _array_way("words", lambda values, rng: values.astype(str)),
        _array_way("other order", lambda values, rng: values[::-1], must_refuse=False),
        _of_another,
    ],
    ".feather": _FRAMES,
    ".parquet": _FRAMES,
    ".json": [
        _json_way("key removed", lambda node, key: node.__delitem__(key)),  # type: ignore[union-attr]
        _json_way("NaN", _set(float("nan"))),
        _json_way("null", _set(None)),
        _json_way("word", _set("<word>")),
        lambda file, names, rng: (_json_way("twice", _again)(file, names, rng)[0], False),
        _hollow,
    ],
    ".txt": [
        _line_way("line gone", lambda lines, row, rng: lines.pop(row), must_refuse=False),
        _line_way("line twice", lambda lines, row, rng: lines.append(lines[row]), must_refuse=False),
        _line_way("other order", lambda lines, row, rng: rng.shuffle(lines), must_refuse=False),
        _line_way("cell gone", _cell(lambda cells, i: cells.pop(i))),
        _line_way("cell too many", _cell(lambda cells, i: cells.insert(i, cells[i]))),
        _line_way("word", _cell(lambda cells, i: cells.__setitem__(i, "<word>"))),
        _line_way("NaN", _cell(lambda cells, i: cells.__setitem__(i, "nan"))),
        _line_way("infinite", _cell(lambda cells, i: cells.__setitem__(i, "-inf"))),
    ],
    ".xml": [
        _xml_way("element removed", lambda parent, child, rng: parent.remove(child)),
        _xml_way("element twice", lambda parent, child, rng: parent.append(child)),
        _xml_way("attribute gone", lambda parent, child, rng: child.attrib.clear()),
        _xml_way("NaN", _text("nan")),
        _xml_way("word", _text("<word>")),
        _other_version,
    ],
    ".db": [
        _sqlite("table dropped", "DROP TABLE {table}"),
        _sqlite("column renamed", "ALTER TABLE {table} RENAME COLUMN {column} TO other"),
        _sqlite("null", "UPDATE {table} SET {column} = NULL WHERE rowid = (SELECT max(rowid) FROM {table})"),
        _sqlite("word", "UPDATE {table} SET {column} = '<word>' WHERE rowid = (SELECT max(rowid) FROM {table})"),
    ],
}
