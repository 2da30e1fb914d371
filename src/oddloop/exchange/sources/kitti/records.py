"""All sequences of the archive as two tables of boxes, checked against one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import Fault
from oddloop.exchange.sources.kitti.archive import CLASS_CODES, Archive, detection_file, label_file
from oddloop.exchange.sources.kitti.text import DETECTIONS, LABELS, fault_at, read_text
from oddloop.exchange.summary import Progress

DONT_CARE = "DontCare"


@dataclass(frozen=True)
class Sequences:
    """The sequences in order of their names, and how many frames each has.

    Frames are numbered through: frame f of sequence s is row `first[s] + f` of every array over frames.
    """

    names: tuple[str, ...]
    n_frames: npt.NDArray[np.int64]

    @property
    def first(self) -> npt.NDArray[np.int64]:
        """(S + 1,) int64: number of each sequence's first frame, and of all frames at the end."""
        return np.concatenate([[0], np.cumsum(self.n_frames)])


@dataclass
class Records:
    """Boxes of all sequences.

    Attributes:
        sequences: names and lengths.
        labels: columns of the format and `row`, the frame's number over all sequences; DontCare included.
        detections: likewise, and `label`, the class; in the order of the files: Pedestrian, Car, Cyclist.
        faults: what is wrong; with faults the tables are not to be used.
    """

    sequences: Sequences
    labels: pa.Table
    detections: pa.Table
    faults: list[Fault] = field(default_factory=list)


def read_records(archive: Archive, progress: Progress | None = None) -> Records:
    """Read all text files; `progress` is told after each ("read", files read, files in all)."""
    names = tuple(sorted(archive.labels))
    n_files = len(names) * (1 + len(CLASS_CODES))
    faults, done = list(archive.faults), _Counter(n_files, progress)
    labels = [_read_labels(archive, name, faults, done) for name in names]
    lengths = np.array([_length(table) for table in labels], np.int64)
    sequences = Sequences(names, lengths)
    first = sequences.first
    detections = [
        _placed(_read_detections(archive, cls, name, int(lengths[i]), faults, done), int(first[i]))
        for cls in CLASS_CODES
        for i, name in enumerate(names)
    ]
    placed = [_placed(table, int(first[i])) for i, table in enumerate(labels)]
    return Records(sequences, _concat(placed, LABELS.columns), _concat(detections, DETECTIONS.columns), faults)


@dataclass
class _Counter:
    n_files: int
    progress: Progress | None
    n_done: int = 0

    def __call__(self) -> None:
        self.n_done += 1
        if self.progress is not None:
            self.progress("read", self.n_done, self.n_files)


def _read_labels(archive: Archive, name: str, faults: list[Fault], done: _Counter) -> pa.Table:
    file, content = label_file(name), archive.labels[name]
    table, found = read_text(content, LABELS, file)
    if not found and not table.num_rows:
        found = [Fault("kitti", file, -1, "no-frames", "no labels, so it is not known how many frames there are")]
    track = table["track_id"].to_numpy()
    is_object = pc.not_equal(table["category"], DONT_CARE).to_numpy()
    keys = table["frame"].to_numpy() * (track.max(initial=0) + 1) + track
    found += fault_at(
        file, content, is_object & (track < 0), "bad-track", lambda row: f"track_id {track[row]} is below 0"
    )
    found += fault_at(
        file,
        content,
        is_object & _is_repeat(np.where(is_object, keys, -1 - np.arange(len(keys)))),
        "duplicate-track",
        lambda row: f"track_id {track[row]} is twice in frame {table['frame'][row]}; an object has one box per frame",
    )
    faults += found
    done()
    return table if not found else table.slice(0, 0)


def _read_detections(
    archive: Archive, cls: str, name: str, n_frames: int, faults: list[Fault], done: _Counter
) -> pa.Table:
    file, content = detection_file(cls, name), archive.detections.get(cls, {}).get(name, b"")
    table, found = read_text(content, DETECTIONS, file)
    frame, code = table["frame"].to_numpy(), table["class_code"].to_numpy()
    found += fault_at(
        file,
        content,
        code != CLASS_CODES[cls],
        "wrong-class",
        lambda row: f"class {code[row]} in the folder of {cls}, whose number is {CLASS_CODES[cls]}",
    )
    # Where the labels are faulty the length is not known, and there is nothing to compare with.
    found += fault_at(
        file,
        content,
        (frame >= n_frames) & (n_frames > 0),
        "frame-without-labels",
        lambda row: f"frame {frame[row]} comes after the last labelled frame, {n_frames - 1}",
    )
    faults += found
    done()
    table = table if not found else table.slice(0, 0)
    return table.append_column("label", pa.repeat(cls, table.num_rows))


def _is_repeat(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where a value was there before."""
    repeated = np.ones(len(keys), np.bool_)
    repeated[np.unique(keys, return_index=True)[1]] = False
    return repeated


def _length(table: pa.Table) -> int:
    """Frames run from 0 to the last labelled one."""
    return int(pc.max(table["frame"]).as_py()) + 1 if table.num_rows else 0


def _placed(table: pa.Table, first: int) -> pa.Table:
    return table.append_column("row", pa.array(table["frame"].to_numpy() + first, pa.int64()))


def _concat(tables: Sequence[pa.Table], columns: pa.Schema) -> pa.Table:
    return pa.concat_tables(tables).combine_chunks() if tables else columns.empty_table()
