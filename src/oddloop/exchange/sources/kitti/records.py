"""A sequence of the archive as two tables of boxes, checked against one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import Fault
from oddloop.exchange.sources.base import PartError
from oddloop.exchange.sources.kitti.archive import CLASS_CODES, Archive, detection_file, label_file
from oddloop.exchange.sources.kitti.text import DETECTIONS, LABELS, fault_at, read_text

DONT_CARE = "DontCare"


@dataclass(frozen=True)
class Sequence:
    """Boxes of a sequence, whose frames run from 0 to the last labelled one.

    Attributes:
        name: such as 0000.
        n_frames: at least 1.
        labels: columns of the format; DontCare included.
        detections: likewise, and `label`, the class; in the order of the files: Pedestrian, Car, Cyclist.
    """

    name: str
    n_frames: int
    labels: pa.Table
    detections: pa.Table


def read_sequence(archive: Archive, name: str) -> Sequence:
    """Read the text files of a sequence.

    Raises:
        PartError: everything that is wrong with them, and what the archive lacks.
    """
    faults = archive.faults_of(name)
    if name not in archive.labels:
        raise PartError(faults)
    labels = _read_labels(archive, name, faults)
    n_frames = _length(labels)
    detections = [_read_detections(archive, cls, name, n_frames, faults) for cls in CLASS_CODES]
    if faults:
        raise PartError(faults)
    return Sequence(name, n_frames, labels, pa.concat_tables(detections).combine_chunks())


def _read_labels(archive: Archive, name: str, faults: list[Fault]) -> pa.Table:
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
    return table if not found else table.slice(0, 0)


def _read_detections(archive: Archive, cls: str, name: str, n_frames: int, faults: list[Fault]) -> pa.Table:
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
    return table.append_column("label", pa.repeat(cls, table.num_rows))


def _is_repeat(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where a value was there before."""
    repeated = np.ones(len(keys), np.bool_)
    repeated[np.unique(keys, return_index=True)[1]] = False
    return repeated


def _length(table: pa.Table) -> int:
    """Frames run from 0 to the last labelled one."""
    return int(pc.max(table["frame"]).as_py()) + 1 if table.num_rows else 0
