"""The files of a KITTI tracking archive, from a folder or from `kitti_tracking.tar.gz`.

    label_02/<sequence>.txt                              labels
    detections/pointrcnn_<Class>_val/<sequence>.txt      detections of Car, Pedestrian and Cyclist

Memory grows with the text (30 MB for all 21 sequences).
"""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oddloop.errors import Fault, SourceError, join_faults

ARCHIVE = "kitti_tracking.tar.gz"
CLASS_CODES = {"Pedestrian": 1, "Car": 2, "Cyclist": 3}
"""Detected classes and the number that the detection files write for them."""
_LABELS = re.compile(r"label_02/(?P<sequence>[^/]+)\.txt")
_DETECTIONS = re.compile(r"detections/pointrcnn_(?P<name>[^/]+)_val/(?P<sequence>[^/]+)\.txt")


@dataclass
class Archive:
    """Content of the text files, and what is missing, strange or twice.

    Attributes:
        labels: text by sequence.
        detections: class -> text by sequence.
        files: what each sequence is read from; sequences that are named wrongly or lack labels are among them.
        lacks: what is missing of the archive as a whole.
        faults: faults by sequence.
    """

    labels: dict[str, bytes] = field(default_factory=dict)
    detections: dict[str, dict[str, bytes]] = field(default_factory=dict)
    files: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    lacks: list[Fault] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)

    @property
    def sequences(self) -> list[str]:
        """Names of all sequences, in order."""
        return sorted(self.files)

    def faults_of(self, sequence: str) -> list[Fault]:
        """Everything that keeps a sequence from being read, but for what its texts say."""
        return [*self.lacks, *self.faults.get(sequence, [])]

    def fault(self, sequence: str, file: str, code: str, message: str) -> None:
        """Note one fault of a sequence."""
        self.faults.setdefault(sequence, []).append(Fault("kitti", file, -1, code, message))

    def lack(self, file: str, message: str) -> None:
        """Note what is missing for all sequences."""
        self.lacks.append(Fault("kitti", file, -1, "missing-file", message))


def read_archive(folder: Path) -> Archive:
    """Read the text files of a folder, unpacked or packed.

    Raises:
        SourceError: there is no such folder, or it holds neither form or no sequence, or the packed form is damaged.
    """
    archive = Archive()
    for file, path, content in _members(folder):
        _sort_in(archive, file, path, content)
    _compare_sequences(archive)
    if not archive.files:
        noun = "fault" if len(archive.lacks) == 1 else "faults"
        raise SourceError(join_faults(f"{folder}: {len(archive.lacks)} {noun}; nothing was written", archive.lacks))
    return archive


def label_file(sequence: str) -> str:
    """Path of a sequence's labels within the archive."""
    return f"label_02/{sequence}.txt"


def detection_file(name: str, sequence: str) -> str:
    """Path of a sequence's detections of one class within the archive."""
    return f"detections/pointrcnn_{name}_val/{sequence}.txt"


def _members(folder: Path) -> Iterator[tuple[Path, str, bytes]]:
    """The file that is read, the path within the archive, and the content."""
    if (folder / "label_02").is_dir():
        paths = sorted(p for top in ("label_02", "detections") for p in (folder / top).rglob("*.txt"))
        return ((p, p.relative_to(folder).as_posix(), p.read_bytes()) for p in paths)
    packed = folder if folder.is_file() else folder / ARCHIVE
    if packed.is_file():
        return _packed_members(packed)
    if not folder.exists():
        raise SourceError(f"{folder}: no such folder; give the folder that holds label_02/ or {ARCHIVE}")
    raise SourceError(
        f"{folder}: neither label_02/ nor {ARCHIVE} is here; it has: {_listing(folder)}. "
        "Give the folder that holds one of them"
    )


def _packed_members(packed: Path) -> Iterator[tuple[Path, str, bytes]]:
    try:
        with tarfile.open(packed, "r:*") as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield packed, member.name.removeprefix("./"), stream.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise SourceError(f"{packed}: not a readable tar archive: {error}; download it again") from error


def _sort_in(archive: Archive, file: Path, path: str, content: bytes) -> None:
    labels, detections = _LABELS.fullmatch(path), _DETECTIONS.fullmatch(path)
    found = labels or detections
    if found is None:
        return
    sequence = found["sequence"]
    archive.files[sequence] = tuple(dict.fromkeys([*archive.files.get(sequence, ()), file]))
    if not re.fullmatch("[0-9]{1,4}", sequence):
        archive.fault(sequence, path, "bad-name", f"the sequence {sequence!r} is not a number from 0000 to 9999")
    elif detections and detections["name"] not in CLASS_CODES:
        message = f"class {detections['name']}; detections are of {', '.join(CLASS_CODES)}"
        archive.fault(sequence, path, "unknown-class", message)
    else:
        texts = archive.detections.setdefault(detections["name"], {}) if detections else archive.labels
        if sequence in texts:
            message = "the file is twice in the archive, so its frames would be too; keep one"
            archive.fault(sequence, path, "twice", message)
        texts[sequence] = content


def _compare_sequences(archive: Archive) -> None:
    if not archive.labels:
        archive.lack("label_02", "no <sequence>.txt in it; labels are needed to know the frames")
    for name in CLASS_CODES:
        texts: Mapping[str, bytes] | None = archive.detections.get(name)
        if texts is None:
            folder = detection_file(name, "").removesuffix("/.txt")
            archive.lack(folder, "the folder is missing or empty; detections of all classes are needed")
            continue
        for sequence in sorted(archive.labels.keys() - texts.keys()):
            archive.fault(
                sequence,
                detection_file(name, sequence),
                "missing-file",
                f"missing, though {label_file(sequence)} is there; an empty file says that nothing was detected",
            )
        for sequence in sorted(texts.keys() - archive.labels.keys()) if archive.labels else ():
            archive.fault(
                sequence,
                detection_file(name, sequence),
                "no-such-sequence",
                f"detections of a sequence without {label_file(sequence)}; add its labels or remove it",
            )


def _listing(folder: Path) -> str:
    names = sorted(p.name for p in folder.iterdir())
    return ", ".join(names[:8]) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "") or "nothing"
